# SPDX-License-Identifier: Apache-2.0
"""A bare AMQP 0-9-1 connection for what pika's own API cannot say (or would refuse to send).

Methods and frames are pika's; nothing here retries, buffers or reconnects.
"""

import socket
import struct

import pika
from pika import frame, spec

HEADER = b"AMQP\x00\x00\x09\x01"
CAPABILITIES = {"authentication_failure_close": True, "basic.nack": True, "connection.blocked": True,
                "consumer_cancel_notify": True, "publisher_confirms": True}


class Closed(Exception):
    """The peer closed the socket."""


class RawConnection:
    """One socket; `handshake` brings it to open, `expect` reads up to a method of the wanted type."""

    def __init__(self, parameters, timeout_s=15):
        self.parameters = parameters
        self.socket = socket.create_connection((parameters.host, parameters.port), timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._in = b""
        self.start = None
        self.tune = None

    def send_bytes(self, data):
        self.socket.sendall(data)

    def send(self, method, channel=0):
        self.send_bytes(frame.Method(channel, method).marshal())

    def send_frame(self, kind, channel, payload):
        self.send_bytes(struct.pack(">BHL", kind, channel, len(payload)) + payload + b"\xce")

    def publish(self, channel, method, properties, body, frame_max=131072):
        out = [frame.Method(channel, method).marshal(),
               frame.Header(channel, len(body), properties).marshal()]
        step = frame_max - 8
        out += [frame.Body(channel, body[at:at + step]).marshal() for at in range(0, len(body), step)]
        self.send_bytes(b"".join(out))

    def receive_bytes(self):
        """Whatever bytes come next; raises Closed at the end of the stream."""
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Closed()
        return data

    def receive_frame(self):
        """(type, channel, payload) of the next frame; raises Closed, or socket.timeout."""
        while True:
            if len(self._in) >= 7:
                kind, channel, size = struct.unpack(">BHL", self._in[:7])
                if len(self._in) >= size + 8:
                    payload, end = self._in[7:7 + size], self._in[7 + size]
                    assert end == 0xCE, "frame end is not 0xCE"
                    self._in = self._in[size + 8:]
                    return kind, channel, payload
            self._in += self.receive_bytes()

    def receive(self):
        """The next frame that is no heartbeat, methods decoded: (channel, method or payload)."""
        while True:
            kind, channel, payload = self.receive_frame()
            if kind == 8:
                continue
            if kind != 1:
                return channel, payload
            method = spec.methods[struct.unpack(">I", payload[:4])[0]]()
            method.decode(payload[4:])
            return channel, method

    def expect(self, wanted):
        """The next method, which must be of type `wanted`."""
        while True:
            _, method = self.receive()
            if isinstance(method, bytes):
                continue
            assert isinstance(method, wanted), f"expected {wanted.NAME}, got {method}"
            return method

    def begin(self, capabilities=None):
        """Sends the protocol header and reads connection.start."""
        self.send_bytes(HEADER)
        self.start = self.expect(spec.Connection.Start)
        return self.start

    def start_ok(self, user=None, password=None, mechanism="PLAIN", capabilities=None):
        credentials = self.parameters.credentials
        response = f"\0{user or credentials.username}\0{password or credentials.password}"
        self.send(spec.Connection.StartOk(
            client_properties={"product": "fantail wire test",
                               "capabilities": CAPABILITIES if capabilities is None else capabilities},
            mechanism=mechanism, response=response, locale="en_US"))

    def handshake(self, channel_max=None, frame_max=None, heartbeat=0, vhost=None, capabilities=None):
        self.begin()
        self.start_ok(capabilities=capabilities)
        self.tune = self.expect(spec.Connection.Tune)
        self.send(spec.Connection.TuneOk(channel_max=self.tune.channel_max if channel_max is None else channel_max,
                                         frame_max=frame_max or self.tune.frame_max, heartbeat=heartbeat))
        self.send(spec.Connection.Open(virtual_host=vhost or self.parameters.virtual_host))
        self.expect(spec.Connection.OpenOk)
        return self

    def open_channel(self, number=1):
        self.send(spec.Channel.Open(), number)
        self.expect(spec.Channel.OpenOk)
        return number

    def wait_until_closed(self):
        """Reads until the peer closes the socket; answers connection.close."""
        try:
            while True:
                _, method = self.receive()
                if isinstance(method, spec.Connection.Close):
                    self.send(spec.Connection.CloseOk())
        except Closed:
            return

    def close(self):
        self.socket.close()


def parse_table(payload):
    """Field table (without its length) as {name: (type letter, raw or nested value)}."""
    out, at = {}, 0
    while at < len(payload):
        size = payload[at]
        name = payload[at + 1:at + 1 + size].decode()
        value, at = _parse_value(payload, at + 1 + size)
        out[name] = value
    return out


_SIZES = {"t": 1, "b": 1, "B": 1, "s": 2, "u": 2, "I": 4, "i": 4, "l": 8, "f": 4, "d": 8, "D": 5, "T": 8, "V": 0}


def _parse_value(data, at):
    kind = chr(data[at])
    at += 1
    if kind in _SIZES:
        end = at + _SIZES[kind]
        return (kind, data[at:end]), end
    size = struct.unpack_from(">L", data, at)[0]
    at += 4
    body = data[at:at + size]
    if kind == "F":
        return (kind, parse_table(body)), at + size
    if kind == "A":
        items, inside = [], 0
        while inside < len(body):
            item, inside = _parse_value(body, inside)
            items.append(item)
        return (kind, items), at + size
    assert kind in "Sx", f"unknown field type {kind!r}"
    return (kind, body), at + size


def field(name, kind, raw):
    """Encodes one table field whose value bytes are `raw`."""
    return bytes([len(name)]) + name.encode() + kind.encode() + raw


def parameters_of(uri, **changes):
    parameters = pika.URLParameters(uri)
    for name, value in changes.items():
        setattr(parameters, name, value)
    return parameters

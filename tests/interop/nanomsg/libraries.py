# SPDX-License-Identifier: Apache-2.0
"""Sockets of libnng and libnanomsg behind one face, by ctypes."""

import ctypes
import socket

WAIT_MS = 10_000


class TimedOut(Exception):
    """Nothing came in time."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def load(soname):
    """The library, or None."""
    try:
        return ctypes.CDLL(soname)
    except OSError:
        return None


class Id(ctypes.Structure):
    _fields_ = [("id", ctypes.c_uint32)]


class Address(ctypes.Structure):
    _fields_ = [("family", ctypes.c_uint16), ("port", ctypes.c_uint16), ("rest", ctypes.c_uint8 * 512)]


class Nng:
    """nng_socket. KINDS: of the library's sockets, the peer's open function."""

    library = load("libnng.so.1")
    package = "libnng-dev"
    OPEN = {"pair": "pair0", "pair_v1": "pair1", "pub": "pub0", "sub": "sub0", "req": "req0", "rep": "rep0", "push": "push0",
            "pull": "pull0", "surveyor": "surveyor0", "respondent": "respondent0", "bus": "bus0"}
    TIMED_OUT = 5

    def __init__(self, kind):
        self.socket = Id()
        self.check(getattr(self.library, f"nng_{self.OPEN[kind]}_open")(ctypes.byref(self.socket)))
        self.timeout(WAIT_MS)
        self.check(self.library.nng_socket_set_ms(self.socket, b"send-timeout", WAIT_MS))
        self.check(self.library.nng_socket_set_ms(self.socket, b"reconnect-time-min", 20))

    def check(self, code):
        if code == self.TIMED_OUT:
            raise TimedOut
        if code:
            self.library.nng_strerror.restype = ctypes.c_char_p
            raise OSError(self.library.nng_strerror(code).decode())

    def timeout(self, ms):
        self.check(self.library.nng_socket_set_ms(self.socket, b"recv-timeout", ms))

    def set_ms(self, name, ms):
        self.check(self.library.nng_socket_set_ms(self.socket, name.encode(), ms))

    def survey_time(self, ms):
        self.set_ms("surveyor:survey-time", ms)

    def resend_time(self, ms):
        self.set_ms("req:resend-time", ms)

    def subscribe(self, prefix):
        self.check(self.library.nng_socket_set(self.socket, b"sub:subscribe", prefix, ctypes.c_size_t(len(prefix))))

    def listen(self, address):
        listener = Id()
        self.check(self.library.nng_listen(self.socket, address.encode(), ctypes.byref(listener), 0))
        if not address.startswith("tcp"):
            return address
        where = Address()
        self.check(self.library.nng_listener_get_addr(listener, b"local-address", ctypes.byref(where)))
        return f"tcp://127.0.0.1:{socket.ntohs(where.port)}"

    def dial(self, address):
        dialer = Id()
        self.check(self.library.nng_dial(self.socket, address.encode(), ctypes.byref(dialer), 0))

    def send(self, body):
        self.check(self.library.nng_send(self.socket, body, ctypes.c_size_t(len(body)), 0))

    def receive(self):
        data, size = ctypes.c_void_p(), ctypes.c_size_t()
        self.check(self.library.nng_recv(self.socket, ctypes.byref(data), ctypes.byref(size), 1))
        body = ctypes.string_at(data, size.value)
        self.library.nng_free(data, size)
        return body

    def close(self):
        self.library.nng_close(self.socket)


class Nanomsg:
    """nn_socket."""

    library = load("libnanomsg.so.5")
    package = "libnanomsg-dev"
    PROTOCOL = {"pair": 0x10, "pub": 0x20, "sub": 0x21, "req": 0x30, "rep": 0x31, "push": 0x50, "pull": 0x51, "surveyor": 0x62,
                "respondent": 0x63, "bus": 0x70}
    TIMED_OUT = 110
    SNDTIMEO, RCVTIMEO, RECONNECT_IVL, RCVMAXSIZE = 4, 5, 6, 16

    def __init__(self, kind):
        self.library.nn_strerror.restype = ctypes.c_char_p
        self.protocol = self.PROTOCOL[kind]
        self.socket = self.check(self.library.nn_socket(1, self.protocol))
        self.timeout(WAIT_MS)
        for option, value in ((self.SNDTIMEO, WAIT_MS), (self.RECONNECT_IVL, 20), (self.RCVMAXSIZE, -1)):
            self.set(0, option, value)

    def check(self, value):
        if value >= 0:
            return value
        code = self.library.nn_errno()
        if code == self.TIMED_OUT:
            raise TimedOut
        raise OSError(self.library.nn_strerror(code).decode())

    def set(self, level, option, value):
        number = ctypes.c_int(value)
        self.check(self.library.nn_setsockopt(self.socket, level, option, ctypes.byref(number), ctypes.c_size_t(4)))

    def timeout(self, ms):
        self.set(0, self.RCVTIMEO, ms)

    def survey_time(self, ms):
        self.set(self.protocol, 1, ms)

    def resend_time(self, ms):
        self.set(self.protocol, 1, ms)

    def subscribe(self, prefix):
        self.check(self.library.nn_setsockopt(self.socket, self.protocol, 1, prefix, ctypes.c_size_t(len(prefix))))

    def listen(self, address):
        if address.startswith("tcp"):
            address = f"tcp://127.0.0.1:{free_port()}"  # which port it has cannot be asked for
        self.check(self.library.nn_bind(self.socket, address.encode()))
        return address

    def dial(self, address):
        self.check(self.library.nn_connect(self.socket, address.encode()))

    def send(self, body):
        self.check(self.library.nn_send(self.socket, body, ctypes.c_size_t(len(body)), 0))

    def receive(self):
        data = ctypes.c_void_p()
        size = self.check(self.library.nn_recv(self.socket, ctypes.byref(data), ctypes.c_size_t(-1), 0))
        body = ctypes.string_at(data, size)
        self.library.nn_freemsg(data)
        return body

    def close(self):
        self.library.nn_close(self.socket)


LIBRARIES = {"nng": Nng, "nanomsg": Nanomsg}

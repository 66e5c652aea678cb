# SPDX-License-Identifier: Apache-2.0
"""The broker, or a client, does not run for a while: SIGSTOP and SIGCONT, as by a suspended or starved machine."""

import contextlib
import os
import select
import signal
import socket
import threading
import time

import fault_test
import process_figures
from fault_test import poll, wire
from pika import spec

HEARTBEAT_S = 1
PAUSE_S = 3.5  # more than the two heartbeats after which a silent peer is given up
SEND_TIMEOUT_S = 15


class Beating:
    """A connection whose client does its duty: a heartbeat every half interval, whatever the broker does."""

    def __init__(self, uri):
        self.raw = wire.RawConnection(wire.parameters_of(uri), 30).handshake(heartbeat=HEARTBEAT_S)

    def beat(self):
        with contextlib.suppress(OSError):  # closed: `answers` tells
            self.raw.send_frame(8, 0, b"")

    def answers(self):
        """Whether the connection still works: opens a channel."""
        try:
            self.raw.open_channel(1)
        except (wire.Closed, OSError):
            return False
        return True


def is_broken_off(connection):
    """Whether a reset has come, though nothing was read."""
    poller = select.poll()
    poller.register(connection, 0)
    return any(event & select.POLLERR for _, event in poller.poll(0))


class BrokerPauses(fault_test.FaultTest):
    def pause(self, seconds):
        os.kill(self.server.pid, signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            os.kill(self.server.pid, signal.SIGCONT)

    def test_load_goes_on_and_nothing_confirmed_is_lost(self):
        self.serve()
        first, second = self.ledger("a"), self.ledger("b")
        publishers = [self.publisher(first), self.publisher(second)]
        self.consumer(first)
        for seconds in (0.05, 0.3, 1.0, 0.01):
            self.await_confirms(publishers[0], 500)
            self.pause(seconds)
        for publisher in publishers:
            self.await_confirms(publisher, 500)
        self.say("%d sent, %d confirmed, %d settled, %d there" % self.verify())

    def test_a_kill_right_after_a_pause_loses_nothing_confirmed(self):
        self.serve()
        publisher = self.publisher(self.ledger())
        for _ in range(3):
            self.await_confirms(publisher, 500)
            self.pause(0.05)
        self.server.kill()
        publisher.join(fault_test.DEADLINE_S)
        self.server.start()
        self.verify()

    def test_clients_that_sent_their_heartbeats_meanwhile_are_not_given_up(self):
        self.serve()
        clients = []
        done = threading.Event()

        def beat():
            while not done.wait(HEARTBEAT_S / 2):
                for client in list(clients):
                    client.beat()

        beating = threading.Thread(target=beat)
        beating.start()
        try:
            for _ in range(300):
                clients.append(Beating(self.server.uri))
            self.pause(PAUSE_S)
            lost = sum(not client.answers() for client in clients)
        finally:
            done.set()
            beating.join()
            for client in clients:
                client.raw.close()
        self.assertEqual(lost, 0, "connections closed for a silence that was the broker's own")


class ClientPauses(fault_test.FaultTest):
    def test_a_client_that_falls_silent_is_given_up_and_its_messages_go_to_others(self):
        self.serve()
        channel = self.confirming()
        channel.queue_declare("q", durable=True)
        channel.basic_publish("", "q", b"taken")
        silent = self.raw(heartbeat=HEARTBEAT_S)
        silent.open_channel(1)
        silent.send(spec.Basic.Get(queue="q"), 1)
        silent.expect(spec.Basic.GetOk)
        began = time.monotonic()
        method, _, body = poll(lambda: (lambda got: got if got[0] else None)(channel.basic_get("q", auto_ack=True)),
                               "the silent client's message")
        waited = time.monotonic() - began
        self.assertEqual((body, method.redelivered), (b"taken", True))
        self.assertGreater(waited, 1.5 * HEARTBEAT_S, "given up before two heartbeats were missed")
        self.assertLess(waited, 4 * HEARTBEAT_S)
        self.say(f"a message held by a silent client was free again after {waited:.1f} s (heartbeat {HEARTBEAT_S} s)")

    def test_a_consumer_that_stops_reading_costs_bounded_memory_and_holds_up_nobody(self):
        self.serve()
        ledger = self.ledger()
        stopped = self.raw()
        stopped.open_channel(1)
        stopped.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        stopped.send(spec.Basic.Consume(queue="q"), 1)  # no prefetch limit: the broker may send it everything
        stopped.expect(spec.Basic.ConsumeOk)
        publisher = self.publisher(ledger, sizes=(4000,))
        self.await_confirms(publisher, 2000)
        before = process_figures.resident_bytes(self.server.pid)
        self.await_confirms(publisher, 15_000, 60)
        grown = process_figures.resident_bytes(self.server.pid) - before
        publisher.end()
        other = self.ledger("other")
        self.await_confirms(self.publisher(other), 500)
        stopped.close()
        self.say("RSS grew by %.0f MiB under 60 MB; %d sent, %d confirmed, %d settled, %d there" % (grown / 2**20, *self.verify()))
        self.assertLess(grown, 120 << 20)

    def test_a_consumer_that_takes_nothing_is_dropped_and_its_messages_go_to_others(self):
        self.serve()
        stopped = self.raw()
        stopped.open_channel(1)
        stopped.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        channel = self.confirming()
        channel.queue_declare("q", durable=True)
        stopped.send(spec.Basic.Consume(queue="q"), 1)
        stopped.expect(spec.Basic.ConsumeOk)
        for _ in range(64):  # more than the kernel's buffers take
            channel.basic_publish("", "q", bytes(1 << 18))
        began = time.monotonic()
        poll(lambda: (lambda method: method and method.redelivered)(channel.basic_get("q", auto_ack=True)[0]),
             "a message that the stopped consumer held", SEND_TIMEOUT_S + 10)
        waited = time.monotonic() - began
        # Its window is shut: an orderly end could not reach it, and it would wait for ever.
        poll(lambda: is_broken_off(stopped.socket), "the reset of the stopped consumer's connection", 5)
        self.say(f"what a consumer held that read nothing was free again after {waited:.1f} s")
        self.assertGreater(waited, SEND_TIMEOUT_S - 5, "given up too early")

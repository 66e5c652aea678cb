# SPDX-License-Identifier: Apache-2.0
"""More connections than the process may open descriptors (RLIMIT_NOFILE)."""

import contextlib
import resource
import shutil
import socket
import time
import unittest

import fault_test
import process_figures
from fault_test import poll, wire

LIMIT = 128
MEASURED_S = 3


@unittest.skipUnless(shutil.which("prlimit"), "no prlimit (Debian: util-linux)")
class Descriptors(fault_test.FaultTest):
    def setUp(self):
        super().setUp()
        self.serve(prefix=["prlimit", f"--nofile={LIMIT}:{LIMIT}", "--"])
        self.crowd = []
        self.addCleanup(self.disperse)

    def disperse(self):
        for each in self.crowd:
            each.close()
        self.crowd.clear()

    def overcrowd(self):
        """More connections than there are descriptors, each with a handshake begun."""
        host, port = self.server.endpoints["amqp"].rsplit(":", 1)
        for _ in range(2 * LIMIT):
            peer = socket.create_connection((host, int(port)), fault_test.DEADLINE_S)
            with contextlib.suppress(OSError):  # refused by an immediate close
                peer.sendall(wire.HEADER)
            self.crowd.append(peer)
        poll(lambda: process_figures.descriptors(self.server.pid) >= LIMIT // 2, "the descriptors to be used")
        time.sleep(0.5)

    def can_connect(self):
        try:
            self.connect(socket_timeout=2, stack_timeout=3, connection_attempts=1).close()
        except (fault_test.pika.exceptions.AMQPError, OSError):
            return False
        return True

    def test_those_who_are_there_go_on_others_are_refused_without_a_busy_processor(self):
        ledger = self.ledger()
        publisher, consumer = self.publisher(ledger), self.consumer(ledger)
        self.await_confirms(publisher, 500)
        self.overcrowd()
        self.await_confirms(publisher, 500)
        publisher.end()
        consumer.end()
        self.overcrowd()  # what those two have left
        cpu, began = process_figures.cpu_s(self.server.pid), time.monotonic()
        while time.monotonic() < began + MEASURED_S:
            self.assertFalse(self.can_connect(), "the broker is not exhausted")
            time.sleep(0.1)
        share = (process_figures.cpu_s(self.server.pid) - cpu) / (time.monotonic() - began)
        used = process_figures.descriptors(self.server.pid)
        self.assertLess(share, 0.1, "the broker spins while it has no descriptors")
        self.disperse()
        poll(self.can_connect, "the broker to accept again")
        self.say("%d of %d descriptors used, %.1f %% of a core meanwhile; %d sent, %d confirmed, %d settled, %d there" % (
            used, LIMIT, share * 100, *self.verify()))

    def test_storage_goes_on_without_free_descriptors(self):
        """New journal files, segments and snapshots need descriptors, which connections must not take from them."""
        ledger = self.ledger()
        publisher = self.publisher(ledger, sizes=(20_000,))
        self.await_confirms(publisher, 100)
        self.overcrowd()
        self.await_confirms(publisher, 4000, 60)
        publisher.end()
        self.assertIsNone(publisher.blocked_reason)
        self.assertEqual(publisher.blocked_times, 0, "publishers were held: storage found no descriptors")
        self.disperse()
        poll(self.can_connect, "the broker to accept again")
        self.server.kill()
        self.server.start()
        self.say("%d sent, %d confirmed, %d settled, %d there" % self.verify())

    def test_storage_waits_while_there_is_no_descriptor_at_all(self):
        """As when the whole machine has run out of them: nothing is given up, nothing confirmed is lost."""
        ledger = self.ledger()
        publisher = self.publisher(ledger, sizes=(4000,))
        self.await_confirms(publisher, 100)
        resource.prlimit(self.server.pid, resource.RLIMIT_NOFILE, (3, LIMIT))
        poll(lambda: publisher.blocked_reason, "connection.blocked")
        reason = publisher.blocked_reason
        resource.prlimit(self.server.pid, resource.RLIMIT_NOFILE, (LIMIT, LIMIT))
        poll(lambda: publisher.blocked_reason is None, "the end of connection.blocked")
        self.await_confirms(publisher, 500)
        self.say("blocked for %r; %d sent, %d confirmed, %d settled, %d there" % (reason.rpartition("/")[2], *self.verify()))

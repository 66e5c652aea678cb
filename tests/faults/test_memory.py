# SPDX-License-Identifier: Apache-2.0
"""Little memory: a backlog larger than it, slow consumers, and the alarm."""

import threading

import fault_test
import process_figures
from fault_test import poll, read_body
from memory_cap import MemoryCap, NotPermitted

MIB = 1 << 20
CAP = 160 * MIB


class HighWater(threading.Thread):
    """The most that the process held resident, looked at fifty times a second."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.bytes = pid, 0
        self.stopping = threading.Event()
        self.start()

    def run(self):
        while not self.stopping.wait(0.02):
            try:
                self.bytes = max(self.bytes, process_figures.resident_bytes(self.pid))
            except (OSError, IndexError):
                return

    def end(self):
        self.stopping.set()
        self.join()
        return self.bytes


class LittleMemory(fault_test.FaultTest):
    def test_a_backlog_larger_than_the_cap_with_slow_consumers_stays_inside_it(self):
        try:
            cap = MemoryCap(CAP)
        except NotPermitted as why:
            self.skipTest(f"no control group can be made here: {why}")
        self.addCleanup(cap.close)
        self.serve(prefix=cap.prefix)
        ledgers = [self.ledger("a"), self.ledger("b")]
        publishers = [self.publisher(ledger, sizes=(20_000,)) for ledger in ledgers]
        for ledger in ledgers:
            self.consumer(ledger, rate=50)
        high = HighWater(self.server.pid)
        for publisher in publishers:
            self.await_confirms(publisher, 6000, 60)
        self.assertTrue(self.server.is_running(), "killed for its memory")
        figures = self.verify()
        self.say("%d MiB backlog under a cap of %d MiB: %.0f MiB resident at most; %d sent, %d confirmed, %d settled, %d there" % (
            figures[3] * 20_000 // MIB, CAP // MIB, high.end() / MIB, *figures))
        self.assertTrue(self.server.is_running(), "killed for its memory")
        self.assertGreater(figures[3] * 20_000, CAP, "the backlog was not larger than the cap")

    def test_the_alarm_holds_publishers_and_ends_when_memory_is_given_back(self):
        self.serve("--set", f"broker.memory_high_water={60 * MIB}")
        ledger = self.ledger()
        publisher = self.publisher(ledger, sizes=(4000,))
        poll(lambda: publisher.blocked_reason, "connection.blocked")
        self.assertIn("memory", publisher.blocked_reason)
        reason = publisher.blocked_reason
        channel = self.connect().channel()
        while publisher.blocked_reason:
            method, _, body = channel.basic_get("q")
            if not method:
                break
            channel.basic_ack(method.delivery_tag)
            message = ledger.messages[read_body(body, "q")]
            message.delivered = message.acked = True
        channel.connection.close()
        poll(lambda: publisher.blocked_reason is None, "the end of the alarm after all was consumed")
        self.await_confirms(publisher, 100)
        self.say("blocked for %r; %d sent, %d confirmed, %d settled, %d there" % (reason, *self.verify()))

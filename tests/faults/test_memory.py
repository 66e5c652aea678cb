# SPDX-License-Identifier: Apache-2.0
"""Little memory: a backlog larger than it, slow consumers, and the alarm."""

import threading

import fault_test
import process_figures
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
            self.await_confirms(publisher, 10_000, 60)
        self.assertTrue(self.server.is_running(), "killed for its memory")
        figures = self.verify()
        self.say("%d MiB backlog under a cap of %d MiB: %.0f MiB resident at most; %d sent, %d confirmed, %d settled, %d there" % (
            figures[3] * 20_000 // MIB, CAP // MIB, high.end() / MIB, *figures))
        self.assertTrue(self.server.is_running(), "killed for its memory")
        self.assertGreater(figures[3] * 20_000, CAP, "the backlog was not larger than the cap")

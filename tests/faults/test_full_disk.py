# SPDX-License-Identifier: Apache-2.0
"""The disk under the data directory fills up, and has room again."""

import time

import fault_test
import process_figures
from fault_test import poll, read_body
from small_disk import NotPermitted, SmallDisk

MIB = 1 << 20


class FullDisk(fault_test.FaultTest):
    """What must hold however the disk became full; `fill` and `release` say how it does."""

    def hold_and_go_on(self, fill, release):
        ledger = self.ledger()
        publisher = self.publisher(ledger, sizes=(4000,))
        self.await_confirms(publisher, 1000)
        fill()
        poll(lambda: publisher.blocked_reason, "connection.blocked")
        reason = publisher.blocked_reason
        self.assertRegex(reason, "full|free", "the reason does not name the disk")
        self.stays_alive_and_readable(publisher)
        release()
        poll(lambda: publisher.blocked_reason is None, "the end of connection.blocked")
        self.await_confirms(publisher, 1000)
        self.assertEqual(self.status("/readyz")[0], 200)
        return reason

    def stays_alive_and_readable(self, publisher):
        """While the disk is full: nothing more is confirmed, the processor is idle, and consumers get what is there."""
        poll(lambda: self.settles(publisher), "publishing to stand still")
        held, cpu, began = publisher.confirms, process_figures.cpu_s(self.server.pid), time.monotonic()
        channel = self.connect().channel()
        got = [channel.basic_get("q") for _ in range(50)]
        self.assertTrue(all(method for method, _, _ in got), "messages cannot be read while the disk is full")
        channel.connection.close()
        time.sleep(1)
        share = (process_figures.cpu_s(self.server.pid) - cpu) / (time.monotonic() - began)
        self.assertLess(share, 0.3, "the broker spins while the disk is full")
        self.assertEqual(publisher.confirms, held)
        for _, _, body in got:
            self.ledgers[0].messages[read_body(body, "q")].delivered = True
        self.cpu_share = share

    @staticmethod
    def settles(publisher):
        before = publisher.confirms
        time.sleep(0.3)
        return publisher.confirms == before


class SmallFileSystem(FullDisk):
    """A real one, of 192 MiB: ENOSPC comes from the kernel."""

    def setUp(self):
        super().setUp()
        try:
            self.disk = SmallDisk(192 * MIB)
        except NotPermitted as why:
            self.skipTest(f"mounting is not permitted here: {why}")
        self.addCleanup(self.disk.close)

    def serve_on_it(self, *arguments):
        self.serve(*arguments, data_dir=f"{self.disk.path}/data", prefix=self.disk.prefix)

    def test_publishers_are_held_when_storage_finds_no_space_and_go_on_when_there_is_some(self):
        self.serve_on_it("--set", "storage.disk_free_min=0")  # the watch would hold them before it comes to that
        reason = self.hold_and_go_on(self.disk.fill, self.disk.release)
        self.say("blocked for %r, %.0f %% of a core meanwhile; %d sent, %d confirmed, %d settled, %d there" % (
            reason.split("(")[0].strip(), self.cpu_share * 100, *self.verify()))

    def test_publishers_are_held_before_the_disk_is_full(self):
        self.serve_on_it("--set", f"storage.disk_free_min={48 * MIB}")
        reason = self.hold_and_go_on(lambda: self.disk.fill(leave=40 * MIB), self.disk.release)
        self.say("blocked for %r; %d sent, %d confirmed, %d settled, %d there" % (reason, *self.verify()))

    def test_consuming_makes_the_room_when_the_watch_held_publishers(self):
        self.consuming_makes_the_room(16 * MIB)

    def test_consuming_makes_the_room_when_storage_found_no_space(self):
        self.consuming_makes_the_room(0)

    def consuming_makes_the_room(self, disk_free_min):
        """The backlog fills the disk, and nobody frees space but the broker itself: what is consumed is given back."""
        self.serve_on_it("--set", f"storage.disk_free_min={disk_free_min}")
        ledger = self.ledger()
        publisher = self.publisher(ledger, sizes=(4000,))
        poll(lambda: publisher.blocked_reason, "connection.blocked", 60)
        poll(lambda: self.settles(publisher), "publishing to stand still")
        free = self.disk.free()
        channel = self.connect().channel()
        taken = 0
        while publisher.blocked_reason:
            method, _, body = channel.basic_get("q")
            self.assertTrue(method, f"all of {taken} messages consumed, and publishers are still held")
            channel.basic_ack(method.delivery_tag)
            message = ledger.messages[read_body(body, "q")]
            message.delivered = message.acked = True
            taken += 1
        channel.connection.close()
        self.await_confirms(publisher, 500)
        self.disk.grow(1024 * MIB)  # the publisher would fill it again
        self.say("%.0f MiB free when held, %d messages consumed until publishers went on; %d sent, %d confirmed, %d settled, "
                 "%d there" % (free / MIB, taken, *self.verify()))

    def test_a_kill_on_the_full_disk_loses_nothing_confirmed(self):
        self.serve_on_it("--set", "storage.disk_free_min=0")
        publisher = self.publisher(self.ledger(), sizes=(4000,))
        self.await_confirms(publisher, 500)
        self.disk.fill()
        poll(lambda: publisher.blocked_reason, "connection.blocked")
        self.server.kill()
        publisher.join(fault_test.DEADLINE_S)
        self.server.start()  # on a disk without a free byte
        self.disk.release()
        self.say("%d sent, %d confirmed, %d settled, %d there" % self.verify())


class RefusedGrowth(FullDisk):
    """The same without privileges: the shim answers ENOSPC to every file that grows."""

    def test_publishers_are_held_when_no_file_may_grow_and_go_on_when_they_may(self):
        self.serve_with_shim("--set", "storage.disk_free_min=0")
        reason = self.hold_and_go_on(lambda: self.shim.set("disk_full", 1), lambda: self.shim.set("disk_full", 0))
        self.assertGreater(self.shim.get("refused_growth"), 0, "the shim was not asked")
        self.say("%d operations refused, blocked for %r; %d sent, %d confirmed, %d settled, %d there" % (
            self.shim.get("refused_growth"), reason.split("(")[0].strip(), *self.verify()))

# SPDX-License-Identifier: Apache-2.0
"""Writes and syncs that fail, by the shim: after one error that concerns stable storage nothing may be confirmed any more."""

import errno
import time

import fault_test
from fault_test import poll, read_body

FAILED = "storage failed: nothing is confirmed any more"


class FailingDisk(fault_test.FaultTest):
    def fails(self, operation, error, match, **when):
        """Load until the fault has come; then no confirm, no second try on the file, and reading goes on."""
        self.serve_with_shim()
        ledger = self.ledger()
        publisher = self.publisher(ledger, sizes=(4000,))
        self.await_confirms(publisher, 300)
        self.shim.fail(operation, error, match, **when)
        line = self.server.wait_for_line(FAILED, fault_test.DEADLINE_S)
        self.assertIn(match, line, "the message does not name the file")
        poll(lambda: publisher.blocked_reason, "connection.blocked")
        held, touched = publisher.confirms, self.shim.get("touched_after")
        self.keeps_serving_reads(ledger)
        time.sleep(0.5)
        self.assertEqual(publisher.confirms, held, "confirmed after the failure")
        # Writes that were under way with the failed one are not a second try.
        self.assertEqual(self.shim.get("touched_after"), touched if operation == "write" else 0,
                         "the file was written or synced again after its error")
        code, body = self.status("/readyz")
        self.assertEqual(code, 503)
        self.assertIn("storage", body)
        return publisher

    def keeps_serving_reads(self, ledger):
        channel = self.connect().channel()
        for _ in range(20):
            method, _, body = channel.basic_get("q")
            self.assertTrue(method, "nothing can be read after the failure")
            ledger.messages[read_body(body, "q")].delivered = True
        channel.connection.close()

    def all_is_there_after_a_restart(self, publisher, kill):
        if kill:
            self.server.kill()
        else:
            self.server.stop()
        publisher.join(fault_test.DEADLINE_S)
        self.shim.heal()
        self.server.start()
        after = self.publisher(self.ledgers[0], sizes=(4000,))
        self.await_confirms(after, 300)
        self.say("%d faults; %d sent, %d confirmed, %d settled, %d there" % (self.shim.get("faults"), *self.verify()))

    def test_a_journal_write_fails_once_then_kill(self):
        self.all_is_there_after_a_restart(self.fails("write", errno.EIO, "journal-", after=20), kill=True)

    def test_a_journal_write_fails_once_then_stop(self):
        self.all_is_there_after_a_restart(self.fails("write", errno.EIO, "journal-", after=3), kill=False)

    def test_all_journal_writes_fail_then_kill(self):
        self.all_is_there_after_a_restart(self.fails("write", errno.EIO, "journal-", after=0, times=-1), kill=True)

    def test_all_journal_writes_fail_then_stop(self):
        self.all_is_there_after_a_restart(self.fails("write", errno.EIO, "journal-", after=10, times=-1), kill=False)

    def test_a_preallocated_journal_finds_no_space(self):
        """A copy-on-write file system may answer so; space that was promised is gone, so this is no full disk to wait for."""
        self.all_is_there_after_a_restart(self.fails("write", errno.ENOSPC, "journal-", after=20), kill=True)

    def test_the_sync_of_a_new_journal_file_fails_once(self):
        self.all_is_there_after_a_restart(self.fails("sync", errno.EIO, "journal.new"), kill=True)

    def test_the_sync_of_a_segment_fails_once(self):
        self.all_is_there_after_a_restart(self.fails("sync", errno.EIO, "segment-"), kill=True)

    def test_the_sync_of_a_snapshot_fails_once(self):
        self.all_is_there_after_a_restart(self.fails("sync", errno.EIO, "snapshot-"), kill=True)

    def test_all_syncs_of_journal_files_fail(self):
        self.all_is_there_after_a_restart(self.fails("sync", errno.EIO, "journal", times=-1), kill=False)

    def test_short_writes_are_completed(self):
        self.serve_with_shim()
        publisher = self.publisher(self.ledger())
        self.await_confirms(publisher, 100)
        self.shim.fail("write", 0, "journal-", times=300)
        poll(lambda: self.shim.get("faults") >= 300 or not publisher.is_alive(), "300 short writes")
        self.await_confirms(publisher, 100)
        self.server.kill()
        publisher.join(fault_test.DEADLINE_S)
        self.shim.heal()
        self.server.start()
        self.say("%d short writes; %d sent, %d confirmed, %d settled, %d there" % (self.shim.get("faults"), *self.verify()))

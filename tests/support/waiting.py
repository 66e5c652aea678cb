# SPDX-License-Identifier: Apache-2.0
"""Waiting for what must come true, and saying what did not."""

import time

DEADLINE_S = 30


def poll(step, what, deadline_s=DEADLINE_S):
    """Calls `step` until it answers something true; fails naming `what` after `deadline_s`."""
    deadline = time.monotonic() + deadline_s
    while True:
        value = step()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {deadline_s} s in vain for {what}")
        time.sleep(0.01)

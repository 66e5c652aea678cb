# SPDX-License-Identifier: Apache-2.0
"""Runs suites of unmodified clients against one server and counts their tests.

A suite is a function from a scratch folder to the command that runs it, or raises Missing. It prints one line a test, starting
with `ok `, `FAILED ` or `SKIPPED `. What can not run here (a client that is not installed) is skipped loudly, never silently.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

SUITE_TIMEOUT_S = 900
BUILD_TIMEOUT_S = 180


class Missing(Exception):
    """The client is not available here; the text says why."""


def python_with(*modules):
    """A Python that can import `modules`, which Debian calls python3-MODULE: Debian's own, if this one is another."""
    check = "; ".join(f"import {module}" for module in modules)
    for python in dict.fromkeys((sys.executable, "/usr/bin/python3")):
        if os.access(python, os.X_OK) and subprocess.run([python, "-c", check], capture_output=True, check=False).returncode == 0:
            return python
    raise Missing(f"no Python here can import {', '.join(modules)}")


def tool(name, package):
    path = shutil.which(name)
    if not path:
        raise Missing(f"no {name} (Debian: {package})")
    return path


def build(command, cwd=None):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def npm_install(source, work):
    """Installs what `source`'s package-lock.json says into `work`, beside copies of its files; answers node's path."""
    node, npm = tool("node", "nodejs"), tool("npm", "npm")
    for name in os.listdir(source):
        shutil.copy(os.path.join(source, name), work)
    try:
        build([npm, "ci", "--no-audit", "--no-fund"], cwd=work)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        raise Missing(f"npm ci failed (is the registry reachable?): {str(error)[-400:]}") from error
    return node


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def count(self, line):
        word = line.split(" ", 1)[0]
        self.passed += word == "ok"
        self.failed += word == "FAILED"
        self.skipped += word == "SKIPPED"

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def run_suite(name, suite, environment, verbose):
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix=f"interop-{name}-") as work:
        try:
            command = suite(work)
        except Missing as why:
            print(f"SKIPPED {name}: {why}", flush=True)
            tally.skipped += 1
            return tally
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            print(f"FAILED {name}: {error}", flush=True)
            tally.failed += 1
            return tally
        with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace") as process:
            watchdog = threading.Timer(SUITE_TIMEOUT_S, process.kill)
            watchdog.daemon = True
            watchdog.start()
            for line in process.stdout:
                tally.count(line)
                if verbose or not line.startswith("ok "):
                    print(f"[{name}] {line}", end="", flush=True)
            watchdog.cancel()
        if process.returncode != 0 and not tally.failed or tally.passed + tally.failed + tally.skipped == 0:
            print(f"FAILED {name}: ended with {process.returncode} after {tally}", flush=True)
            tally.failed += 1
    return tally


def run_all(suites, environment, server, verbose):
    """Runs `suites`, {name: function}; starts the server again (None: it is not ours) where a suite has left it down."""
    total = Tally()
    for name, suite in suites.items():
        if server and not server.is_running():
            server.start()
        tally = run_suite(name, suite, environment, verbose)
        if server and not server.is_running():
            print(f"FAILED {name}: the server is gone\n{server.stderr_tail()}", flush=True)
            tally.failed += 1
        print(f"{name}: {tally}", flush=True)
        total.add(tally)
    return total


def leave(number, _frame):
    """On SIGTERM, once: unwinds through main's finally, so that no server stays behind."""
    signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + number)

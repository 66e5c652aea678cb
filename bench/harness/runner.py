# SPDX-License-Identifier: Apache-2.0
"""Runs one scenario once against one peer, and measures the machine beside it.

Kinds: `load` drives a fresh server; `coldstart` times an empty one's start; `recovery` kills a filled one and drains it;
`filled` drives one that was filled before, `cold` also restarts it and drops its files from memory; `restarted` times the restart
of a killed one.
"""

import json
import os
import subprocess
import time
from pathlib import Path

from .scenario import Scenario
from .servers import PEERS, Server


class Runner:
    """`build` is the CMake build directory with the driver; servers live in `work_dir`."""

    def __init__(self, build: Path, work_dir: Path, quick: bool):
        self.drivers = {"rabbitmq": build / "bench/driver/fantail-bench", "kafka": build / "bench/kafka/fantail-kafka-bench"}
        self.limits_program = build / "bench/limits/fantail-limits"
        self.work_dir = work_dir
        self.quick = quick

    def run(self, scenario: Scenario, peer: str) -> dict:
        """The driver's figures, or a dict with `error`."""
        server = PEERS[peer](self.work_dir, scenario.pinned, scenario.protocol)
        try:
            run = {"load": self._load, "coldstart": self._cold_start, "recovery": self._recovery, "filled": self._filled,
                   "cold": self._filled, "restarted": self._restarted}[scenario.kind]
            return run(scenario, server)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            return {"error": str(error)}
        finally:
            server.stop()

    def limits(self) -> dict:
        seconds = "0.3" if self.quick else "1"
        return self._json([self.limits_program, "--dir", self.work_dir, "--seconds", seconds, "--sequential-mib", "256"], 180)

    def relay(self, scenario: Scenario) -> dict:
        """The scenario's load through the driver's own relay: what this machine allows a server to do."""
        arguments = scenario.arguments(self.quick)
        where = ["--data-dir", self.work_dir] if scenario.workload == "durable" else []
        return self._json([self.drivers["rabbitmq"], "selftest", *flags(arguments), *where, "--time-limit", "180"], 200)

    def _load(self, scenario: Scenario, server: Server) -> dict:
        server.start()
        return self._drive(scenario, server, scenario.workload, scenario.arguments(self.quick))

    def _cold_start(self, scenario: Scenario, server: Server) -> dict:
        command = [self.drivers[scenario.rival], "coldstart", "--port", str(server.port), "--time-limit", str(scenario.time_limit_s),
                   "--", *server.command()]
        return self._json(command, scenario.time_limit_s + 30, server.environment())

    def _recovery(self, scenario: Scenario, server: Server) -> dict:
        arguments = scenario.arguments(self.quick)
        server.start()
        filled = self._drive(scenario, server, "fill", arguments)
        if "error" in filled:
            return filled
        server.kill()
        begun = server.launch()
        # The driver waits for the port itself: no poll of ours comes between the restart and its first message.
        result = self._drive(scenario, server, "drain", {**arguments, "since-ns": begun, "prefetch": 1000}, watched=False)
        return {**result, "fill_seconds": filled.get("seconds"), "confirmed": filled.get("confirmed")}

    def _filled(self, scenario: Scenario, server: Server) -> dict:
        arguments = scenario.arguments(self.quick)
        server.start()
        filled = self._drive(scenario, server, "produce", arguments)
        if "error" in filled:
            return filled
        if scenario.kind == "cold":
            server.kill()
            drop_from_page_cache(server.data_dir)
            server.start()
        return {**self._drive(scenario, server, scenario.workload, arguments), "fill_mb_per_s": filled.get("mb_per_s")}

    def _restarted(self, scenario: Scenario, server: Server) -> dict:
        server.start()
        result = self._drive(scenario, server, scenario.workload, scenario.arguments(self.quick))
        if "error" in result:
            return result
        server.kill()
        begun = server.start()
        return {**result, "restart_seconds": (time.monotonic_ns() - begun) / 1e9}

    def _drive(self, scenario: Scenario, server: Server, workload: str, arguments: dict, watched: bool = True) -> dict:
        command = [self.drivers[scenario.rival], workload, "--port", str(server.port), "--time-limit",
                   str(scenario.time_limit_s), *flags(arguments)]
        if watched:
            command += ["--server-pid", str(server.pid), "--data-dir", server.data_dir]
        if scenario.pinned:
            command += ["--pin-cpu", "0"]
        return self._json(command, scenario.time_limit_s + 30)

    @staticmethod
    def _json(command: list, timeout_s: float, environment: dict | None = None) -> dict:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=timeout_s,
                              env=environment or dict(os.environ))
        lines = done.stdout.strip().splitlines()
        try:
            return json.loads(lines[-1])
        except (IndexError, json.JSONDecodeError):
            return {"error": f"{Path(command[0]).name} ended with {done.returncode}: {(done.stderr or done.stdout)[-300:]}"}


def flags(arguments: dict) -> list[str]:
    return [word for key, value in arguments.items() for word in (f"--{key}", str(value))]


def drop_from_page_cache(directory: Path) -> None:
    """What was written there is read from the disk next time."""
    for path in directory.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)

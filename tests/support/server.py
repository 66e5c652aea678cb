# SPDX-License-Identifier: Apache-2.0
"""Starts, stops, kills and restarts a `fantail serve` process for tests.

The process gets its own data directory and port 0 for every listener; `start` returns when the
`ready ` line was read, so a test never waits by sleeping. After the first start the AMQP port is
kept, so that a client which reconnects finds the server again.
"""

import collections
import os
import shutil
import signal
import subprocess
import tempfile
import threading

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEFAULT_BINARY = os.path.join(REPOSITORY, "build", "release", "fantail")
READY_TIMEOUT_S = 30
DEFAULT_LISTENERS = {"amqp", "http", "kafka"}
STOP_TIMEOUT_S = 30
STDERR_LINES_KEPT = 60


class ServerError(Exception):
    """The server did not start or stop as it should; the text holds the tail of its stderr."""


class FantailServer:
    """One `fantail serve` process at a time over one data directory.

    `listeners`: what it listens on. `prefix`: words before the command, a program that becomes it by exec (`prlimit`,
    `nsenter`); `environment`: variables
    on top of this process's own.
    """

    name = "fantail"

    def __init__(self, binary=None, data_dir=None, arguments=(), prefix=(), environment=None,
                 listeners=("amqp", "http")):
        self.binary = os.path.abspath(binary or os.environ.get("FANTAIL_BINARY") or DEFAULT_BINARY)
        self._owns_data_dir = data_dir is None
        self.data_dir = data_dir or tempfile.mkdtemp(prefix="fantail-test-")
        self._arguments = list(arguments)
        self._listeners = listeners
        self._prefix = list(prefix)
        self._environment = dict(os.environ, **(environment or {}))
        self._process = None
        self._stderr = collections.deque(maxlen=STDERR_LINES_KEPT)
        self._stderr_grew = threading.Condition()
        self._stderr_reader = None
        self.endpoints = {}  # the first of each listener
        self._places = {}    # where it listens again after a restart: all of each

    @property
    def pid(self):
        return self._process.pid if self._process else None

    @property
    def uri(self):
        return f"amqp://guest:guest@{self.endpoints['amqp']}/%2f"

    @property
    def http(self):
        """`host:port` of the admin HTTP listener."""
        return self.endpoints["http"]

    def spawn(self):
        """Starts the process without waiting for it to be ready."""
        if not os.access(self.binary, os.X_OK):
            raise ServerError(f"no executable at {self.binary}; build it or pass --binary")
        listen = []
        for name in DEFAULT_LISTENERS | set(self._listeners):
            place = self._places.get(name, self.endpoints.get(name, "127.0.0.1:0")) if name in self._listeners else "off"
            listen += ["--listen", f"{name}={place}"]
        self._stderr.clear()
        self._process = subprocess.Popen(
            [*self._prefix, self.binary, "serve", *listen, "--data-dir", self.data_dir, *self._arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self._environment)
        self._stderr_reader = threading.Thread(target=self._keep_stderr, args=(self._process.stderr,), daemon=True)
        self._stderr_reader.start()

    def start(self):
        """Starts the process and returns when all its listeners accept."""
        self.spawn()
        process = self._process
        watchdog = threading.Timer(READY_TIMEOUT_S, process.kill)
        watchdog.start()
        try:
            for line in process.stdout:
                if line.startswith("ready "):
                    self._note_endpoints(word.split("=", 1) for word in line.split()[1:] if "=" in word)
                    break
            else:
                process.wait()
                self._stderr_reader.join(5)
                raise ServerError(f"{self.binary} ended with {process.returncode} before it was ready\n{self.stderr_tail()}")
        finally:
            watchdog.cancel()
        threading.Thread(target=_drain, args=(process.stdout,), daemon=True).start()
        return self

    def _note_endpoints(self, pairs):
        places = collections.defaultdict(list)
        for name, place in pairs:
            places[name].append(place)
        self.endpoints = {name: each[0] for name, each in places.items()}
        self._places = {name: ",".join(each) for name, each in places.items()}

    def kill(self):
        """kill -9; returns when the process is gone."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self):
        """SIGTERM; the server must drain and exit with 0."""
        if not self._process:
            return
        process, self._process = self._process, None
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise ServerError(f"still running {STOP_TIMEOUT_S} s after SIGTERM\n{self.stderr_tail()}") from None
        if code != 0:
            raise ServerError(f"exit code {code} after SIGTERM\n{self.stderr_tail()}")

    def restart(self, kill=False):
        """Stops (or kills) the server and starts it again on the same ports and data."""
        if kill:
            self.kill()
        else:
            self.stop()
        self.start()

    def is_running(self):
        return self._process is not None and self._process.poll() is None

    def stderr_tail(self):
        return "".join(f"  server: {line}" for line in self._stderr)

    def wait_for_line(self, text, timeout_s=10):
        """Returns the first line on stderr, since the start, that holds `text`; ServerError if none comes."""
        with self._stderr_grew:
            if not self._stderr_grew.wait_for(lambda: any(text in line for line in self._stderr), timeout_s):
                raise ServerError(f"no line with {text!r} on stderr within {timeout_s} s\n{self.stderr_tail()}")
            return next(line for line in self._stderr if text in line)

    def remove(self):
        """Kills what runs and deletes the data directory if this object made it."""
        self.kill()
        if self._owns_data_dir:
            shutil.rmtree(self.data_dir, ignore_errors=True)

    def _keep_stderr(self, stream):
        for line in stream:
            with self._stderr_grew:
                self._stderr.append(line)
                self._stderr_grew.notify_all()


def _drain(stream):
    for _ in stream:
        pass

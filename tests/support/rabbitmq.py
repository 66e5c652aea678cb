# SPDX-License-Identifier: Apache-2.0
"""A private RabbitMQ node with the interface of server.FantailServer.

The node has its own name, ports, cookie, epmd and directories under one temporary directory, so
that it neither needs nor disturbs an installed service. It is the judge's judge: every interop
test must pass here before it may fail Fantail.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from server import ServerError

SCRIPT = "/usr/lib/rabbitmq/bin/rabbitmq-server"
PLUGINS = ["rabbitmq_consistent_hash_exchange", "rabbitmq_random_exchange", "rabbitmq_sharding"]
READY_TIMEOUT_S = 120
MNESIA_WRITE_DELAY_S = 2.5  # a declaration may sit in Mnesia's delayed write for 2 s after its declare-ok


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RabbitServer:
    """One private rabbitmq-server; `stop` and `kill` end the whole process group."""

    name = "rabbitmq"

    def __init__(self, script=SCRIPT):
        self._script = script
        self._dir = tempfile.mkdtemp(prefix="private-rabbitmq-")
        self._process = None
        self._epmd = None
        self._port = _free_port()
        self.endpoints = {"amqp": f"127.0.0.1:{self._port}"}
        epmd_port, dist_port = _free_port(), _free_port()
        self._env = dict(
            os.environ, HOME=self._dir, ERL_EPMD_PORT=str(epmd_port), ERL_EPMD_ADDRESS="127.0.0.1",
            RABBITMQ_NODENAME=f"judge{epmd_port}@localhost", RABBITMQ_NODE_IP_ADDRESS="127.0.0.1",
            RABBITMQ_NODE_PORT=str(self._port), RABBITMQ_DIST_PORT=str(dist_port),
            RABBITMQ_MNESIA_BASE=self._dir, RABBITMQ_LOG_BASE=self._dir,
            RABBITMQ_PID_FILE=os.path.join(self._dir, "pid"),
            RABBITMQ_ENABLED_PLUGINS_FILE=os.path.join(self._dir, "plugins"),
            RABBITMQ_CONF_ENV_FILE="/dev/null", RABBITMQ_CONFIG_FILE=os.path.join(self._dir, "rabbitmq"),
            RABBITMQ_LOGS=os.path.join(self._dir, "log"))
        with open(os.path.join(self._dir, "plugins"), "w", encoding="ascii") as out:
            out.write(f"[{','.join(PLUGINS)}].\n")
        with open(os.path.join(self._dir, "rabbitmq.conf"), "w", encoding="ascii") as out:
            out.write("disk_free_limit.absolute = 50MB\n")

    @property
    def pid(self):
        return self._process.pid if self._process else None

    @property
    def uri(self):
        return f"amqp://guest:guest@127.0.0.1:{self._port}/%2f"

    def spawn(self):
        if not os.access(self._script, os.X_OK):
            raise ServerError(f"no {self._script}: install the package rabbitmq-server")
        if not self._epmd:
            self._epmd = subprocess.Popen(["epmd", "-port", self._env["ERL_EPMD_PORT"]], env=self._env,
                                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(os.path.join(self._dir, "stderr"), "ab") as log:
            self._process = subprocess.Popen([self._script], env=self._env, stdin=subprocess.DEVNULL,
                                             stdout=log, stderr=log, start_new_session=True)

    def start(self):
        self.spawn()
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise ServerError(f"RabbitMQ did not start\n{self.stderr_tail()}")
            time.sleep(0.1)
        return self

    def _answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self._port), 1) as probe:
                probe.settimeout(5)
                probe.sendall(b"AMQP\x00\x00\x09\x01")
                return probe.recv(1) == b"\x01"
        except OSError:
            return False

    def _end(self, number):
        if self._process:
            group = self._process.pid
            os.killpg(group, number)
            self._process.wait()
            try:
                while True:  # the node itself is a grandchild: wait until its group is empty
                    os.killpg(group, 0)
                    time.sleep(0.02)
            except ProcessLookupError:
                pass
            self._process = None

    def kill(self):
        self._end(signal.SIGKILL)

    def stop(self):
        self._end(signal.SIGTERM)

    def restart(self, kill=False):
        if kill:
            time.sleep(MNESIA_WRITE_DELAY_S)
            self.kill()
        else:
            self.stop()
        self.start()

    def is_running(self):
        return self._process is not None and self._process.poll() is None

    def stderr_tail(self):
        tail = []
        for name in ("stderr", "log"):
            path = os.path.join(self._dir, name)
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as log:
                    tail += log.readlines()[-30:]
        return "".join(f"  server: {line}" for line in tail)

    def remove(self):
        self.kill()
        if self._epmd:
            self._epmd.kill()
            self._epmd.wait()
        shutil.rmtree(self._dir, ignore_errors=True)

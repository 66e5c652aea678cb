# SPDX-License-Identifier: Apache-2.0
"""Starts, kills and stops the brokers, each private: own data directory, own ports, own process group."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

START_LIMIT_S = 90.0
STOP_LIMIT_S = 30.0
RABBITMQ_SCRIPT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def port_accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Server:
    """One broker in a directory of its own. `start` may be called again after `kill` and keeps directory and port."""

    name = ""

    def __init__(self, work_dir: Path, pinned: bool, protocol: str = "amqp"):
        self.directory = Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir=work_dir))
        self.port = free_port()
        self.protocol = protocol
        self.pinned = pinned
        self.process: subprocess.Popen | None = None
        self.log_path = self.directory / "output.log"

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def is_ready(self) -> bool:
        raise NotImplementedError

    @property
    def pid(self) -> int:
        """The process that does the work."""
        assert self.process
        return self.process.pid

    @property
    def data_dir(self) -> Path:
        return self.directory / "data"

    def start(self) -> int:
        """Starts the broker and waits until it is ready; returns the CLOCK_MONOTONIC time of the exec in ns."""
        begun = self.launch()
        deadline = time.monotonic() + START_LIMIT_S
        while not self.is_ready():
            assert self.process
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} did not start; the end of its output:\n{self.log_path.read_text()[-2000:]}")
            time.sleep(0.005)
        return begun

    def launch(self) -> int:
        """Starts the broker and returns at once."""
        cpus = {0} if self.pinned else os.sched_getaffinity(0)
        with self.log_path.open("wb") as log:
            begun = time.monotonic_ns()
            self.process = subprocess.Popen(
                self.command(), stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=self.environment(),
                start_new_session=True, preexec_fn=lambda: os.sched_setaffinity(0, cpus))
        return begun

    def signal_group(self, number: int) -> None:
        assert self.process
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def kill(self) -> None:
        """kill -9, without any warning to the broker."""
        self.signal_group(signal.SIGKILL)
        assert self.process
        self.process.wait(STOP_LIMIT_S)

    def stop(self) -> None:
        """Asks the broker to end, insists after a while, and removes its directory."""
        if self.process and self.process.poll() is None:
            self.signal_group(signal.SIGTERM)
            try:
                self.process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                print(f"!! {self.name} ignored SIGTERM for {STOP_LIMIT_S:.0f} s", flush=True)
        if self.process:
            self.kill()
        self.clean_up()
        shutil.rmtree(self.directory, ignore_errors=True)

    def clean_up(self) -> None:
        """What is left to end besides the process group."""


class Fantail(Server):
    name = "fantail"
    binary = Path("build/release/fantail")

    def command(self) -> list[str]:
        places = {"amqp": "off", "kafka": "off", "http": "127.0.0.1:0", self.protocol: f"127.0.0.1:{self.port}"}
        listen = [word for name, place in places.items() for word in ("--listen", f"{name}={place}")]
        return [str(self.binary), "serve", *listen, "--data-dir", str(self.data_dir)]

    def is_ready(self) -> bool:
        return any(line.startswith("ready ") for line in self.log_path.read_text(errors="replace").splitlines())

    @classmethod
    def version(cls) -> str | None:
        if not cls.binary.exists():
            return None
        return subprocess.run([cls.binary, "--version"], capture_output=True, text=True, timeout=10).stdout.strip() or "unknown"


class RabbitMq(Server):
    """Debian's rabbitmq-server without plugins, with its own epmd, so that a system-wide one is neither used nor disturbed."""

    name = "rabbitmq"

    def __init__(self, work_dir: Path, pinned: bool, protocol: str = "amqp"):
        super().__init__(work_dir, pinned, protocol)
        self.epmd_port = free_port()
        self.distribution_port = free_port()
        (self.directory / "enabled_plugins").write_text("[].\n")
        (self.directory / "rabbitmq.conf").write_text("")

    def command(self) -> list[str]:
        return [str(RABBITMQ_SCRIPT)]

    def environment(self) -> dict[str, str]:
        own = {
            "HOME": str(self.directory),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self.epmd_port),
            "RABBITMQ_NODENAME": f"bench{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self.distribution_port),
            "RABBITMQ_MNESIA_BASE": str(self.data_dir),
            "RABBITMQ_LOG_BASE": str(self.directory / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.directory / "enabled_plugins"),
            "RABBITMQ_CONFIG_FILE": str(self.directory / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(self.directory / "no-such-file"),
            "RABBITMQ_PID_FILE": str(self.directory / "pid"),
        }
        return {**os.environ, **own}

    def is_ready(self) -> bool:
        return port_accepts(self.port)

    @property
    def pid(self) -> int:
        """beam.smp below the start script (or in its place)."""
        assert self.process
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                name, _, rest = stat.read_text().partition("(")[2].rpartition(")")
            except OSError:
                continue
            parent = int(rest.split()[1])
            if name == "beam.smp" and parent == self.process.pid:
                return int(stat.parent.name)
        return self.process.pid

    def clean_up(self) -> None:
        # epmd makes itself a daemon of its own session; it ends by its own command.
        subprocess.run(["epmd", "-port", str(self.epmd_port), "-kill"], capture_output=True, timeout=10)

    @classmethod
    def version(cls) -> str | None:
        if not RABBITMQ_SCRIPT.exists():
            return None
        query = ["dpkg-query", "-W", "-f", "${Version}", "rabbitmq-server"]
        try:
            return "rabbitmq " + subprocess.run(query, capture_output=True, text=True, timeout=10).stdout.strip()
        except OSError:
            return "rabbitmq, version unknown"


class Kafka(Server):
    """Apache Kafka of Maven's registry, one node that is its own controller, with its settings as they come."""

    name = "kafka"
    pom = Path(__file__).resolve().parent.parent / "kafka/pom.xml"
    jars = Path("build/bench-kafka-jars")

    def __init__(self, work_dir: Path, pinned: bool, protocol: str = "kafka"):
        super().__init__(work_dir, pinned, protocol)
        self.settings = self.directory / "server.properties"
        controller = free_port()
        self.settings.write_text(
            "process.roles=broker,controller\nnode.id=1\n"
            f"controller.quorum.voters=1@127.0.0.1:{controller}\n"
            f"listeners=PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}\n"
            "controller.listener.names=CONTROLLER\ninter.broker.listener.name=PLAINTEXT\n"
            f"log.dirs={self.data_dir}\noffsets.topic.replication.factor=1\n"
            "transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n")
        subprocess.run(self.java("kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c", str(self.settings)),
                       check=True, capture_output=True, timeout=60)

    def java(self, *words: str) -> list[str]:
        # The heap is what Kafka's own start script gives it.
        return ["java", "-Xmx1g", "-Xms1g", "-cp", f"{self.jars}/*", *words]

    def command(self) -> list[str]:
        return self.java("kafka.Kafka", str(self.settings))

    def is_ready(self) -> bool:
        return port_accepts(self.port)

    @classmethod
    def version(cls) -> str | None:
        """Fetches the jars first, if they are not there."""
        if not list(cls.jars.glob("kafka_*.jar")):
            if not shutil.which("mvn") or not shutil.which("java"):
                return None
            fetched = subprocess.run(
                ["mvn", "-q", "-B", "-f", str(cls.pom), "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies",
                 f"-DoutputDirectory={cls.jars.resolve()}"], capture_output=True, timeout=300)
            if fetched.returncode != 0:
                return None
        return next((path.stem.replace("_", " for Scala ") for path in cls.jars.glob("kafka_*.jar")), None)


PEERS: dict[str, type[Server]] = {"fantail": Fantail, "rabbitmq": RabbitMq, "kafka": Kafka}

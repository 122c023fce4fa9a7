"""A single-node Kafka (KRaft) on its own folder, from Maven's jars, adopted if it already runs there.

For development, tests and a single station; a district runs a cluster. The heap is small and only the fast
compiler is used, so its throughput is no measure of Kafka's. Java sees relative names only: folders may have
spaces, commas, colons or Chinese in their names.
"""

import asyncio
import base64
import json
import os
import re
import subprocess
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fenghuo.servers import ports
from fenghuo.servers.errors import ServerFailed, ServerMissing
from fenghuo.servers.java import find_java, kafka_jars
from fenghuo.servers.lock import prepare_folder, start_or_adopt
from fenghuo.servers.process import RunningServer, discard, size, spawn, tail

LOCK, PID, ADDRESS, JARS, DATA = "kafka.lock", "kafka.pid", "kafka.json", "jars", "data"
LOG, PRINTED = "kafka.log", "kafka.out"
FORMATTED = f"{DATA}/meta.properties"
PROPERTIES, LOGGING = "server.properties", "log4j2.yaml"
LOGGING_SOURCE = Path(__file__).with_name("kafka-log4j2.yaml")
POLL_S = 0.1
SMALL_JVM = (
    "-Xms256m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xshare:auto",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
    f"-Dlog4j2.configurationFile={LOGGING}",
)


@dataclass(frozen=True)
class KafkaAddress:
    """Where a folder's Kafka listens, and the cluster id that identifies its answers."""

    port: int
    controller_port: int
    cluster_id: str

    @property
    def bootstrap(self) -> str:
        return f"{ports.HOST}:{self.port}"


@dataclass(kw_only=True, eq=False)
class KafkaServer(RunningServer):
    """A Kafka that answers at ``bootstrap`` (host:port). It creates no topic automatically."""

    bootstrap: str

    @property
    def port(self) -> int:
        return int(self.bootstrap.rpartition(":")[2])

    def stop(self, timeout_s: float = 30) -> None:
        """Send SIGTERM (it closes its logs in 1 to 3 s) and wait; after ``timeout_s`` send SIGKILL."""
        super().stop(timeout_s)


def start_kafka(
    folder: Path, *, jars: Path | None = None, port: int | None = None, timeout_s: float = 60
) -> KafkaServer:
    """Start the folder's Kafka, or adopt the one that runs on it already, and wait until it answers.

    ``port``: None for the folder's last port, if it is still free, else any free one. An adopted server keeps
    its port: use ``bootstrap``. ``jars``: a folder of Kafka's jars; None for the user's cache, which
    Maven fills once (its time is not counted in ``timeout_s``). Data is kept from one start to the next.
    Raises ServerMissing (no java or mvn, Java too old, no jars) or ServerFailed (see its text).
    """
    home = prepare_folder(folder)

    def start(lock: int) -> KafkaServer:
        return _start(home, lock, find_java(), _usable(jars), port=port, timeout_s=timeout_s)

    return start_or_adopt(home / LOCK, start, lambda: _ask(home, adopted=True), timeout_s)


def _usable(jars: Path | None) -> Path:
    if jars is None:
        return kafka_jars()
    if not any(jars.glob("kafka_*.jar")):
        raise ServerMissing(
            f"{jars} holds no Kafka jars: leave it out, and Maven fetches them into the user's cache"
        )
    return jars.resolve()


def _start(
    home: Path, lock: int, java: str, jars: Path, *, port: int | None, timeout_s: float
) -> KafkaServer:
    deadline = time.monotonic() + timeout_s
    _link(home / JARS, jars)
    for attempt in range(ports.TRIES):
        address = _choose_address(home, port, first=attempt == 0)
        _write_configuration(home, address)
        _format_once(home, java, address.cluster_id)
        start = size(home / LOG), size(home / PRINTED)
        child = spawn(_command(java), folder=home, lock=lock, output=home / PRINTED, env=_environment())
        server = _wait(child, home, deadline)
        if server is not None:
            return server
        output = f"{tail(home / LOG, start[0])}\n{tail(home / PRINTED, start[1])}"
        if port is not None or ports.CLASH not in output:
            break
    raise ServerFailed(f"Kafka did not start on {home}; its logs end with:\n{output}")


def _wait(child: subprocess.Popen[bytes], home: Path, deadline: float) -> KafkaServer | None:
    """The server once it answers; None if it ended. It is killed if it does not answer by the deadline."""
    while child.poll() is None:
        server = _ask(home, adopted=False)
        if server is not None:
            return server
        if time.monotonic() > deadline:
            discard(child)
            raise ServerFailed(f"Kafka does not answer on {home}; its log ends with:\n{tail(home / LOG)}")
        time.sleep(POLL_S)
    discard(child)
    return None


def _ask(home: Path, *, adopted: bool) -> KafkaServer | None:
    """The folder's own Kafka, if it answers a request for the cluster's metadata."""
    address = _last_address(home)
    if address is None or not ports.is_open(address.port):
        return None
    if _cluster_id_at(address.bootstrap) != address.cluster_id:
        return None
    pid = int((home / PID).read_text())
    return KafkaServer(folder=home, pid=pid, adopted=adopted, lock=home / LOCK, bootstrap=address.bootstrap)


def _cluster_id_at(bootstrap: str) -> str | None:
    """Runs in its own thread: the caller may be inside a running event loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, _describe(bootstrap)).result()


async def _describe(bootstrap: str) -> str | None:
    """The id of the cluster that answers there and has a broker; None if there is none."""
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.errors import KafkaError

    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        async with asyncio.timeout(5):
            await client.start()
            about: dict[str, Any] = await client.describe_cluster()
    except (KafkaError, OSError, TimeoutError):
        return None
    finally:
        await client.close()
    return str(about["cluster_id"]) if about["brokers"] else None


def _command(java: str) -> list[str]:
    """The shell records the process id, which java then takes over, so that it never runs unrecorded."""
    return ["/bin/sh", "-c", f'echo $$ > {PID} && exec "$0" "$@"', *_java(java), "kafka.Kafka", PROPERTIES]


def _java(java: str) -> list[str]:
    return [java, *SMALL_JVM, "-cp", f"{JARS}/*"]


def _environment() -> dict[str, str]:
    """Java decodes file names by the locale: under C it would not find a folder with a Chinese name."""
    return {**os.environ, "LC_ALL": "C.UTF-8"}


def _format_once(home: Path, java: str, cluster_id: str) -> None:
    if (home / FORMATTED).exists():
        return
    tool = f"kafka.tools.StorageTool format -t {cluster_id} -c {PROPERTIES} --ignore-formatted"
    with (home / PRINTED).open("ab") as printed:
        done = subprocess.run(
            [*_java(java), *tool.split()],
            cwd=home,
            env=_environment(),
            stdout=printed,
            stderr=printed,
            check=False,
            umask=0o077,
        )
    if done.returncode:
        raise ServerFailed(f"Kafka could not format {home / DATA}; it says:\n{tail(home / PRINTED)}")


def _choose_address(home: Path, port: int | None, *, first: bool) -> KafkaAddress:
    last = _last_address(home)
    cluster_id = _formatted_id(home) or (last.cluster_id if last else _new_cluster_id())
    if port is None:
        port = last.port if first and last and ports.is_free(last.port) else ports.free_port()
    controller = ports.free_port()
    while controller == port:
        controller = ports.free_port()
    return KafkaAddress(port, controller, cluster_id)


def _last_address(home: Path) -> KafkaAddress | None:
    try:
        return KafkaAddress(**json.loads((home / ADDRESS).read_text()))
    except OSError:
        return None


def _formatted_id(home: Path) -> str | None:
    """The cluster id that the data was formatted with: it moves with the data."""
    if not (home / FORMATTED).exists():
        return None
    found = re.search(r"^cluster\.id=(\S+)$", (home / FORMATTED).read_text(), re.MULTILINE)
    return found[1] if found else None


def _new_cluster_id() -> str:
    """22 characters of base64, as Kafka writes them; it never begins with a dash, which looks like an
    option."""
    text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return "A" + text[1:]


def _write_configuration(home: Path, address: KafkaAddress) -> None:
    part = home / f"{ADDRESS}.part"
    part.write_text(json.dumps(asdict(address)) + "\n")
    part.replace(home / ADDRESS)
    (home / PID).unlink(missing_ok=True)
    (home / LOGGING).write_text(LOGGING_SOURCE.read_text())
    (home / PROPERTIES).write_text(
        "".join(f"{name}={value}\n" for name, value in _properties(address).items())
    )


def _properties(address: KafkaAddress) -> dict[str, str | int]:
    controller = f"{ports.HOST}:{address.controller_port}"
    return {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{controller}",
        "listeners": f"PLAINTEXT://{address.bootstrap},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{address.bootstrap}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": DATA,
        "num.partitions": 4,
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        # After a crash the broker waits for its own old session to end: 6 s, and 12 with the default. The
        # controller that watches over the session is the same process: a short one costs nothing here.
        "broker.session.timeout.ms": 4000,
        "broker.heartbeat.interval.ms": 1000,
        "log.segment.bytes": 67108864,
        # An index is a file in memory: a write to it waits while its page is being written to the disk, some
        # 40 ms on a slow one. Readers skip a megabyte in no time.
        "log.index.interval.bytes": 1048576,
        # One client host, a few hundred requests a second: each thread more is a switch of context more.
        "num.network.threads": 1,
        "num.io.threads": 2,
    }


def _link(link: Path, jars: Path) -> None:
    if link.is_symlink():
        link.unlink()
    link.symlink_to(jars, target_is_directory=True)

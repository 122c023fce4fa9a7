"""The Kafka without Docker: jars fetched once, one broker a folder, its data kept over any death."""

import asyncio
import os
import shutil
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from fenghuo.servers import ports
from fenghuo.servers.errors import ServerFailed, ServerMissing
from fenghuo.servers.java import kafka_jars, kafka_version
from fenghuo.servers.kafka import KafkaServer, start_kafka
from fenghuo.servers.lock import try_lock

Start = Callable[..., KafkaServer]
JAVA_17 = "#!/bin/sh\necho 'openjdk version \"17.0.15\" 2025-04-15' >&2\n"
JAVA_8 = "#!/bin/sh\necho 'java version \"1.8.0_392\"' >&2\n"
# Formats without a word, then dies as a broker.
JAVA_THAT_DIES = JAVA_17 + 'case "$*" in *kafka.Kafka*) echo "out of luck" >&2; exit 1;; esac\n'
MVN_THAT_COUNTS = """#!/bin/sh
echo run >> "$(dirname "$0")/runs"
for word; do case $word in -DoutputDirectory=*) into=${word#*=};; esac; done
mkdir -p "$into" && : > "$into/kafka_2.13-0.jar"
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that comes first on an otherwise bare PATH, and an empty cache for jars."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def jars(tmp_path: Path) -> Path:
    """A folder that looks like Kafka's jars."""
    folder = tmp_path / "jars of mine"
    folder.mkdir()
    (folder / "kafka_2.13-0.jar").touch()
    return folder


def program(path: Path, script: str) -> None:
    path.write_text(script)
    path.chmod(0o755)


def is_running(pid: int) -> bool:
    """False also means reaped: a zombie still has a process id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def create_topic(bootstrap: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def publish(bootstrap: str, topic: str, *values: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        for value in values:
            await asyncio.wait_for(producer.send_and_wait(topic, value, partition=0), 30)


async def read(bootstrap: str, topic: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    async with consumer:
        consumer.assign([TopicPartition(topic, 0)])
        await consumer.seek_to_beginning()
        return [(await asyncio.wait_for(consumer.getone(), 30)).value for _ in range(count)]


async def test_a_broker_killed_with_9_comes_back_on_its_port_with_its_data(
    private_kafka: Start, tmp_path: Path, namespace: str
) -> None:
    """On a folder whose name would trouble Java, a properties file and a class path alike."""
    folder = tmp_path / "a, b:烽火"
    server = private_kafka(folder)
    await create_topic(server.bootstrap, namespace)
    await publish(server.bootstrap, namespace, b"one", b"two")
    server.kill()
    assert not is_running(server.pid)
    again = private_kafka(folder)
    assert not again.adopted
    assert again.bootstrap == server.bootstrap
    await publish(again.bootstrap, namespace, b"three")
    assert await read(again.bootstrap, namespace, 3) == [b"one", b"two", b"three"]


async def test_concurrent_starts_make_one_broker_that_any_of_them_can_stop(
    private_kafka: Start, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(3) as pool:
        servers = list(pool.map(lambda _: private_kafka(tmp_path), range(3)))
    assert sorted(server.adopted for server in servers) == [False, True, True]
    assert len({(server.pid, server.bootstrap) for server in servers}) == 1
    adopted = next(server for server in servers if server.adopted)
    assert os.getsid(adopted.pid) == adopted.pid  # Ctrl-C at the terminal does not reach it
    adopted.stop()
    assert not is_running(adopted.pid)
    for server in servers:
        server.stop()
        server.kill()
    with try_lock(adopted.lock) as held:
        assert held is not None


async def test_topics_do_not_create_themselves(kafka_bootstrap: str, namespace: str) -> None:
    with pytest.raises((KafkaError, TimeoutError)):
        async with AIOKafkaProducer(bootstrap_servers=kafka_bootstrap, request_timeout_ms=1000) as producer:
            await asyncio.wait_for(producer.send_and_wait(namespace, b""), 5)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    try:
        assert namespace not in await admin.list_topics()
    finally:
        await admin.close()


async def test_what_is_published_to_the_runs_kafka_is_read_back(kafka_bootstrap: str, namespace: str) -> None:
    await create_topic(kafka_bootstrap, namespace)
    await publish(kafka_bootstrap, namespace, b"one")
    assert await read(kafka_bootstrap, namespace, 1) == [b"one"]


def test_a_given_port_that_is_taken_fails_and_shows_the_log(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((ports.HOST, 0))
        with pytest.raises(ServerFailed, match=ports.CLASH):
            start_kafka(tmp_path, port=taken.getsockname()[1])


def test_missing_java_says_what_to_install(tmp_path: Path, programs: Path) -> None:
    with pytest.raises(ServerMissing, match=r"java.*openjdk-17-jre-headless and maven"):
        start_kafka(tmp_path / "data")


def test_an_old_java_is_said_to_be_old(tmp_path: Path, programs: Path) -> None:
    program(programs / "java", JAVA_8)
    with pytest.raises(ServerMissing, match=r"Java 17 or newer, and .*/java is Java 8: install openjdk-17"):
        start_kafka(tmp_path / "data")


def test_missing_maven_says_what_to_install(tmp_path: Path, programs: Path) -> None:
    program(programs / "java", JAVA_17)
    with pytest.raises(ServerMissing, match=r"no mvn is on PATH.*openjdk-17-jre-headless and maven"):
        start_kafka(tmp_path / "data")


def test_a_folder_without_jars_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ServerMissing, match="holds no Kafka jars"):
        start_kafka(tmp_path / "data", jars=tmp_path)


def test_a_broker_that_dies_shows_its_last_words(
    tmp_path: Path, programs: Path, jars: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(programs / "java", JAVA_THAT_DIES)
    with pytest.raises(ServerFailed, match="out of luck"):
        start_kafka(tmp_path / "data", jars=jars)
    with try_lock(tmp_path / "data" / "kafka.lock") as held:
        assert held is not None


def test_a_broker_that_never_answers_is_ended(tmp_path: Path, programs: Path, jars: Path) -> None:
    sleeper = (
        f'{JAVA_17}case "$*" in *kafka.Kafka*) exec {shutil.which("sleep", path=os.defpath)} 600;; esac\n'
    )
    program(programs / "java", sleeper)
    with pytest.raises(ServerFailed, match="does not answer"):
        start_kafka(tmp_path / "data", jars=jars, timeout_s=0.5)
    assert not is_running(int((tmp_path / "data" / "kafka.pid").read_text()))


def test_jars_are_fetched_once_by_several_at_once_and_reused(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.defpath}")
    program(programs / "mvn", MVN_THAT_COUNTS)
    with ThreadPoolExecutor(4) as pool:
        found = {future.result() for future in [pool.submit(kafka_jars) for _ in range(4)]}
    assert found == {kafka_jars()}
    (folder,) = found
    assert folder.name == f"kafka-{kafka_version()}"
    assert (programs / "runs").read_text() == "run\n"


def test_jars_that_maven_cannot_fetch_leave_nothing_behind(
    tmp_path: Path, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(programs / "mvn", "#!/bin/sh\necho 'no network here'; exit 1\n")
    with pytest.raises(ServerFailed, match="no network here"):
        kafka_jars()
    assert [path.suffix for path in (tmp_path / "cache" / "fenghuo").iterdir()] == [".lock"]

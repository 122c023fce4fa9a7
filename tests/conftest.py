"""Real servers for the tests: one Redis a worker, one Kafka a run, and a test's own where it kills them.

FENGHUO_TEST_REDIS (a URL) and FENGHUO_TEST_KAFKA (host:port) give servers that run already. Where there is
neither a given server nor what it takes to start one, the tests that ask for it fail and say what to install.
"""

import asyncio
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import uvloop

from fenghuo.commands import limit_library_threads
from fenghuo.errors import Refused
from fenghuo.servers.kafka import KafkaServer, start_kafka
from fenghuo.servers.redis import RedisServer, start_redis
from tests.support.workers import Turns, shared_server

limit_library_threads()
Server = TypeVar("Server")
NO_REDIS = (
    "the tests need a redis-server on PATH (Debian: apt-get install redis-server), "
    "or FENGHUO_TEST_REDIS with the URL of one that they may write to"
)


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The event loops that a test runs on, once each."""
    ours = {"asyncio": asyncio.new_event_loop}
    return ours | {"uvloop": uvloop.new_event_loop} if item.get_closest_marker("on_both_loops") else ours


@pytest.fixture(scope="session")
def _turns(tmp_path_factory: pytest.TempPathFactory) -> Turns | None:
    """None where this process is the only one."""
    return Turns(_of_the_run(tmp_path_factory)) if "PYTEST_XDIST_WORKER" in os.environ else None


@pytest.fixture(autouse=True)
def _turn(request: pytest.FixtureRequest, _turns: Turns | None) -> Iterator[None]:
    """Beside the tests of other workers, or without them for a test marked ``alone``."""
    if _turns is None:
        yield
        return
    with _turns.take(alone=request.node.get_closest_marker("alone") is not None):
        yield


@pytest.fixture
def namespace() -> str:
    """A prefix of the test's own for topics and Redis keys, such as "t3f9a1c"."""
    return f"t{secrets.token_hex(3)}"


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the run's Redis, started on first use."""
    if given := os.environ.get("FENGHUO_TEST_REDIS"):
        yield given
        return
    server = _redis(tmp_path_factory.mktemp("redis"))
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def kafka_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The host:port of the run's Kafka, started on first use."""
    if given := os.environ.get("FENGHUO_TEST_KAFKA"):
        yield given
        return
    own = tmp_path_factory.mktemp("kafka")
    with shared_server(_of_the_run(tmp_path_factory), lambda: _kafka(own)) as address:
        yield address


def _of_the_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of the run have in common."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture
def private_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., RedisServer]]:
    """``private_redis(folder=None, **options of start_redis)``: a Redis of the test's own, on a TCP port.

    Called again with ``server.folder`` after ``server.kill()``, it comes back on the same port with its data.
    """
    servers: list[RedisServer] = []

    def start(folder: Path | None = None, **options: Any) -> RedisServer:
        servers.append(_redis(folder or tmp_path_factory.mktemp("redis"), **options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="module")
def module_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis of the module's own, for tests that cut its connections."""
    server = _redis(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture
def private_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., KafkaServer]]:
    """``private_kafka(folder=None, **options of start_kafka)``: a Kafka of the test's own.

    Called again with ``server.folder`` after ``server.kill()``, it comes back on the same port with its data.
    """
    servers: list[KafkaServer] = []

    def start(folder: Path | None = None, **options: Any) -> KafkaServer:
        servers.append(_kafka(folder or tmp_path_factory.mktemp("kafka"), **options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def _redis(folder: Path, **options: Any) -> RedisServer:
    """The real server on PATH: an older one inside a wheel does not prove the newer one right."""
    executable = shutil.which("redis-server")
    if executable is None:
        pytest.fail(NO_REDIS, pytrace=False)
    options = {"port": 0, "executable": str(Path(executable).absolute()), **options}
    return _started(lambda: start_redis(folder, **options))


def _kafka(folder: Path, **options: Any) -> KafkaServer:
    return _started(lambda: start_kafka(folder, **options))


def _started(start: Callable[[], Server]) -> Server:
    try:
        return start()
    except Refused as refusal:
        pytest.fail(f"{refusal}\n(or give FENGHUO_TEST_REDIS, FENGHUO_TEST_KAFKA)", pytrace=False)

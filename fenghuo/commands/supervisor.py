"""The whole house on one machine: servers, then the rooms as processes, watched and ended in order.

Rooms are started by name, as docker-compose would, so the ground floor imports none of them.
"""

import contextlib
import errno
import fcntl
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any

from fenghuo.errors import Refused
from fenghuo.runtime.room import PARENT
from fenghuo.servers.kafka import KafkaServer, start_kafka
from fenghuo.servers.redis import EMBEDDED, RedisServer, start_redis
from fenghuo.settings import Settings, ensure_secrets

log = logging.getLogger(__name__)

ROOMS = ("consumers", "broadcast", "producers", "console")
"""In the order of starting; they end in the opposite one."""
READY_WITHIN_S = 90.0
END_WITHIN_S = 40.0
RUNNING = "running.json"
"""In data_dir while the house runs: where its servers are, so that other commands find them unasked."""
REFUSED_STATUS = 2
"""A room's exit status when a person must act: it is not started again."""
LONGEST_PAUSE_S = 10.0
STEADY_S = 60.0
"""A room that lived this long is started again at once: what ended it before is forgotten."""


@dataclass(slots=True)
class RoomProcess:
    """One room's process and its restarts."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path
    restarts: int = 0
    again_at: float = 0.0
    began_at: float = field(default_factory=time.monotonic)


class Supervisor:
    """Starts everything, keeps it running until told to end, ends it cleanly. One for each data_dir."""

    def __init__(self, settings: Settings, tell: Callable[[str], None] = lambda _line: None) -> None:
        self.settings = settings
        self.rooms: dict[str, RoomProcess] = {}
        self.failure: str | None = None
        """Why the house cannot go on, if it cannot."""
        self._tell = tell
        self._environment: dict[str, str] = {}
        self._redis: RedisServer | None = None
        self._kafka: KafkaServer | None = None
        self._lock: IO[str] | None = None
        self._ending = threading.Event()
        self._watch = threading.Thread(target=self._supervise, daemon=True)

    @property
    def console_url(self) -> str:
        return self._url("console")

    @property
    def intake_url(self) -> str:
        return self._url("producers")

    @property
    def environment(self) -> dict[str, str]:
        """What the rooms are told, secrets and all; other commands of ours are run with it too."""
        return self._environment

    def start(self) -> None:
        """Servers, rooms, and the wait until each is ready; Refused says what hinders it."""
        self._take_lock()
        try:
            self._check_ports()
            self._start_servers()
            for name in ROOMS:
                self.rooms[name] = self._spawn(name)
            self._watch.start()
            self._wait_ready()
        except BaseException:
            self.stop()
            raise

    @contextlib.contextmanager
    def servers_only(self) -> Iterator[None]:
        """The servers without the rooms, for work that must have the house to itself; Refused while it
        runs."""
        self._take_lock()
        try:
            self._start_servers()
            yield
        finally:
            self.stop()

    def stop(self) -> None:
        """End the rooms in order, each with its work finished, then the servers; safe to call twice.

        Without the lock the folder is another house's, and its RUNNING stays.
        """
        self._ending.set()
        if self._watch.is_alive():
            self._watch.join(5)
        for name in reversed(ROOMS):
            if name in self.rooms:
                _end(self.rooms[name].process)
        for server in (self._kafka, self._redis):
            if server is not None:
                server.stop()
        if self._lock is not None:
            (self.settings.data_dir / RUNNING).unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    def _take_lock(self) -> None:
        folder = self.settings.data_dir
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (folder / "up.lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise Refused(
                f"fenghuo is already running on {folder.resolve()}: use that one, end it with Ctrl-C, "
                "or set FENGHUO_DATA_DIR to another folder"
            ) from None
        self._lock = lock

    def _check_ports(self) -> None:
        for name in ROOMS:
            host, port = self._listens_at(name)
            what = _PORT_OF.get(name, name).upper()
            try:
                _try_to_listen(host, port)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise Refused(
                        f"{name} cannot listen on {host}, port {port} ({error.strerror}): change "
                        f"FENGHUO_{_HOST_OF.get(name, 'health').upper()}_HOST or FENGHUO_{what}_PORT"
                    ) from error
                raise Refused(
                    f"port {port} ({name}) is taken by another program: end it, "
                    f"or choose another port with FENGHUO_{what}_PORT=..."
                ) from error

    def _listens_at(self, name: str) -> tuple[str, int]:
        host = getattr(self.settings, f"{_HOST_OF.get(name, 'health')}_host")
        return host, getattr(self.settings, f"{_PORT_OF.get(name, name)}_port")

    def _url(self, name: str) -> str:
        """Where a program on this machine finds the room."""
        host, port = self._listens_at(name)
        host = _ANY_ADDRESS.get(host, host)
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def _start_servers(self) -> None:
        settings, folder = self.settings, self.settings.data_dir.resolve()
        kept = ensure_secrets(folder)
        given = {name: getattr(settings, name).get_secret_value() for name in kept}
        told: dict[str, str] = {name: given[name] or value for name, value in kept.items()}
        told["data_dir"] = str(folder)
        told["intake_url"] = settings.intake_url or self.intake_url
        told["redis_url"] = settings.redis_url or self._embedded_redis(folder)
        if settings.broker == "kafka":
            told["kafka_servers"] = settings.kafka_servers or self._embedded_kafka(folder)
        note_running(
            folder,
            {name: told.get(name, "") for name in ("redis_url", "kafka_servers")}
            | {
                "broker": settings.broker,
                "namespace": settings.namespace,
            },
        )
        self._environment = {
            **os.environ,
            **_as_environment(settings),
            **{f"FENGHUO_{name.upper()}": value for name, value in told.items()},
            PARENT: str(os.getpid()),
        }

    def _embedded_redis(self, folder: Path) -> str:
        settings = self.settings
        self._redis = start_redis(
            folder / EMBEDDED, fsync=settings.redis_fsync, executable=settings.redis_executable or None
        )
        self._tell(f"Redis {self._redis.version} {'adopted' if self._redis.adopted else 'started'}")
        return self._redis.url

    def _embedded_kafka(self, folder: Path) -> str:
        self._tell("starting Apache Kafka (the first time it is fetched through Maven)")
        self._kafka = start_kafka(folder / "kafka", timeout_s=120)
        self._tell(f"Apache Kafka {'adopted' if self._kafka.adopted else 'started'}")
        return self._kafka.bootstrap

    def _spawn(self, name: str) -> RoomProcess:
        log = self.settings.data_dir / "logs" / f"{name}.log"
        log.parent.mkdir(mode=0o700, exist_ok=True)
        with log.open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "fenghuo", "room", name],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        return RoomProcess(name, process, log)

    def _wait_ready(self) -> None:
        waiting = set(ROOMS)
        deadline = time.monotonic() + READY_WITHIN_S
        while waiting:
            waiting -= {name for name in waiting if self.ready(name) is None}
            if self.failure:
                raise Refused(self.failure)
            if waiting and time.monotonic() > deadline:
                why = "; ".join(f"{name}: {self.ready(name)}, see {self.rooms[name].log}" for name in waiting)
                raise Refused(f"not ready after {READY_WITHIN_S:g} s: {why}")
            time.sleep(0.1)

    def ready(self, name: str) -> str | None:
        """None when the room can do its work, else why not."""
        straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with straight.open(f"{self._url(name)}/ready", timeout=3) as answer:
                answer.read()
        except urllib.error.HTTPError as error:
            with contextlib.suppress(ValueError):
                return str(json.load(error).get("why"))
            return f"HTTP {error.code}"
        except (OSError, HTTPException) as error:
            return str(error)
        return None

    def _supervise(self) -> None:
        """Start a room again however it ended, unless it was asked to or a person must act."""
        while not self._ending.wait(0.2):
            for name, room in list(self.rooms.items()):
                try:
                    status = room.process.poll()
                    if status == REFUSED_STATUS:
                        self.failure = _last_words(room)
                        return
                    if status is not None:
                        self._again(name, room)
                except Exception:  # whatever it is (no memory, a full disk): the other rooms need us
                    log.exception("%s is not started again yet", name)

    def _again(self, name: str, room: RoomProcess) -> None:
        now = time.monotonic()
        if not room.again_at:
            if now - room.began_at > STEADY_S:
                room.restarts = 0
            room.again_at = now + _pause_s(room.restarts)
            self._tell(f"{name} ended (status {room.process.returncode}), starting it again")
        elif now >= room.again_at:
            room.restarts += 1
            room.again_at = now + _pause_s(room.restarts)  # when the next line fails
            fresh = self._spawn(name)
            fresh.restarts = room.restarts
            self.rooms[name] = fresh


def _pause_s(restarts: int) -> float:
    return min(LONGEST_PAUSE_S, 0.2 * 2.0 ** min(restarts, 10))


_HOST_OF = {"producers": "intake", "console": "console"}
_PORT_OF = {"producers": "intake"}
_ANY_ADDRESS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
"""Where to ask a room that listens on all addresses (on "::" it takes no IPv4)."""


def _try_to_listen(host: str, port: int) -> None:
    """OSError when no server could listen there now (connections in TIME_WAIT do not hinder it)."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if probe.family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        probe.bind((host, port))


def note_running(folder: Path, told: dict[str, str]) -> None:
    """Write RUNNING, whole or not at all, mode 600 (an address may hold a password)."""
    part = folder / f"{RUNNING}.part"
    part.touch(mode=0o600)
    part.write_text(json.dumps(told))
    part.replace(folder / RUNNING)


def noted_running(folder: Path) -> dict[str, str]:
    """What the running house of ``folder`` wrote; empty if none runs."""
    try:
        found: dict[str, str] = json.loads((folder / RUNNING).read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return found


def _as_environment(settings: Settings) -> dict[str, str]:
    """The settings in force as variables, so that a room sees what this process was told in any way."""
    plain: dict[str, Any] = settings.model_dump(mode="json", exclude_unset=True)
    hidden = {"secret_key", "intake_token", "webhook_secret"}
    return {f"FENGHUO_{k.upper()}": _word(v) for k, v in plain.items() if k not in hidden}


def _word(value: object) -> str:
    """As pydantic-settings reads it back: lists and truth as JSON."""
    return json.dumps(value) if isinstance(value, bool | list) else str(value)


def _last_words(room: RoomProcess) -> str:
    try:
        lines = room.log.read_text("utf-8", "replace").strip().splitlines()
    except OSError:
        lines = []
    said = [line for line in lines if line.startswith("fenghuo: ")]
    return f"{room.name}: {said[-1].removeprefix('fenghuo: ') if said else f'ended, see {room.log}'}"


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(END_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

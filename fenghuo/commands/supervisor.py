"""The whole system on one machine: starts the servers and the rooms, restarts rooms, ends all in order.

Rooms are started as processes by name, as docker-compose does, so that this package imports none of them.
"""

import contextlib
import fcntl
import json
import logging
import os
import signal
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

from fenghuo.commands.room_addresses import check_ports, url_of
from fenghuo.commands.running_record import remove_running, write_running
from fenghuo.errors import Refused
from fenghuo.runtime.room import PARENT
from fenghuo.servers.kafka import KafkaServer, start_kafka
from fenghuo.servers.redis import EMBEDDED, RedisServer, start_redis
from fenghuo.settings import Settings, ensure_secrets

log = logging.getLogger(__name__)

ROOMS = ("consumers", "broadcast", "producers", "console")
"""In the order of their start; they are ended in the reverse order."""
READY_WITHIN_S = 90.0
END_WITHIN_S = 40.0
REFUSED_STATUS = 2
"""A room's exit status when a person must act: it is not restarted."""
LONGEST_PAUSE_S = 10.0
STEADY_S = 60.0
"""A room that ran this long is restarted without a pause: earlier failures no longer count."""


@dataclass(slots=True)
class RoomProcess:
    """One room's process, and how often and when it was restarted."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path
    restarts: int = 0
    restart_at: float = 0.0
    started_at: float = field(default_factory=time.monotonic)


class Supervisor:
    """Starts everything, keeps it running until ``stop``, and ends it cleanly. One for each data_dir."""

    def __init__(self, settings: Settings, tell: Callable[[str], None] = lambda _line: None) -> None:
        self.settings = settings
        self.rooms: dict[str, RoomProcess] = {}
        self.failure: str | None = None
        """Why the system cannot go on, or None."""
        self._tell = tell
        self._environment: dict[str, str] = {}
        self._redis: RedisServer | None = None
        self._kafka: KafkaServer | None = None
        self._lock: IO[str] | None = None
        self._ending = threading.Event()
        self._watch = threading.Thread(target=self._supervise, daemon=True)

    @property
    def console_url(self) -> str:
        return url_of(self.settings, "console")

    @property
    def intake_url(self) -> str:
        return url_of(self.settings, "producers")

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the rooms, with the secrets; other commands of ours run with it too."""
        return self._environment

    def start(self) -> None:
        """Start servers and rooms, and wait until each room is ready; raises Refused, saying why,
        otherwise."""
        self._take_lock()
        try:
            check_ports(self.settings, ROOMS)
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
        """The servers without the rooms, for work that needs exclusive access; Refused while the system
        runs."""
        self._take_lock()
        try:
            self._start_servers()
            yield
        finally:
            self.stop()

    def stop(self) -> None:
        """End the rooms in order, each after its batches in progress, then the servers. Idempotent.

        Without the lock the folder belongs to another system, and its record stays.
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
            remove_running(self.settings.data_dir)
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

    def _start_servers(self) -> None:
        settings, folder = self.settings, self.settings.data_dir.resolve()
        kept = ensure_secrets(folder)
        given = {name: getattr(settings, name).get_secret_value() for name in kept}
        values: dict[str, str] = {name: given[name] or value for name, value in kept.items()}
        values["data_dir"] = str(folder)
        values["intake_url"] = settings.intake_url or self.intake_url
        values["redis_url"] = settings.redis_url or self._embedded_redis(folder)
        if settings.broker == "kafka":
            values["kafka_servers"] = settings.kafka_servers or self._embedded_kafka(folder)
        write_running(
            folder,
            {name: values.get(name, "") for name in ("redis_url", "kafka_servers")}
            | {
                "broker": settings.broker,
                "namespace": settings.namespace,
            },
        )
        self._environment = {
            **os.environ,
            **_as_environment(settings),
            **{f"FENGHUO_{name.upper()}": value for name, value in values.items()},
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
        """None if the room is ready, else why it is not."""
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(f"{url_of(self.settings, name)}/ready", timeout=3) as answer:
                answer.read()
        except urllib.error.HTTPError as error:
            with contextlib.suppress(ValueError):
                return str(json.load(error).get("why"))
            return f"HTTP {error.code}"
        except (OSError, HTTPException) as error:
            return str(error)
        return None

    def _supervise(self) -> None:
        """Restart rooms that ended, whatever the reason, unless they were asked to or a person must act."""
        while not self._ending.wait(0.2):
            for name, room in list(self.rooms.items()):
                try:
                    status = room.process.poll()
                    if status == REFUSED_STATUS:
                        self.failure = _failure_of(room)
                        return
                    if status is not None:
                        self._restart(name, room)
                except Exception:  # no memory, a full disk: the other rooms still need supervision
                    log.exception("%s is not restarted yet", name)

    def _restart(self, name: str, room: RoomProcess) -> None:
        now = time.monotonic()
        if not room.restart_at:
            if now - room.started_at > STEADY_S:
                room.restarts = 0
            room.restart_at = now + _pause_s(room.restarts)
            self._tell(f"{name} ended (status {room.process.returncode}), starting it again")
        elif now >= room.restart_at:
            room.restarts += 1
            room.restart_at = now + _pause_s(room.restarts)  # in case the next line fails
            restarted = self._spawn(name)
            restarted.restarts = room.restarts
            self.rooms[name] = restarted


def _pause_s(restarts: int) -> float:
    return min(LONGEST_PAUSE_S, 0.2 * 2.0 ** min(restarts, 10))


def _as_environment(settings: Settings) -> dict[str, str]:
    """The settings in force as environment variables, wherever this process got them from."""
    plain: dict[str, Any] = settings.model_dump(mode="json", exclude_unset=True)
    hidden = {"secret_key", "intake_token", "webhook_secret"}
    return {f"FENGHUO_{k.upper()}": _as_text(v) for k, v in plain.items() if k not in hidden}


def _as_text(value: object) -> str:
    """As pydantic-settings reads it: lists and booleans as JSON."""
    return json.dumps(value) if isinstance(value, bool | list) else str(value)


def _failure_of(room: RoomProcess) -> str:
    try:
        lines = room.log.read_text("utf-8", "replace").strip().splitlines()
    except OSError:
        lines = []
    messages = [line for line in lines if line.startswith("fenghuo: ")]
    return f"{room.name}: {messages[-1].removeprefix('fenghuo: ') if messages else f'ended, see {room.log}'}"


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(END_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

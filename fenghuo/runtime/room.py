"""The life of a room's process: logs, transport, loops, health, signals. The same for every room."""

import asyncio
import contextlib
import gc
import json
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from redis.asyncio import Redis

from fenghuo.desk.desk import Desk
from fenghuo.desk.keys import Keys
from fenghuo.desk.redis import reaching_redis
from fenghuo.domain import events as e
from fenghuo.errors import Refused, Unavailable
from fenghuo.runtime import logs
from fenghuo.settings import Settings
from fenghuo.transport.kafka import KafkaTransport
from fenghuo.transport.redis import RedisTransport
from fenghuo.transport.stage import Follow, Stage, end_tasks

log = logging.getLogger(__name__)

PARENT = "FENGHUO_PARENT_PID"
"""Set by ``fenghuo up``: a room ends itself when its parent is gone, so that none is left behind."""
STEADY_S = 5.0
"""A loop that has run this long since its last failure counts as healthy."""
GC_AFTER = (20_000, 50, 100)
"""Thresholds of the garbage collector (allocations, then collections of the younger generation). Rare
collections are fine: only what a failure leaves behind, some megabytes, waits for them."""
AnyTransport = RedisTransport | KafkaTransport
Asgi = Callable[[Any, Any, Any], Awaitable[None]]


@dataclass(slots=True)
class Room:
    """What a room consists of, built by its ``app.py``; with ``asgi`` None it serves health pages only."""

    name: str
    settings: Settings
    desk: Desk
    transport: AnyTransport
    port: int
    host: str = "127.0.0.1"
    stages: Sequence[Stage] = ()
    follows: Sequence[Follow] = ()
    asgi: Asgi | None = None
    loops: Sequence[Callable[[], Awaitable[None]]] = ()
    """Coroutines that run beside the stages until the room ends."""
    closing: Sequence[Callable[[], Awaitable[None]]] = ()
    """Closes the room's own connections once its stages have ended."""
    started: bool = False
    waits_for: str = ""
    """Why it has not started yet: the error of the last attempt."""
    failing: dict[str, str] = field(default_factory=dict)
    """Loops that failed and are not healthy since, with the error."""

    async def health_problem(self) -> str | None:
        """Why the room cannot work now, or None."""
        if not self.started:
            return f"starting: {self.waits_for}" if self.waits_for else "starting"
        keys = self.desk.keys
        try:
            async with asyncio.timeout(2), reaching_redis():
                marks = await self.desk.client.mget(keys.rebuilding, keys.rebuild_lease)
                await self.transport.ping()
        except TimeoutError:
            return "the broker or Redis did not answer within 2 s"
        except Unavailable as error:
            return str(error)
        return (
            self.transport.health_problem()
            or _half_rebuilt(*marks)
            or next(iter(self.failing.values()), None)
        )


def _half_rebuilt(mark: bytes | None, lease: bytes | None) -> str | None:
    if mark is None:
        return None
    return (
        "the desk is being rebuilt" if lease else "the desk was left half rebuilt: run fenghuo rebuild again"
    )


def redis_url(settings: Settings) -> str:
    """The URL of the Redis in force: the configured one, else the embedded one that ``up`` recorded."""
    if settings.redis_url:
        return settings.redis_url
    from fenghuo.servers.redis import embedded_url

    return embedded_url(settings.data_dir)


def open_desk(settings: Settings) -> Desk:
    """A desk on the Redis in force, not connected yet."""
    client = Redis.from_url(redis_url(settings), socket_connect_timeout=5, socket_timeout=10)
    return Desk(client, Keys(settings.namespace))


def open_transport(settings: Settings, room: str, desk: Desk) -> AnyTransport:
    """The transport that the settings select, for ``room``; ``start`` connects it."""
    if settings.broker == "redis":
        return RedisTransport(
            redis_url(settings), room=room, namespace=settings.namespace,
            backlog=settings.backlog_limit, timeout_s=settings.publish_timeout_s,
        )  # fmt: skip
    if not settings.kafka_servers:
        raise Refused("FENGHUO_BROKER is kafka but FENGHUO_KAFKA_SERVERS is empty: name its host:port")
    return KafkaTransport(
        settings.kafka_servers, room=room, namespace=settings.namespace, desk=desk,
        timeout_s=settings.publish_timeout_s, session_s=settings.kafka_session_timeout_s,
        replication=settings.kafka_replication,
    )  # fmt: skip


def health_pages(room: Room, inner: Asgi | None) -> Asgi:
    """``/health`` (the process lives) and ``/ready`` (it can do its work), before ``inner``."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == "/health":
            await _answer(send, 200, {"room": room.name, "status": "alive"})
        elif scope["type"] == "http" and scope["path"] == "/ready":
            problem = await room.health_problem()
            body = {"room": room.name, "status": "ready" if problem is None else "not ready", "why": problem}
            await _answer(send, 200 if problem is None else 503, body)
        elif scope["type"] == "http" and inner is None:
            await _answer(send, 404, {"room": room.name, "status": "no such page"})
        elif inner is not None:
            await inner(scope, receive, send)

    return app


async def _answer(send: Any, status: int, body: dict[str, Any]) -> None:
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body, ensure_ascii=False).encode()})


def run_room(build: Callable[[Settings], Room], settings: Settings, name: str) -> None:
    """Run one room until SIGTERM or SIGINT; returns after the batches in progress have ended."""
    logs.set_up(name, settings.log_level)
    runner: Callable[..., None] = asyncio.run
    with contextlib.suppress(ImportError):
        import uvloop

        runner = uvloop.run
    runner(_live(build, settings))


async def _live(build: Callable[[Settings], Room], settings: Settings) -> None:
    room = build(settings)
    halt = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, halt.set)
    server = _Server(health_pages(room, room.asgi), room.host, room.port)
    serving = asyncio.create_task(server.serve())
    ending = asyncio.create_task(halt.wait())
    starting = asyncio.create_task(_start(room, halt))
    tasks: list[asyncio.Task[Any]] = [asyncio.create_task(_watch_parent(halt)), ending, starting]
    try:
        await asyncio.wait({starting, serving}, return_when=asyncio.FIRST_COMPLETED)
        if not serving.done():
            starting.result()
            tasks += [asyncio.create_task(_for_ever(room, loop)) for loop in room.loops]
            await asyncio.wait({ending, serving}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done() and not halt.is_set():
            serving.result()
    finally:
        await _end(room, server, serving, tasks)


async def _start(room: Room, halt: asyncio.Event) -> None:
    """Connect, with retries while the broker is down: /ready says why, nothing is lost meanwhile.

    Raises Refused if a retry would not help.
    """
    delay_s = 0.2
    while not halt.is_set():
        try:
            async with reaching_redis():
                await room.desk.client.ping()
            await room.transport.start(room.stages, room.follows)
            room.started = True
            tune_garbage_collector()
            log.info("room started", extra={"port": room.port})
            return
        except Refused:
            raise
        except Unavailable as error:
            room.waits_for = str(error)
            log.warning("waiting for the broker", extra={"why": str(error)})
            await room.transport.stop()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(halt.wait(), delay_s)
            delay_s = min(delay_s * 2, 5)


def tune_garbage_collector() -> None:
    """Exclude what lives as long as the process (modules, clients, patterns) from garbage collection, and
    collect the rest less often: by default a fan-out spends a fifth of its time in the collector."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_AFTER)


async def _for_ever(room: Room, loop: Callable[[], Awaitable[None]]) -> None:
    """Restart ``loop`` whenever it fails; ``room.failing`` names it until it has run for STEADY_S."""
    name = getattr(loop, "__qualname__", repr(loop))
    while True:
        steady = asyncio.get_running_loop().call_later(STEADY_S, room.failing.pop, name, None)
        try:
            await loop()
        except Exception as error:
            room.failing[name] = f"{name} fails: {e.reason_of(error)}"
            log.exception("loop failed, restarting it")
            await asyncio.sleep(1)
        finally:
            steady.cancel()


async def _watch_parent(halt: asyncio.Event) -> None:
    parent = int(os.environ.get(PARENT, "0"))
    while parent:
        if os.getppid() != parent:
            log.error("the process that started this room is gone, ending")
            halt.set()
            return
        await asyncio.sleep(1)


async def _end(room: Room, server: "_Server", serving: Any, tasks: list[Any]) -> None:
    room.started = False
    server.should_exit = True
    await asyncio.wait({serving}, timeout=10)
    await end_tasks((serving, *tasks))
    await asyncio.gather(serving, *tasks, return_exceptions=True)
    await room.transport.stop()
    for close in room.closing:
        await close()
    await room.desk.client.aclose()
    log.info("room ended")


class _Server(uvicorn.Server):
    """Uvicorn inside our event loop: the runtime handles signals, and a port in use is reported in one
    line."""

    def __init__(self, app: Asgi, host: str, port: int) -> None:
        super().__init__(
            uvicorn.Config(
                app, host=host, port=port, log_config=None, access_log=False, lifespan="off",
                timeout_graceful_shutdown=5, timeout_keep_alive=30, server_header=False,
            )
        )  # fmt: skip

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield

    async def startup(self, sockets: Any = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit:
            where = f"{self.config.host}:{self.config.port}"
            raise Refused(f"{where} is taken by another program: end it, or choose another port") from None

"""For commands: opens the desk and the transport of the settings in force, and closes them afterwards."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import SecretStr

from fenghuo.commands.running_record import read_running
from fenghuo.desk.desk import Desk
from fenghuo.desk.redis import reaching_redis
from fenghuo.errors import Barred, Refused, Unavailable
from fenghuo.runtime import logs
from fenghuo.runtime.room import AnyTransport, open_desk, open_transport, redis_url
from fenghuo.settings import SECRETS, Settings, ensure_secrets, load_settings

T = TypeVar("T")
PING_S = 5


def run(room: str, work: Callable[[Desk, AnyTransport, Settings], Awaitable[T]]) -> T:
    """Run ``work`` with the desk and a started transport that publishes as ``room``; returns its result.

    Raises Refused, saying how to start it, when no server answers.
    """

    async def with_transport(desk: Desk, settings: Settings) -> T:
        async with publishing_as(room, desk, settings) as transport:
            return await work(desk, transport, settings)

    return with_desk(with_transport)


def with_desk(work: Callable[[Desk, Settings], Awaitable[T]]) -> T:
    """Run ``work`` with the desk alone, for what needs no broker (tokens, passwords); returns its result."""
    settings = known_settings()
    logs.set_up("offline", settings.log_level if settings.log_level != "INFO" else "WARNING")
    return asyncio.run(_at_desk(work, settings))


async def _at_desk(work: Callable[[Desk, Settings], Awaitable[T]], settings: Settings) -> T:
    desk = open_desk(settings)
    try:
        await _check_answers(desk, settings)
        return await work(desk, settings)
    finally:
        await desk.client.aclose()


@asynccontextmanager
async def publishing_as(room: str, desk: Desk, settings: Settings) -> AsyncIterator[AnyTransport]:
    """A started transport that publishes as ``room``; stopped at the end."""
    transport = open_transport(settings, room, desk)
    try:
        await transport.start()
        yield transport
    finally:
        await transport.stop()


def known_settings() -> Settings:
    """The settings, completed from data_dir: addresses of the system that runs there, and its secrets."""
    settings = load_settings()
    recorded = {
        k: v for k, v in read_running(settings.data_dir).items() if k not in settings.model_fields_set and v
    }
    if (settings.data_dir / "secrets").exists():
        kept = ensure_secrets(settings.data_dir)
        missing = [x for x in SECRETS if not getattr(settings, x).get_secret_value()]
        return settings.model_copy(update=recorded | {x: SecretStr(kept[x]) for x in missing})
    return settings.model_copy(update=recorded)


async def _check_answers(desk: Desk, settings: Settings) -> None:
    try:
        async with asyncio.timeout(PING_S), reaching_redis():
            await desk.client.ping()
    except Barred:
        raise
    except (Unavailable, TimeoutError):
        where = urlsplit(redis_url(settings))
        shown = f"{where.scheme}://{where.netloc.rpartition('@')[2]}{where.path}"
        raise Refused(
            f"nothing answers at {shown}: start `fenghuo up` first, or set FENGHUO_REDIS_URL"
        ) from None

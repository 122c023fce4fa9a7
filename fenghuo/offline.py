"""For commands: the desk and the transport of the settings in force, opened, used once, closed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import SecretStr

from fenghuo import logs
from fenghuo.errors import Refused, Unavailable
from fenghuo.runtime import AnyTransport, open_desk, open_transport, redis_url
from fenghuo.settings import SECRETS, Settings, load_settings, made_secrets
from fenghuo.stores.desk import Desk, reaching_redis

T = TypeVar("T")
PING_S = 5


def run(room: str, work: Callable[[Desk, AnyTransport, Settings], Awaitable[T]]) -> T:
    """What ``work`` returns, given the desk and a started transport that publishes as ``room``.

    Raises Refused when nothing answers there, with how to start it.
    """

    async def with_transport(desk: Desk, settings: Settings) -> T:
        async with publishing_as(room, desk, settings) as transport:
            return await work(desk, transport, settings)

    return run_at_desk(with_transport)


def run_at_desk(work: Callable[[Desk, Settings], Awaitable[T]]) -> T:
    """What ``work`` returns, given the desk alone: for what needs no broker (tokens, passwords)."""
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
    """A started transport that may publish what ``room`` is a writer of; stopped at the end."""
    transport = open_transport(settings, room, desk)
    try:
        await transport.start()
        yield transport
    finally:
        await transport.stop()


def known_settings() -> Settings:
    """The settings with the secrets that ``fenghuo up`` keeps in data_dir, where none are given otherwise."""
    settings = load_settings()
    if not (settings.data_dir / "secrets").exists():
        return settings
    kept = made_secrets(settings.data_dir)
    missing = [x for x in SECRETS if not getattr(settings, x).get_secret_value()]
    return settings.model_copy(update={x: SecretStr(kept[x]) for x in missing})


async def _check_answers(desk: Desk, settings: Settings) -> None:
    try:
        async with asyncio.timeout(PING_S), reaching_redis():
            await desk.client.ping()
    except (Unavailable, TimeoutError):
        where = urlsplit(redis_url(settings))
        shown = f"{where.scheme}://{where.netloc.rpartition('@')[2]}{where.path}"
        raise Refused(
            f"nothing answers at {shown}: start `fenghuo up` first, or set FENGHUO_REDIS_URL"
        ) from None

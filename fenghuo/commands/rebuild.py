"""``fenghuo rebuild``: drop the desk and fold every kept event again."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

import click

from fenghuo.commands.supervisor import Supervisor
from fenghuo.desk.desk import Desk
from fenghuo.desk.redis import reaching_redis
from fenghuo.domain import events as e
from fenghuo.errors import Refused
from fenghuo.runtime.room import AnyTransport
from fenghuo.settings import Settings, load_settings
from fenghuo.topics import TOPICS
from fenghuo.transport.stage import end_tasks
from fenghuo.transport.stage_lease import is_dead

LEASE_S = 60
"""How long the lease of a killed rebuild keeps another one from starting."""


@contextlib.asynccontextmanager
async def exclusive_access(desk: Desk) -> AsyncIterator[None]:
    """Hold the lease of the one rebuild and mark the desk as incomplete until the block ends well.

    Refused while a room or another rebuild is at work, as far as leases show (on Kafka the rooms hold none).
    An interruption leaves the mark behind, so that the rooms report the desk as incomplete.
    """
    client, lease = desk.client, desk.keys.rebuild_lease
    async with reaching_redis():
        if at_work := [name async for name in _at_work(desk)]:
            raise Refused(
                f"at work on this desk: {', '.join(sorted(at_work))}. End the rooms, or let the other "
                f"rebuild finish; what one that was killed still holds ends by itself within {LEASE_S} s"
            )
        if not await client.set(lease, str(os.getpid()), nx=True, ex=LEASE_S):
            raise Refused("another `fenghuo rebuild` is under way: let it finish")
        await client.set(desk.keys.rebuilding, "broken")
    renewing = asyncio.create_task(_renew(desk, lease))
    try:
        yield
        async with reaching_redis():
            await client.delete(desk.keys.rebuilding)
    finally:
        await end_tasks([renewing])
        async with reaching_redis():
            await client.delete(lease)


async def _at_work(desk: Desk) -> AsyncIterator[str]:
    """The names of the leases that a living process holds."""
    prefix = desk.keys.lease("")
    async for key in desk.client.scan_iter(match=f"{prefix}*", count=1000):
        holder = await desk.client.get(key) if await desk.client.pttl(key) > 0 else None
        if holder and not is_dead(holder.decode()):
            yield key.decode().removeprefix(prefix).split(":")[0]


async def _renew(desk: Desk, lease: str) -> None:
    while True:
        await asyncio.sleep(LEASE_S / 6)
        with contextlib.suppress(Exception):  # while Redis is away the rebuild itself fails
            await desk.client.expire(lease, LEASE_S)


async def drop_desk(desk: Desk) -> int:
    """Delete every key of the desk (and of nothing else); returns the number of keys."""
    gone = 0
    async with reaching_redis():
        keys = [key async for key in desk.client.scan_iter(match=desk.keys.desk + "*", count=1000)]
        for at in range(0, len(keys), 1000):
            gone += int(await desk.client.unlink(*keys[at : at + 1000]))
    return gone


async def fold_again(desk: Desk, transport: AnyTransport) -> dict[str, int]:
    """Fold every kept event of every topic into the desk; returns the number of events by topic."""
    counts: dict[str, int] = {}

    async def take(events: list[e.Event]) -> None:
        await desk.project(events)

    for topic in TOPICS:
        counts[topic.name] = await transport.replay(topic, take)
    return counts


@click.command(short_help="Restore the desk from the topics (after Redis lost it).")
def rebuild() -> None:
    """Drop what people look at and fold every kept event again.

    End the rooms first (`fenghuo up`: Ctrl-C; docker-compose: stop consumers, broadcast and console). On
    Redis Streams this refuses while a room is at work; on Kafka it cannot know. If it is interrupted, run it
    again: until then the rooms are not ready. Passwords and tokens are never published as events: after the
    loss of a whole Redis, issue them anew with `fenghuo people reset` and `fenghuo tokens issue`.
    """
    from fenghuo.commands.session import run

    async def work(desk: Desk, transport: AnyTransport, _settings: Settings) -> None:
        async with exclusive_access(desk):
            gone = await drop_desk(desk)
            counts = await fold_again(desk, transport)
        for name, count in counts.items():
            click.echo(f"{name:<24}{count:>10}")
        click.echo(f"dropped {gone} keys, folded {sum(counts.values())} events")

    settings = load_settings()
    if settings.redis_url:
        run("consumers", work)
        return
    with Supervisor(settings).servers_only():
        run("consumers", work)

"""``fenghuo rebuild``: drop the desk and fold every kept event again."""

import click

from fenghuo import events as e
from fenghuo.house import House
from fenghuo.runtime import AnyTransport
from fenghuo.settings import Settings, load_settings
from fenghuo.stores.desk import Desk, reaching_redis
from fenghuo.topics import TOPICS


async def drop_desk(desk: Desk) -> int:
    """Delete every key of the desk (and of nothing else); returns how many there were."""
    gone = 0
    async with reaching_redis():
        keys = [key async for key in desk.client.scan_iter(match=desk.keys.desk + "*", count=1000)]
        for at in range(0, len(keys), 1000):
            gone += int(await desk.client.unlink(*keys[at : at + 1000]))
    return gone


async def fold_again(desk: Desk, transport: AnyTransport) -> dict[str, int]:
    """Fold every kept event of every topic onto the desk; returns how many by topic."""
    counts: dict[str, int] = {}

    async def take(events: list[e.Event]) -> None:
        await desk.project(events)

    for topic in TOPICS:
        counts[topic.name] = await transport.replay(topic, take)
    return counts


@click.command(short_help="Restore the desk from the topics (after Redis lost it).")
def rebuild() -> None:
    """Drop what people look at and fold every kept event again.

    End the rooms first (`fenghuo up`: Ctrl-C; docker-compose: stop consumers, broadcast and console).
    Passwords
    and tokens are in no event: after a whole Redis was lost, issue them anew with `fenghuo people reset` and
    `fenghuo tokens issue`.
    """
    from fenghuo.offline import run

    async def work(desk: Desk, transport: AnyTransport, _settings: Settings) -> None:
        gone = await drop_desk(desk)
        counts = await fold_again(desk, transport)
        for name, count in counts.items():
            click.echo(f"{name:<24}{count:>10}")
        click.echo(f"dropped {gone} keys, folded {sum(counts.values())} events")

    settings = load_settings()
    if settings.redis_url:
        run("consumers", work)
        return
    with House(settings).servers_only():
        run("consumers", work)

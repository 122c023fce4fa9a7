"""A release survives: kill -9 of the sender, lost connections, platforms that misbehave, a recall and an update
in its middle. What groups have is the simulator's count, never our own ledger."""

import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

import pytest

from broadcast.halts import name_of
from fenghuo import events as e
from fenghuo.alerts import Action, AlertId
from fenghuo.events import DeliveryState as State
from fenghuo.servers.redis import RedisServer
from fenghuo.stores.projection import Row
from tests.inside import until
from tests.making import SAFE_CORRECTION
from tests.outside import Process, shares
from tests.released_district import (
    ALIVE,
    CALM,
    DEAD,
    DIRECT,
    GROUPS,
    ROBOTS,
    SECOND,
    STORMY,
    STORMY_GROUPS,
    District,
    Shown,
    Standing,
    by_officer,
    groups,
    instants,
    opened,
    standing,
)

KILLS, CUTS = 10, 10
REQUEST_MS = 1_000
"""One request's time, from the order's outcome on the desk till the last message that had left is shown."""
TASKS = "wecom_customer_group"


@pytest.fixture(scope="module", params=["redis", "kafka"])
def stands(
    request: pytest.FixtureRequest, module_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Standing]:
    kafka = request.getfixturevalue("kafka_bootstrap") if request.param == "kafka" else ""
    folder = tmp_path_factory.mktemp("district")
    with standing(folder, broker=request.param, kafka_servers=kafka, redis_url=module_redis.url) as begun:
        yield begun


@pytest.fixture
async def district(stands: Standing) -> AsyncIterator[District]:
    async with opened(stands) as district:
        yield district


@contextlib.asynccontextmanager
async def sending(*senders: Process) -> AsyncIterator[None]:
    """The senders at work meanwhile."""
    try:
        for sender in senders:
            sender.begin()
        for sender in senders:
            await until(sender.ready, 60, "the sender")
        yield
    finally:
        for sender in senders:
            sender.end()


def meant(*towns: str, channels: Sequence[str] = DIRECT) -> set[str]:
    """The groups of ``towns`` that are reached first by ``channels``."""
    return {g.group_id for g in groups("") if g.place.town in towns and g.channel in channels}


def doubled(shown: Sequence[Shown], *channels: str) -> dict[tuple[str, str], int]:
    """(group, text) that a group of ``channels`` saw more than once."""
    times = Counter((x.group_id, x.text) for x in shown if not channels or x.channel in channels)
    return {key: n for key, n in times.items() if n > 1}


def disagreeing(rows: Mapping[str, Row], have: set[str]) -> list[tuple[str, Row]]:
    """Where the ledger and the simulator's count differ; of what is unknown, they cannot."""
    has_it = {State.SHOWN: True, State.REFUSED: False, State.SUPERSEDED: False, State.WAITING: False}
    return [(k, x) for k, x in rows.items() if x.state is not State.UNKNOWN and has_it[x.state] != (k in have)]


async def reached(district: District, alert_id: AlertId, count: int, within_s: float = 60) -> int:
    """How many groups that need no tap have it, once ``count`` do."""

    async def there() -> int:
        have = await district.count(alert_id)
        return have if have >= count else 0

    return await until(there, within_s, f"{count} groups that have it")


async def test_a_release_survives_kills_and_lost_connections(district: District) -> None:
    """20 random instants: at each the sender is killed and begun again, or every connection to Redis is
    cut."""
    deeds = ["kill"] * KILLS + ["cut"] * CUTS
    random.Random(20).shuffle(deeds)
    sender = district.standing.sender(webhook_per_s=400)
    async with sending(sender):
        alert_id = await district.release("killed", *CALM)
        had = 0
        for instant, deed in zip(instants(20, len(deeds), len(meant(*CALM))), deeds, strict=True):
            had = await reached(district, alert_id, max(instant, had + 1))
            if deed == "kill":
                sender.kill()
                sender.begin()
            else:
                await until(district.cut_connections, what="connections to cut")
        rows = await district.settled(alert_id, GROUPS, within_s=120)
        shown = await district.shown(alert_id)
    have = {x.group_id for x in shown}
    unknown = {k: x for k, x in rows.items() if x.state is State.UNKNOWN}
    print(f"\n{len(deeds)} instants, unknown {len(unknown)} (have it: {len(unknown.keys() & have)}), doubles 0")
    assert await district.dead_letters() == 0
    assert doubled(shown) == {}
    assert {x.channel for x in unknown.values()} <= set(ROBOTS)
    assert len(unknown) <= KILLS + CUTS
    assert all(x.reason for x in unknown.values())
    assert disagreeing(rows, have) == []
    assert meant(*CALM, channels=("webhook", TASKS)) - have == set()

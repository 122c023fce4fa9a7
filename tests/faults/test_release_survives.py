"""A release survives: kill -9 of the sender, lost connections, platforms that misbehave, a recall and an
update in its middle. What groups have is the simulator's count, never our own ledger."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

import pytest

from broadcast.limits.circuit_breaker import breaker_key
from fenghuo import clock
from fenghuo.clock import to_ms
from fenghuo.domain import events as e
from fenghuo.domain.alert import Action, AlertId
from fenghuo.domain.delivery import LedgerRow
from fenghuo.domain.events import DeliveryState as State
from fenghuo.servers.redis import RedisServer
from tests.faults.district_harness import (
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
from tests.support.builders import SAFE_CORRECTION
from tests.support.room_processes import RoomProcess, shares
from tests.support.waiting import until

pytestmark = pytest.mark.alone
KILLS, CUTS = 10, 10
REQUEST_MS = 1_000
"""One request's time, from the order's outcome on the desk till the last message that had left is shown."""
CANCEL_MS = 3_000
"""Until every owner's task has been cancelled: each takes two calls, after the look at progress under way."""
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
async def sending(*senders: RoomProcess) -> AsyncIterator[None]:
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


def disagreeing(rows: Mapping[str, LedgerRow], have: set[str]) -> list[tuple[str, LedgerRow]]:
    """Where the ledger and the simulator's count differ; of what is unknown, they cannot."""
    has_it = {State.SHOWN: True, State.REFUSED: False, State.SUPERSEDED: False, State.WAITING: False}
    return [
        (k, x) for k, x in rows.items() if x.state is not State.UNKNOWN and has_it[x.state] != (k in have)
    ]


async def reached(district: District, alert_id: AlertId, count: int, within_s: float = 60) -> int:
    """How many groups that need no tap have it, once ``count`` do."""

    async def there() -> int:
        have = await district.count(alert_id)
        return have if have >= count else 0

    return await until(there, within_s, f"{count} groups that have it")


async def test_a_release_survives_kills_and_lost_connections(district: District) -> None:
    """At random instants the sender is killed and begun again, or every connection to Redis is cut. On Kafka
    every other kill meets the successor, which waits six seconds for its partitions."""
    dice, kills = random.Random(20), 1 if district.standing.told.broker == "redis" else 2
    deeds = ["kill"] * (KILLS // kills) + ["cut"] * CUTS
    dice.shuffle(deeds)
    sender = district.standing.sender(webhook_per_s=400)
    async with sending(sender):
        alert_id = await district.release("killed", *CALM)
        had = 0
        for instant, deed in zip(instants(dice, len(deeds), len(meant(*CALM))), deeds, strict=True):
            had = await reached(district, alert_id, max(instant, had + 1))
            if deed == "cut":
                await until(district.cut_connections, what="connections to cut")
                continue
            for n in range(kills):
                await asyncio.sleep(n * dice.uniform(0, 2))
                sender.kill()
                sender.begin()
        rows = await district.settled(alert_id, GROUPS, within_s=120)
        shown = await district.shown(alert_id)
    have = {x.group_id for x in shown}
    unknown = {k: x for k, x in rows.items() if x.state is State.UNKNOWN}
    print(
        f"\n{KILLS} kills, {CUTS} cuts: unknown {len(unknown)}, of which {len(unknown.keys() & have)} have it"
    )
    for k, x in sorted(unknown.items(), key=lambda kx: kx[1].at_ms):
        print(f"  {k} {x.at_ms} {x.channel} {k in have} attempt {x.attempt} {x.reason}")
    assert await district.dead_letters() == 0
    assert doubled(shown) == {}
    assert meant(*CALM, channels=("webhook", TASKS)) - have == set()
    assert {x.channel for x in unknown.values()} <= set(ROBOTS)
    assert len(unknown) <= KILLS
    assert all(x.reason for x in unknown.values())
    assert disagreeing(rows, have) == []


# --- platforms that misbehave -----------------------------------------------------------------------------

SHARES = {"rate_limited": 0.05, "timeout_after": 0.02, "hang_s": 2.5}
REVOKED = 0.035
"""Of the robots: of all groups one in a hundred."""
FAULTS = {
    "ways": {
        "webhook": SHARES,
        **{robot: {**SHARES, "revoked": REVOKED} for robot in ROBOTS},
        **{f"{TASKS}/{x}": SHARES for x in ("add_msg_template", "get_groupmsg_send_result", "gettoken")},
    },
    "dead_credentials": [DEAD],
}
CLOSED = breaker_key(TASKS, DEAD)


@pytest.mark.parametrize("stands", ["redis"], indirect=True)
async def test_each_misbehaviour_of_the_platforms_ends_in_its_right_state(district: District) -> None:
    every = {g.group_id: g for g in groups("") if g.place.town == STORMY}
    closed = {k for k, g in every.items() if g.credential == DEAD}
    further = {k for k, g in every.items() if g.also}
    sender = district.standing.sender("stormy", webhook_per_s=400, webhook_timeout_s=1.5)
    asked_before = await district.asked_again()
    await district.misbehave(FAULTS)
    async with sending(sender):
        alert_id = await district.release("storm", STORMY)
        held = closed - further

        async def only_the_closed_wait() -> dict[str, LedgerRow] | None:
            await district.hurry()
            rows = await district.desk.deliveries.ledger(alert_id, 1)
            open_ = {k for k, x in rows.items() if x.state not in e.SETTLED and not by_officer(x)}
            return rows if len(rows) == STORMY_GROUPS and open_ == held else None

        rows = await until(only_the_closed_wait, 60, "all but the closed tenant's groups")
        assert set(await district.desk.deliveries.halted()) == {CLOSED}
        assert {rows[k].held for k in held} == {"halted"}
        assert all(by_officer(rows[k]) for k in closed & further)
        sender.end()
        await district.misbehave({})
        sender.begin()  # with the credential mended, as a person would
        await until(sender.ready, 60, "the sender")
        await district.resume(CLOSED)
        rows = await district.settled(alert_id, STORMY_GROUPS)
        assert await district.desk.deliveries.halted() == {}
        shown = await district.shown(alert_id)
        receipts = await district.receipts(alert_id)
    print(causes(receipts, rows))
    have = {x.group_id for x in shown}
    reasons = {k: {x.reason for x in receipts if x.group_id == k} for k in every}
    assert disagreeing(rows, have) == []
    assert doubled(shown) == {}
    assert held <= have

    def those(channel: str, *told: str) -> set[str]:
        """Groups of ``channel`` to which it happened."""
        mine = (k for k, g in every.items() if g.channel in channel.split())
        return {k for k in mine if any(t in reason for reason in reasons[k] for t in told)}

    robots = " ".join(ROBOTS)
    lost, late = those("webhook", "no answer"), those("webhook", "HTTP 429")
    assert lost and late
    assert all(rows[k].state is State.SHOWN for k in every if every[k].channel == "webhook")
    assert await district.asked_again() - asked_before >= len(lost)
    unanswered = those(robots, "no answer")
    assert unanswered and {rows[k].state for k in unanswered} == {State.UNKNOWN}
    gone = those(robots, "93000", "300001", "19001")
    assert gone & further and all(by_officer(rows[k]) for k in gone & further)
    assert gone - further and all(rows[k].state is State.REFUSED for k in gone - further)
    slowed = those(robots, "45009", "130101", "11232") - gone - unanswered
    assert slowed and {rows[k].state for k in slowed} == {State.SHOWN}
    assert {rows[k].state for k, g in every.items() if g.credential == ALIVE} == {State.SHOWN}


def causes(receipts: Sequence[e.ReceiptRecorded], rows: Mapping[str, LedgerRow]) -> str:
    """What happened on the way and how it ended: channel, cause, groups, and their states in the end."""
    met: dict[tuple[str, str], set[str]] = {}
    for x in receipts:
        if x.reason:
            met.setdefault((x.channel, x.reason), set()).add(x.group_id)
    lines = ["", "| channel | cause | groups | in the end |", "|---|---|---|---|"]
    for (channel, reason), ids in sorted(met.items()):
        ends = Counter(f"{rows[k].state} ({rows[k].channel})" for k in ids)
        lines.append(
            f"| {channel} | {reason} | {len(ids)} | {', '.join(f'{n} {k}' for k, n in ends.items())} |"
        )
    return "\n".join([*lines, str(dict(Counter(str(x.state) for x in rows.values())))])


# --- a recall and an update in the middle -----------------------------------------------------------------


async def test_a_recall_at_forty_percent_stops_it_and_corrects_exactly_those_who_have_it(
    district: District,
) -> None:
    tapped, late = half(meant(*CALM, channels=("relay",)))
    async with sending(district.standing.sender("recalled", webhook_per_s=300)):
        alert_id = await district.release("recalled", *CALM)

        async def under_way() -> bool:
            return await district.count(alert_id, (*DIRECT, TASKS)) >= GROUPS * 40 // 100 - len(tapped)

        async def at_the_officers() -> bool:
            rows = await district.desk.deliveries.of_groups(alert_id, 1, "warning", [*tapped, *late])
            return all(by_officer(x) for x in rows.values()) and len(rows) == len(tapped | late)

        await until(at_the_officers, what="the relay's groups")
        await district.tap(alert_id, tapped)
        await until(under_way, 60, "40 % of the groups")
        await district.act(alert_id, Action.RECALL, "boss", reason="a mistake")
        recalled_ms = to_ms(clock.now())
        warned = await district.settled(alert_id, GROUPS)
        one = {next(iter(sorted(late)))}
        await district.tap(alert_id, one)  # pasted before the recall, told after it

        async def owed() -> dict[str, LedgerRow] | None:
            rows = await district.desk.deliveries.ledger(alert_id, 1, "correction")
            have = {x.group_id for x in await district.shown(alert_id) if SAFE_CORRECTION not in x.text}
            return rows if have | tapped | one <= rows.keys() else None

        corrections = await until(owed, 60, "the corrections")
        await district.settled(alert_id, len(corrections), kind="correction")
        shown = await district.shown(alert_id)
    warnings = [x for x in shown if SAFE_CORRECTION not in x.text]
    corrected = {x.group_id for x in shown if SAFE_CORRECTION in x.text}
    have = {x.group_id for x in warnings}
    direct_ms, tasks_ms = (
        max(x.at_ms for x in warnings if (x.channel == TASKS) is by_task) - recalled_ms
        for by_task in (False, True)
    )
    print(f"\n{len(have)} and {len(tapped)} had it, the last {direct_ms} ms (tasks: {tasks_ms} ms) after it")
    assert GROUPS // 4 < len(have) < GROUPS * 3 // 4
    assert direct_ms <= REQUEST_MS
    assert tasks_ms <= CANCEL_MS
    assert corrected == have
    assert {k for k, x in corrections.items() if x.channel == "relay"} == tapped | one
    assert doubled(shown) == {}
    assert disagreeing(warned, have | tapped) == []


def half(ids: set[str]) -> tuple[set[str], set[str]]:
    some = set(sorted(ids)[::2])
    return some, ids - some


@pytest.mark.parametrize("stands", ["redis"], indirect=True)
async def test_after_an_update_no_old_version_is_shown_and_every_group_ends_with_the_new_one(
    district: District,
) -> None:
    total = len(meant(CALM[1], channels=(*DIRECT, TASKS, "relay")))
    async with sending(district.standing.sender("updated", webhook_per_s=100)):
        alert_id = await district.release("updated", CALM[1])
        await reached(district, alert_id, total * 30 // 100)
        await district.update(alert_id)
        await district.settled(alert_id, total, version=2)
        shown = await district.shown(alert_id)
    second = {x.group_id: x for x in shown if SECOND in x.text}
    first = [x for x in shown if SECOND not in x.text]
    begun_ms = min(x.at_ms for x in second.values())
    last_ms = max(x.at_ms for x in first) - begun_ms
    print(f"\n{len(first)} had version 1, the last {last_ms} ms after version 2 began")
    assert 0 < len(first) < total
    assert last_ms <= REQUEST_MS
    assert [x for x in first if x.group_id in second and second[x.group_id].at_ms < x.at_ms] == []
    assert second.keys() == meant(CALM[1], channels=(*DIRECT, TASKS))
    assert doubled(shown) == {}


@pytest.mark.parametrize("stands", ["kafka"], indirect=True)
async def test_two_senders_at_once_lose_nothing_and_double_nothing(district: District) -> None:
    told = district.standing.told
    both = [district.standing.sender(f"one-of-two-{n}", webhook_per_s=400) for n in range(2)]

    async def shared() -> bool:
        return len(parts := await shares(told, "broadcast.send")) == 2 and all(parts)

    async with sending(*both):
        await until(shared, 60, "partitions for both senders")
        alert_id = await district.release("two", CALM[0])
        rows = await district.settled(alert_id, 600)
        shown = await district.shown(alert_id)
    assert doubled(shown) == {}
    assert {x.group_id for x in shown} == meant(CALM[0], channels=(*DIRECT, TASKS))
    assert {x.state for x in rows.values()} == {State.SHOWN, State.WAITING}

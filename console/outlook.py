"""Before an approval: whom a warning reaches and how, who is held back, and when residents will have it."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from console.forecasting import foretold, persons_of, todos_of
from console.house import House
from fenghuo import clock
from fenghuo.alerts import Alert, Content, content_hash
from fenghuo.audience import ExpressionError, arrived_later, freeze, way_for
from fenghuo.events import Group
from fenghuo.fatigue import Held, local_day
from fenghuo.forecast import TAPPED, Forecast
from fenghuo.habits import Todo
from fenghuo.reach import still_there
from fenghuo.shares import days_that_count, groups_held, limits_of
from fenghuo.stores.projection import CHINA

FRESH_S = 15
"""How old the outlook may be: groups, habits and counts change slowly."""
NAMED = 50
"""Groups that are listed by name."""


@dataclass(frozen=True, slots=True)
class Way:
    """What goes out through one channel; "" is for the groups of the audience that no channel reaches."""

    channel: str
    groups: int
    residents: int
    tapped: bool
    halted: bool


@dataclass(frozen=True, slots=True)
class HeldBack:
    """The groups that are held back for one reason."""

    reason: Held
    groups: Sequence[Group]


@dataclass(frozen=True, slots=True)
class Outlook:
    """What an approval now would do. ``groups`` and ``residents``: reached, those held back left out."""

    groups: int
    residents: int
    ways: Sequence[Way]
    to_tap: int
    held: Sequence[HeldBack]
    gone: int
    later: Sequence[Group]
    forecast: Forecast

    @property
    def held_groups(self) -> int:
        return sum(len(x.groups) for x in self.held)


async def outlook_of(house: House, alert: Alert, content: Content) -> Outlook | None:
    """The outlook of ``content``, which is ``alert``'s or its update's; None when its audience cannot be
    read."""
    name = f"outlook:{alert.alert_id}:{content_hash(content)}"
    return await house.shared.get(name, lambda: _asked(house, alert, content), FRESH_S)


async def _asked(house: House, alert: Alert, content: Content) -> Outlook | None:
    groups = await house.groups()
    digest = content.audience.frozen
    try:
        now_meant = freeze(groups.values(), content.audience)
        ids = (await house.desk.audience(digest) or ()) if digest else now_meant
        later = arrived_later(groups.values(), content.audience, ids) if digest else []
    except ExpressionError:
        return None
    meant = still_there(ids, groups)
    now = clock.now()
    today = local_day(now, CHINA)
    held = groups_held(
        meant, content, alert_id=alert.alert_id, warned=await house.desk.warned(days_that_count(today)),
        today=today, limits=limits_of(house.settings),
    )  # fmt: skip
    reached = [x for x in meant if x.group_id not in held]
    halted = await halted_channels(house)
    predicted = await asyncio.to_thread(
        foretold, reached, content, habits=await habits_of(house, reached), settings=house.settings,
        halted=halted, released_at=now,
    )  # fmt: skip
    ways = ways_of(reached, content, halted)
    goes = [x for x in ways if x.channel]
    return Outlook(
        groups=sum(x.groups for x in goes), residents=sum(x.residents for x in goes),
        ways=ways, to_tap=sum(x.groups for x in ways if x.tapped), held=_by_reason(held, groups),
        gone=len(ids) - len(meant), later=later, forecast=predicted,
    )  # fmt: skip


async def halted_channels(house: House) -> set[str]:
    """The channels that are halted as a whole."""
    return {name for name in await house.desk.halted() if "/" not in name}


async def habits_of(house: House, groups: Iterable[Group]) -> dict[str, list[Todo]]:
    """The past to-dos of everyone who may tap for ``groups``, as the forecast names them."""
    known_as = persons_of(groups, await house.people())
    taps = await house.desk.habits(sorted(known_as))
    return {known_as[who]: todos_of(found) for who, found in taps.items() if found}


def ways_of(groups: Iterable[Group], content: Content, halted: Collection[str]) -> list[Way]:
    """What each channel reaches of ``groups``, the most groups first and what none reaches last."""
    count: Counter[str] = Counter()
    residents: Counter[str] = Counter()
    for group in groups:
        way = way_for(group, content.channels, content.exercise)
        name = way.channel if way else ""
        count[name] += 1
        residents[name] += group.members
    found = [Way(name, n, residents[name], name in TAPPED, name in halted) for name, n in count.items()]
    return sorted(found, key=lambda x: (not x.channel, -x.groups, x.channel))


def _by_reason(held: Mapping[str, Held], groups: Mapping[str, Group]) -> list[HeldBack]:
    found: dict[Held, list[Group]] = {}
    for group_id, reason in held.items():
        found.setdefault(reason, []).append(groups[group_id])
    return [
        HeldBack(reason, sorted(found[reason], key=lambda x: (x.place.town, x.name)))
        for reason in Held
        if reason in found
    ]

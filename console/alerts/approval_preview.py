"""Before an approval: whom a warning reaches and how, who is held back, and when residents will have it."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from console.alerts.forecast_inputs import begins, foretold, persons_of, todos_of
from console.web.dependencies import Dependencies
from fenghuo import clock
from fenghuo.desk.warning_counts import held_back_groups, limits_of, receiver
from fenghuo.domain.alert import Alert, Content, content_hash
from fenghuo.domain.audience import ExpressionError, arrived_later, freeze, still_there
from fenghuo.domain.channels import NEEDS_TAP
from fenghuo.domain.events import Group
from fenghuo.domain.forecast import Forecast
from fenghuo.domain.ledger import may_have
from fenghuo.domain.response_times import Todo
from fenghuo.domain.routing import NoWay, Route, route
from fenghuo.domain.taps import Tappers
from fenghuo.domain.warning_limits import LimitReason

FRESH_S = 15
"""How old the outlook may be: groups, habits and counts change slowly."""


@dataclass(frozen=True, slots=True)
class ChannelReach:
    """What goes out through one channel; "" is for the groups that none reaches, for the ``reason``."""

    channel: str
    reason: NoWay | None
    groups: int
    residents: int
    tapped: bool
    halted: bool


@dataclass(frozen=True, slots=True)
class WithheldGroups:
    """The groups that are held back for one reason."""

    reason: LimitReason
    groups: Sequence[Group]


@dataclass(frozen=True, slots=True)
class ApprovalPreview:
    """What an approval now would do. ``groups`` and ``residents``: reached, those held back left out."""

    groups: int
    residents: int
    ways: Sequence[ChannelReach]
    to_tap: int
    held: Sequence[WithheldGroups]
    gone: int
    later: Sequence[Group]
    extra: int
    """Groups that get an update only because they have the old version."""
    forecast: Forecast
    quiet_until: datetime | None
    """When the quiet hours end that hold it back now."""
    expires_first: bool
    """Whether it has expired by then, so that nobody gets it."""

    @property
    def held_groups(self) -> int:
        return sum(len(x.groups) for x in self.held)


async def outlook_of(house: Dependencies, alert: Alert, content: Content) -> ApprovalPreview | None:
    """The outlook of ``content``, which is ``alert``'s or its update's; None when its audience cannot be
    read."""
    name = f"outlook:{alert.alert_id}:{content_hash(content)}"
    return await house.shared.get(name, lambda: _asked(house, alert, content), FRESH_S)


async def _asked(house: Dependencies, alert: Alert, content: Content) -> ApprovalPreview | None:
    groups = await house.groups()
    digest = content.audience.frozen
    try:
        now_meant = freeze(groups.values(), content.audience)
        ids = (await house.desk.releases.audience(digest) or ()) if digest else now_meant
        later = arrived_later(groups.values(), content.audience, ids) if digest else []
    except ExpressionError:
        return None
    meant = {x.group_id: x for x in still_there(ids, groups)}
    gone = len(ids) - len(meant)
    old = await _with_old_version(house, alert, groups)
    extra = {x: groups[x] for x in old if x not in meant}
    meant |= extra
    routes, held = await _routes(house, alert, content, meant.values())
    reached = [x for x in meant.values() if x.group_id not in held]
    now = clock.now()
    halted = await halted_channels(house)
    predicted = await asyncio.to_thread(
        foretold, reached, {k: x.channel for k, x in routes.items()}, content,
        habits=await habits_of(house, reached), settings=house.settings,
        halted=halted, released_at=now,
    )  # fmt: skip
    ways, begins_at = ways_of(reached, routes, halted), begins(content, now, house.settings)
    goes = [x for x in ways if x.channel]
    return ApprovalPreview(
        groups=sum(x.groups for x in goes), residents=sum(x.residents for x in goes),
        ways=ways, to_tap=sum(x.groups for x in ways if x.tapped), held=_by_reason(held, groups),
        gone=gone, later=later, extra=len(extra), forecast=predicted,
        quiet_until=begins_at if begins_at > now else None, expires_first=begins_at >= content.expires_at,
    )  # fmt: skip


async def _with_old_version(house: Dependencies, alert: Alert, groups: Mapping[str, Group]) -> list[str]:
    """The groups that have or may have the warning which an update replaces: they get the update too."""
    if alert.update is None:
        return []
    earlier = {n: await house.desk.deliveries.ledger(alert.alert_id, n) for n in range(1, alert.version + 1)}
    return [x for x in may_have(earlier) if x in groups]


async def _routes(
    house: Dependencies, alert: Alert, content: Content, groups: Collection[Group]
) -> tuple[Mapping[str, Route], Mapping[str, LimitReason]]:
    """(each group's route, why the others are held back), as the plan of the release will have it: an update
    and an exercise are held back from nobody."""
    tappers = Tappers(await house.people())
    if alert.update is not None or content.exercise:
        return planned_routes(groups, content, tappers, {}), {}
    first = planned_routes(groups, content, tappers, {})
    held = await held_back_groups(
        house.desk, [receiver(x, first[x.group_id].channel) for x in groups], alert_id=alert.alert_id,
        severity=content.severity, override=content.override, limits=limits_of(house.settings),
        now=clock.now(),
    )  # fmt: skip
    routes = planned_routes(groups, content, tappers, held)
    return routes, {k: why for k, why in held.items() if routes[k].reason is NoWay.HELD_BACK}


def planned_routes(
    groups: Iterable[Group], content: Content, tappers: Tappers, held: Mapping[str, LimitReason]
) -> dict[str, Route]:
    """The route of each group, by id. Pure."""
    return {x.group_id: route(x, content, tappers, held=held.get(x.group_id, "")) for x in groups}


async def halted_channels(house: Dependencies) -> set[str]:
    """The channels that are halted as a whole."""
    return {name for name in await house.desk.deliveries.halted() if "/" not in name}


async def habits_of(house: Dependencies, groups: Iterable[Group]) -> dict[str, list[Todo]]:
    """The past to-dos of everyone who may tap for ``groups``, as the forecast names them."""
    known_as = persons_of(groups, await house.people())
    taps = await house.desk.deliveries.recent_tap_times(sorted(known_as))
    return {known_as[who]: todos_of(found) for who, found in taps.items() if found}


def ways_of(
    groups: Iterable[Group], routes: Mapping[str, Route], halted: Collection[str]
) -> list[ChannelReach]:
    """What each channel reaches of ``groups``, the most groups first, and last what none reaches, by reason.
    Pure."""
    count: Counter[tuple[str, NoWay | None]] = Counter()
    residents: Counter[tuple[str, NoWay | None]] = Counter()
    for group in groups:
        found = routes[group.group_id]
        count[found.channel, found.reason] += 1
        residents[found.channel, found.reason] += group.members
    reached = [
        ChannelReach(name, reason, n, residents[name, reason], name in NEEDS_TAP, name in halted)
        for (name, reason), n in count.items()
    ]
    return sorted(reached, key=lambda x: (not x.channel, -x.groups, x.channel))


def _by_reason(held: Mapping[str, LimitReason], groups: Mapping[str, Group]) -> list[WithheldGroups]:
    found: dict[LimitReason, list[Group]] = {}
    for group_id, reason in held.items():
        found.setdefault(reason, []).append(groups[group_id])
    return [
        WithheldGroups(reason, sorted(found[reason], key=lambda x: (x.place.town, x.name)))
        for reason in LimitReason
        if reason in found
    ]

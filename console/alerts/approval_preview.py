"""The preview before an approval: whom the warning reaches and how, whom limits exclude, and the forecast."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from console.alerts.forecast_inputs import forecast_for, forecast_names, past_todos, sending_starts_at
from console.alerts.halted_channels import wholly_halted
from console.web.dependencies import Dependencies
from fenghuo import clock
from fenghuo.desk.warning_counts import held_back_groups, limits_of, receiver
from fenghuo.domain.alert import Alert, Content, content_hash
from fenghuo.domain.audience import ExpressionError, arrived_later, freeze, still_there
from fenghuo.domain.channels import NEEDS_TAP
from fenghuo.domain.events import Group
from fenghuo.domain.forecast import Forecast
from fenghuo.domain.ledger import may_have
from fenghuo.domain.response_times import PastTodo
from fenghuo.domain.routing import NoWay, Route, route
from fenghuo.domain.taps import Tappers
from fenghuo.domain.warning_quotas import LimitReason

FRESH_S = 15
"""How old the preview may be: groups, response times and counts change slowly."""


@dataclass(frozen=True, slots=True)
class ChannelReach:
    """The groups that one channel reaches; ``channel`` "" for those that none reaches, for the ``reason``."""

    channel: str
    reason: NoWay | None
    groups: int
    residents: int
    tapped: bool
    halted: bool


@dataclass(frozen=True, slots=True)
class WithheldGroups:
    """The groups that a limit excludes, by reason."""

    reason: LimitReason
    groups: Sequence[Group]


@dataclass(frozen=True, slots=True)
class ApprovalPreview:
    """What an approval now would do. ``groups`` and ``residents`` do not count withheld groups."""

    groups: int
    residents: int
    channels: Sequence[ChannelReach]
    to_tap: int
    withheld: Sequence[WithheldGroups]
    gone: int
    """Groups of the approved audience that no longer exist."""
    later: Sequence[Group]
    """Groups that match the audience but joined after it was frozen; they get nothing."""
    extra: int
    """Groups that get an update only because they have the old version."""
    forecast: Forecast
    quiet_until: datetime | None
    """The end of the quiet hours, if it is quiet now."""
    expires_first: bool
    """Whether the warning expires before the quiet hours end, so that nobody gets it."""

    @property
    def withheld_groups(self) -> int:
        return sum(len(x.groups) for x in self.withheld)


async def preview_of(deps: Dependencies, alert: Alert, content: Content) -> ApprovalPreview | None:
    """The preview of ``content``, the alert's or its update's; None if its audience cannot be parsed."""
    key = f"preview:{alert.alert_id}:{content_hash(content)}"
    return await deps.cache.get_or_load(key, lambda: _load(deps, alert, content), FRESH_S)


async def _load(deps: Dependencies, alert: Alert, content: Content) -> ApprovalPreview | None:
    groups = await deps.groups()
    digest = content.audience.frozen
    try:
        current_ids = freeze(groups.values(), content.audience)
        ids = (await deps.desk.releases.audience(digest) or ()) if digest else current_ids
        later = arrived_later(groups.values(), content.audience, ids) if digest else []
    except ExpressionError:
        return None
    audience = {x.group_id: x for x in still_there(ids, groups)}
    gone = len(ids) - len(audience)
    updated = await _with_old_version(deps, alert, groups)
    extra = {x: groups[x] for x in updated if x not in audience}
    audience |= extra
    routes, withheld = await _routes(deps, alert, content, audience.values())
    reached = [x for x in audience.values() if x.group_id not in withheld]
    now = clock.now()
    halted = await wholly_halted(deps)
    forecast = await asyncio.to_thread(
        forecast_for, reached, {k: x.channel for k, x in routes.items()}, content,
        todos_by_person=await past_todos_by_person(deps, reached), settings=deps.settings, halted=halted,
        released_at=now,
    )  # fmt: skip
    channels = reach_by_channel(reached, routes, halted)
    starts_at = sending_starts_at(content, now, deps.settings)
    reaching = [x for x in channels if x.channel]
    return ApprovalPreview(
        groups=sum(x.groups for x in reaching), residents=sum(x.residents for x in reaching),
        channels=channels, to_tap=sum(x.groups for x in channels if x.tapped),
        withheld=_by_reason(withheld, groups),
        gone=gone, later=later, extra=len(extra), forecast=forecast,
        quiet_until=starts_at if starts_at > now else None, expires_first=starts_at >= content.expires_at,
    )  # fmt: skip


async def _with_old_version(deps: Dependencies, alert: Alert, groups: Mapping[str, Group]) -> list[str]:
    """Groups that have or may have the warning that an update replaces; they get the update too."""
    if alert.update is None:
        return []
    earlier = {n: await deps.desk.deliveries.ledger(alert.alert_id, n) for n in range(1, alert.version + 1)}
    return [x for x in may_have(earlier) if x in groups]


async def _routes(
    deps: Dependencies, alert: Alert, content: Content, groups: Collection[Group]
) -> tuple[Mapping[str, Route], Mapping[str, LimitReason]]:
    """(each group's route, the reason by withheld group), as the plan will decide it. No group is withheld
    from an update or an exercise."""
    tappers = Tappers(await deps.people())
    first = planned_routes(groups, content, tappers, {})
    if alert.update is not None or content.exercise:
        return first, {}
    limits = await held_back_groups(
        deps.desk, [receiver(x, first[x.group_id].channel) for x in groups], alert_id=alert.alert_id,
        severity=content.severity, override=content.override, limits=limits_of(deps.settings),
        now=clock.now(),
    )  # fmt: skip
    routes = planned_routes(groups, content, tappers, limits)
    return routes, {k: why for k, why in limits.items() if routes[k].reason is NoWay.HELD_BACK}


def planned_routes(
    groups: Iterable[Group], content: Content, tappers: Tappers, limits: Mapping[str, LimitReason]
) -> dict[str, Route]:
    """The route of each group, by id; ``limits`` has the reason of each group that gets no further warning.
    Pure."""
    return {x.group_id: route(x, content, tappers, held=limits.get(x.group_id, "")) for x in groups}


async def past_todos_by_person(deps: Dependencies, groups: Iterable[Group]) -> dict[str, list[PastTodo]]:
    """The past to-dos of everyone who may tap for ``groups``, by the forecast's name for them."""
    names = forecast_names(groups, await deps.people())
    taps = await deps.desk.deliveries.recent_tap_times(sorted(names))
    return {names[who]: past_todos(found) for who, found in taps.items() if found}


def reach_by_channel(
    groups: Iterable[Group], routes: Mapping[str, Route], halted: Collection[str]
) -> list[ChannelReach]:
    """How many of ``groups`` each channel reaches, the most groups first; last those that none reaches, by
    reason. Pure."""
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


def _by_reason(withheld: Mapping[str, LimitReason], groups: Mapping[str, Group]) -> list[WithheldGroups]:
    found: dict[LimitReason, list[Group]] = {}
    for group_id, reason in withheld.items():
        found.setdefault(reason, []).append(groups[group_id])
    return [
        WithheldGroups(reason, sorted(found[reason], key=lambda x: (x.place.town, x.name)))
        for reason in LimitReason
        if reason in found
    ]

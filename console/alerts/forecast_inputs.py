"""When residents will have a warning: what the desk knows of groups, persons and channels, put as
fenghuo.forecast asks for it. Pure."""

import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from fenghuo.clock import from_ms
from fenghuo.desk.deliveries import TapTime
from fenghuo.domain.alert import SEVERE, Content
from fenghuo.domain.calendar import CHINA
from fenghuo.domain.channels import GROUP_CHANNELS, IDEMPOTENT, SANDBOX, WEBHOOK
from fenghuo.domain.events import Group, Person
from fenghuo.domain.forecast import NOBODY, Covered, Escalation, Forecast, Pace, Reach, forecast
from fenghuo.domain.quiet_hours import quiet_until
from fenghuo.domain.response_times import Todo
from fenghuo.settings import Settings

ANSWER_S = 0.3
"""How long a platform usually takes to answer."""


def escalation_of(settings: Settings, severity: str) -> Escalation:
    _remind, deputy_s, station_s = settings.remind_s if severity == SEVERE else settings.remind_moderate_s
    return Escalation(deputy_s, station_s)


def paces_of(settings: Settings, halted: Collection[str]) -> dict[str, Pace]:
    """Of each channel that sends by itself, or opens to-dos one after the other; without those that are
    ``halted``."""
    unkeyed = Pace(settings.unkeyed_at_once / ANSWER_S, ANSWER_S)
    paces = {
        SANDBOX.name: Pace(settings.sandbox_per_s, 0.0),
        WEBHOOK.name: Pace(settings.webhook_per_s, ANSWER_S),
        **{channel: unkeyed for channel in GROUP_CHANNELS if channel not in IDEMPOTENT},
    }
    return {channel: pace for channel, pace in paces.items() if channel not in halted}


def persons_of(groups: Iterable[Group], people: Mapping[str, Person]) -> dict[str, str]:
    """Who may tap for ``groups``: person id to the name that the forecast knows them by (a duty account goes
    by its station)."""
    asked = {person for group in groups for person in (group.owner, group.deputy) if person}
    duty = {x.person_id: x.station for x in people.values() if x.duty and x.station}
    return {who: who for who in asked} | duty


def todos_of(taps: Sequence[TapTime]) -> list[Todo]:
    """One to-do a release: a person's groups of one release are tapped together, the middle one stands for
    all."""
    by_release: dict[tuple[str, int, str], list[TapTime]] = {}
    for tap in taps:
        by_release.setdefault((tap.alert_id, tap.version, tap.kind), []).append(tap)
    return [_todo(x) for x in by_release.values()]


def _todo(taps: Sequence[TapTime]) -> Todo:
    seconds = statistics.median(x.waited_s for x in taps)
    opened = from_ms(taps[0].at_ms) - timedelta(seconds=taps[0].waited_s)
    return Todo(stood_s=float(seconds), tapped=True, hour=hour_of(opened))


def hour_of(moment: datetime) -> float:
    """The hour (0 to 24) that it is in China."""
    there = moment.astimezone(CHINA)
    return there.hour + there.minute / 60 + there.second / 3600


def foretold(
    groups: Iterable[Group],
    channels: Mapping[str, str],
    content: Content,
    *,
    habits: Mapping[str, Sequence[Todo]],
    settings: Settings,
    halted: Collection[str],
    released_at: datetime,
    elapsed_s: float = 0.0,
    covered: Mapping[str, Covered] = NOBODY,
    lost: Collection[str] = (),
) -> Forecast:
    """The forecast of ``content`` for ``groups``, each by its channel of ``channels`` (by group id); one that
    has none, or whose delivery is ``lost`` (refused), gets it never.

    What the quiet hours hold begins when they end; nobody gets it if it has expired by then.
    """
    begins_at = begins(content, released_at, settings)
    late_s = (begins_at - released_at).total_seconds()
    never = begins_at >= content.expires_at
    sent_by = {} if never else {k: channel for k, channel in channels.items() if k not in lost}
    asked = [_reach(group, sent_by.get(group.group_id, "")) for group in groups]
    found = forecast(
        asked, habits, escalation=escalation_of(settings, content.severity),
        paces=paces_of(settings, halted), at_hour=hour_of(begins_at), elapsed_s=max(0.0, elapsed_s - late_s),
        covered={k: replace(x, at_s=max(0.0, x.at_s - late_s)) for k, x in covered.items()},
    )  # fmt: skip
    return found.later(late_s)


def begins(content: Content, released_at: datetime, settings: Settings) -> datetime:
    """When ``content`` begins to go out: at once, or when the quiet hours end."""
    until = quiet_until(released_at, content.severity, settings.quiet_from, settings.quiet_to)
    return until or released_at


def _reach(group: Group, channel: str) -> Reach:
    return Reach(group.group_id, group.members, channel, group.owner, group.deputy, group.station)

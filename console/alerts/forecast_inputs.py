"""The inputs of the forecast: groups, people's past response times, channel rates, the quiet hours. Pure."""

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
from fenghuo.domain.forecast import (
    NO_ARRIVALS,
    Arrival,
    ChannelRate,
    EscalationDelays,
    Forecast,
    ForecastGroup,
    forecast,
)
from fenghuo.domain.quiet_hours import quiet_until
from fenghuo.domain.response_times import PastTodo
from fenghuo.settings import Settings

ANSWER_S = 0.3
"""Usual response time of a platform."""


def escalation_of(settings: Settings, severity: str) -> EscalationDelays:
    _remind, deputy_s, station_s = settings.remind_s if severity == SEVERE else settings.remind_moderate_s
    return EscalationDelays(deputy_s, station_s)


def rates_of(settings: Settings, halted: Collection[str]) -> dict[str, ChannelRate]:
    """The rate of each channel that sends without a tap or opens to-dos one by one; not of halted ones."""
    unkeyed = ChannelRate(settings.unkeyed_at_once / ANSWER_S, ANSWER_S)
    rates = {
        SANDBOX.name: ChannelRate(settings.sandbox_per_s, 0.0),
        WEBHOOK.name: ChannelRate(settings.webhook_per_s, ANSWER_S),
        **{channel: unkeyed for channel in GROUP_CHANNELS if channel not in IDEMPOTENT},
    }
    return {channel: rate for channel, rate in rates.items() if channel not in halted}


def forecast_names(groups: Iterable[Group], people: Mapping[str, Person]) -> dict[str, str]:
    """Everyone who may tap for ``groups``: person id to the forecast's name for them.

    The forecast names a duty account by its station, everybody else by the person id.
    """
    tappers = {person for group in groups for person in (group.owner, group.deputy) if person}
    duty = {x.person_id: x.station for x in people.values() if x.duty and x.station}
    return {who: who for who in tappers} | duty


def past_todos(taps: Sequence[TapTime]) -> list[PastTodo]:
    """One to-do for each release: a person taps their groups of a release together, so the median counts."""
    by_release: dict[tuple[str, int, str], list[TapTime]] = {}
    for tap in taps:
        by_release.setdefault((tap.alert_id, tap.version, tap.kind), []).append(tap)
    return [_todo(x) for x in by_release.values()]


def _todo(taps: Sequence[TapTime]) -> PastTodo:
    seconds = statistics.median(x.waited_s for x in taps)
    opened = from_ms(taps[0].at_ms) - timedelta(seconds=taps[0].waited_s)
    return PastTodo(open_s=float(seconds), tapped=True, hour=hour_of(opened))


def hour_of(moment: datetime) -> float:
    """The hour of the day in China, from 0 to 24."""
    local = moment.astimezone(CHINA)
    return local.hour + local.minute / 60 + local.second / 3600


def forecast_for(
    groups: Iterable[Group],
    channels: Mapping[str, str],
    content: Content,
    *,
    todos_by_person: Mapping[str, Sequence[PastTodo]],
    settings: Settings,
    halted: Collection[str],
    released_at: datetime,
    elapsed_s: float = 0.0,
    arrived: Mapping[str, Arrival] = NO_ARRIVALS,
    lost: Collection[str] = (),
) -> Forecast:
    """The forecast of ``content`` for ``groups``, each by its channel of ``channels`` (by group id). Groups
    without one, and groups in ``lost`` (refused deliveries), never get it.

    During quiet hours sending starts when they end; if the warning has expired by then, nobody gets it.
    """
    starts_at = sending_starts_at(content, released_at, settings)
    late_s = (starts_at - released_at).total_seconds()
    never = starts_at >= content.expires_at
    sent_by = {} if never else {k: channel for k, channel in channels.items() if k not in lost}
    inputs = [_input(group, sent_by.get(group.group_id, "")) for group in groups]
    found = forecast(
        inputs, todos_by_person, escalation=escalation_of(settings, content.severity),
        rates=rates_of(settings, halted), at_hour=hour_of(starts_at), elapsed_s=max(0.0, elapsed_s - late_s),
        arrived={k: replace(x, at_s=max(0.0, x.at_s - late_s)) for k, x in arrived.items()},
    )  # fmt: skip
    return found.later(late_s)


def sending_starts_at(content: Content, released_at: datetime, settings: Settings) -> datetime:
    """When sending ``content`` starts: at once, or when the quiet hours end."""
    until = quiet_until(released_at, content.severity, settings.quiet_from, settings.quiet_to)
    return until or released_at


def _input(group: Group, channel: str) -> ForecastGroup:
    return ForecastGroup(group.group_id, group.members, channel, group.owner, group.deputy, group.station)

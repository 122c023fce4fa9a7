"""When the residents of an audience will have a warning, how sure that is, and through whom it is late."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from fenghuo.domain.channels import NEEDS_TAP
from fenghuo.domain.reach_times import ReachTime, TimeGrid, already_reached, time_to_reach
from fenghuo.domain.response_times import (
    DRAWS,
    CurrentTodos,
    Floats,
    PastTodo,
    ResponseDraws,
    draw_responses,
    is_night,
)

PERCENTS = (50, 90, 99)
BOTTLENECKS = 5


@dataclass(frozen=True, slots=True)
class ForecastGroup:
    """A group of the audience. ``owner`` and ``deputy`` are person ids, ``station`` names the station, whose
    duty account is the last to be asked; each may be empty."""

    group_id: str
    members: int
    channel: str
    owner: str = ""
    deputy: str = ""
    station: str = ""


@dataclass(frozen=True, slots=True)
class EscalationDelays:
    """Seconds from the release to the deputy's and to the station's to-do; None: they get none.
    Reminders need no figure of their own: the past delays include their effect."""

    deputy_s: float | None
    station_s: float | None


@dataclass(frozen=True, slots=True)
class ChannelRate:
    """Requests a second that a channel takes (above 0), and how long it usually takes to answer one."""

    per_s: float
    answer_s: float


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a group got the warning: ``at_s`` after the release, from the person ``by``: the owner (or empty),
    the deputy, or else the station's duty account."""

    at_s: float
    by: str = ""


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """Residents who are expected to lack the warning when 90 % have it, and the person who is to tap:
    the owner, else the deputy, else the station; empty when there is none, and for a channel without taps."""

    person: str
    channel: str
    groups: int
    residents: float


NO_ARRIVALS: Mapping[str, Arrival] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Forecast:
    """``curve``: (seconds from the release, expected share of residents), rising from now to HORIZON_S.
    ``waiting_groups``: those that a person has yet to tap. ``bottlenecks``: the worst first."""

    times: tuple[ReachTime, ...]
    curve: tuple[tuple[float, float], ...]
    waiting_groups: int
    bottlenecks: tuple[Bottleneck, ...]

    def later(self, by_s: float) -> "Forecast":
        """The same forecast for a release that begins ``by_s`` seconds later."""
        if not by_s:
            return self
        return replace(
            self,
            times=tuple(
                ReachTime(
                    x.percent, *(None if s is None else s + by_s for s in (x.median_s, x.low_s, x.high_s))
                )
                for x in self.times
            ),
            curve=tuple((at_s + by_s, share) for at_s, share in self.curve),
        )


def forecast(
    groups: Sequence[ForecastGroup],
    past_todos: Mapping[str, Sequence[PastTodo]],
    *,
    escalation: EscalationDelays,
    rates: Mapping[str, ChannelRate],
    at_hour: float,
    elapsed_s: float = 0.0,
    arrived: Mapping[str, Arrival] = NO_ARRIVALS,
    seed: int = 0,
) -> Forecast:
    """When the residents of ``groups`` have a warning that is released at local ``at_hour`` (0 to 24).

    ``past_todos`` are by person id, those of duty accounts by station; a person without any is a newcomer.
    ``rates`` are by channel. A channel without a rate is halted and reaches nobody; if it needs a tap, its
    to-dos appear at the release. Groups are sent to in their order. ``elapsed_s`` after the release the
    groups of ``arrived`` (by group id) have the warning and the others do not; for a percentage that those
    alone make up, all times are the one at which it was reached.
    """
    waiting = _WaitingGroups(escalation, at_hour, elapsed_s)
    sending: list[tuple[ForecastGroup, float]] = []
    for group, at_s in _starts(groups, rates, elapsed_s, arrived):
        if group.channel in NEEDS_TAP:
            waiting.add(group, at_s, arrived.get(group.group_id))
        elif group.group_id not in arrived:
            sending.append((group, at_s))
    taps = waiting.taps(past_todos, np.random.default_rng(seed))

    total = sum(group.members for group in groups)
    grid = TimeGrid(elapsed_s)
    arrivals = sorted((arrived[x.group_id].at_s, x.members) for x in groups if x.group_id in arrived)
    reached = (
        sum(members for _, members in arrivals)
        + grid.reached(
            np.array([at_s for _, at_s in sending], dtype=float)[:, None], [x.members for x, _ in sending]
        )
        + grid.reached(taps, waiting.members)
    )
    times = tuple(
        already_reached(percent, arrivals, total) or time_to_reach(percent, grid.at_s, reached, total)
        for percent in PERCENTS
    )
    shares = reached.mean(axis=0) / max(total, 1)
    most_s = times[PERCENTS.index(90)].median_s or grid.at_s[-1]
    return Forecast(
        times=times,
        curve=tuple(zip(grid.at_s.tolist(), shares.tolist(), strict=True)),
        waiting_groups=sum(waiting.groups),
        bottlenecks=_bottlenecks(most_s, sending, waiting, taps),
    )


def _starts(
    groups: Sequence[ForecastGroup],
    rates: Mapping[str, ChannelRate],
    elapsed_s: float,
    arrived: Mapping[str, Arrival],
) -> Iterator[tuple[ForecastGroup, float]]:
    """Each group with the seconds from the release until the warning arrives, on a channel without taps, or
    until its owner's to-do appears (one for all the owner's groups)."""
    queued: dict[str, int] = defaultdict(int)
    todos: dict[tuple[str, str], float] = {}

    def next_s(channel: str, unknown_s: float) -> float:
        if (pace := rates.get(channel)) is None:
            return unknown_s
        queued[channel] += 1
        return queued[channel] / pace.per_s + pace.answer_s

    for group in groups:
        key = group.channel, group.owner
        if group.channel not in NEEDS_TAP:
            has = group.group_id in arrived
            yield group, elapsed_s if has else elapsed_s + next_s(group.channel, math.inf)
            continue
        if key not in todos:
            todos[key] = next_s(group.channel, 0.0)
        yield group, todos[key]


class _WaitingGroups:
    """Groups that wait for a tap: who has a to-do for them, and when. Groups with the same persons and times
    are one unit, because a person taps all of them together."""

    def __init__(self, escalation: EscalationDelays, at_hour: float, elapsed_s: float) -> None:
        self._escalation, self._at_hour, self._elapsed_s = escalation, at_hour, elapsed_s
        self._persons: dict[str, int] = {}
        self._open: dict[tuple[int, int], float] = {}
        self._done: dict[tuple[int, int], float] = {}
        self._units: dict[tuple[str, str, str, str, float], int] = {}
        self.who: list[tuple[str, str]] = []
        self.groups: list[int] = []
        self.members: list[int] = []

    def add(self, group: ForecastGroup, at_s: float, arrived: Arrival | None) -> None:
        """Add ``group``, whose owner's to-do appears ``at_s`` after the release."""
        if arrived is not None:
            self._note_arrival(group, at_s, arrived)
            return
        key = group.channel, group.owner, group.deputy, group.station, at_s
        if (unit := self._units.setdefault(key, len(self.who))) == len(self.who):
            self.who.append((group.owner or group.deputy or group.station, group.channel))
            self.groups.append(0)
            self.members.append(0)
        self.groups[unit] += 1
        self.members[unit] += group.members

    def taps(self, past_todos: Mapping[str, Sequence[PastTodo]], rng: np.random.Generator) -> Floats:
        """Seconds from the release, (units, DRAWS), at which each unit is tapped; inf: never."""
        steps = [self._steps(*key[1:]) for key in self._units]
        for person, at_s in {step for asked in steps for step in asked}:
            self._note_open(person, at_s, self._elapsed_s)
        times = np.full((len(steps), DRAWS), math.inf)
        if not any(steps):
            return times
        draws = draw_responses(past_todos, self._current_todos(), rng)
        known: dict[tuple[int, float], Floats] = {}
        for unit, asked in enumerate(steps):
            for person, at_s in asked:
                if (person, at_s) not in known:
                    known[person, at_s] = at_s + self._delays(draws, person, at_s)
                np.minimum(times[unit], known[person, at_s], out=times[unit])
        tapped: Floats = np.maximum(times, self._elapsed_s)
        return tapped

    def _steps(self, owner: str, deputy: str, station: str, at_s: float) -> list[tuple[int, float]]:
        """(person, seconds from the release to their to-do) of all persons of a unit, each once."""
        asked = (owner, at_s), (deputy, self._escalation.deputy_s), (station, self._escalation.station_s)
        first: dict[int, float] = {}
        for person, s in asked:
            if person and s is not None:
                first.setdefault(self._number(person), s)
        return list(first.items())

    def _number(self, person: str) -> int:
        return self._persons.setdefault(person, len(self._persons))

    def _is_night(self, at_s: float) -> bool:
        return is_night(self._at_hour + at_s / 3600)

    def _delays(self, draws: ResponseDraws, person: int, at_s: float) -> Floats:
        return draws.delays(person, self._is_night(at_s))

    def _note_open(self, person: int, at_s: float, until_s: float) -> None:
        key = int(self._is_night(at_s)), person
        self._open[key] = max(self._open.get(key, 0.0), until_s - at_s)

    def _note_arrival(self, group: ForecastGroup, at_s: float, arrived: Arrival) -> None:
        """One of the persons tapped, and the others had not tapped by then."""
        asked = self._steps(group.owner, group.deputy, group.station, at_s)
        by = arrived.by or group.owner
        tapper = self._persons.get(by if by in {group.owner, group.deputy} else group.station)
        for person, since_s in asked:
            if person != tapper:
                self._note_open(person, since_s, arrived.at_s)
            elif since_s < arrived.at_s:
                key = int(self._is_night(since_s)), person
                self._done[key] = min(self._done.get(key, math.inf), arrived.at_s - since_s)

    def _current_todos(self) -> CurrentTodos:
        open_s, done_s = np.zeros((2, 2, len(self._persons)))
        for key, seconds in self._open.items():
            open_s[key] = seconds
        for key, seconds in self._done.items():
            done_s[key] = seconds
        return CurrentTodos(tuple(self._persons), open_s, done_s)


def _bottlenecks(
    at_s: float, sending: Sequence[tuple[ForecastGroup, float]], waiting: _WaitingGroups, taps: Floats
) -> tuple[Bottleneck, ...]:
    """The persons and channels on which most residents still wait ``at_s`` after the release."""
    groups: dict[tuple[str, str], int] = defaultdict(int)
    residents: dict[tuple[str, str], float] = defaultdict(float)
    missing = (taps > at_s).mean(axis=1) * waiting.members
    for who, count, without in zip(waiting.who, waiting.groups, missing.tolist(), strict=True):
        groups[who] += count
        residents[who] += without
    for group, sent_s in sending:
        groups["", group.channel] += 1
        residents["", group.channel] += group.members * (sent_s > at_s)
    worst = sorted((who for who in residents if residents[who] > 0), key=lambda who: -residents[who])
    return tuple(Bottleneck(*who, groups[who], residents[who]) for who in worst[:BOTTLENECKS])

"""When the residents of an audience will have a warning, how sure that is, and who holds it up. Pure."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np

from fenghuo.habits import DRAWS, Asked, Draws, Floats, Todo, draw, is_night

TAPPED = frozenset({"relay", "wecom_customer_group"})
"""Channels through which a group gets nothing before a person has tapped."""
PERCENTS = (50, 90, 99)
HORIZON_S = 7 * 86_400.0
"""No warning stands longer: what has not come by then never comes."""
BOTTLENECKS = 5
STEPS = 320
"""Times at which a forecast is worked out, each 4 % further from now than the one before."""


@dataclass(frozen=True, slots=True)
class Reach:
    """A group of the audience. ``owner`` and ``deputy`` are person ids, ``station`` names the station, whose
    duty account is the last to be asked; each may be empty."""

    group_id: str
    members: int
    channel: str
    owner: str = ""
    deputy: str = ""
    station: str = ""


@dataclass(frozen=True, slots=True)
class Escalation:
    """Seconds from the release to the deputy's and to the station's to-do; None: they are not asked.
    Reminders have no figure of their own: the past delays were lived through with them."""

    deputy_s: float | None
    station_s: float | None


@dataclass(frozen=True, slots=True)
class Pace:
    """Requests a second that a channel takes (above 0), and how long it usually takes to answer one."""

    per_s: float
    answer_s: float


@dataclass(frozen=True, slots=True)
class Time:
    """Seconds from the release until ``percent`` of residents have the warning: as likely before as after
    ``median_s``, with four chances in five between ``low_s`` and ``high_s``. None: not within HORIZON_S."""

    percent: int
    median_s: float | None
    low_s: float | None
    high_s: float | None


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """Residents expected to be without the warning when 90 % have it, and through whom. ``person`` is the
    owner, else the deputy, else the station; empty when there is none, and for a channel without taps."""

    person: str
    channel: str
    groups: int
    residents: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """``curve``: (seconds from the release, expected share of residents), rising from now to HORIZON_S.
    ``waiting_groups``: those that a person has yet to tap. ``bottlenecks``: the worst first."""

    times: tuple[Time, ...]
    curve: tuple[tuple[float, float], ...]
    waiting_groups: int
    bottlenecks: tuple[Bottleneck, ...]


def forecast(
    groups: Sequence[Reach],
    habits: Mapping[str, Sequence[Todo]],
    *,
    escalation: Escalation,
    paces: Mapping[str, Pace],
    at_hour: float,
    elapsed_s: float = 0.0,
    covered: AbstractSet[str] = frozenset(),
    seed: int = 0,
) -> Forecast:
    """When the residents of ``groups`` have a warning that is released at local ``at_hour`` (0 to 24).

    ``habits`` has the past to-dos of persons (by person id) and of duty accounts (by station); who is missing
    is a newcomer. ``paces`` are by channel: without one, a channel that needs no tap is halted and reaches
    nobody, and the to-dos of one that does appear at the release. Groups are sent to in their order.
    ``elapsed_s`` after the release the ``covered`` group ids have the warning and the others do not; a
    percentage that is already reached is given as ``elapsed_s``.
    """
    waiting = _Waiting(escalation, at_hour, elapsed_s)
    sending: list[tuple[Reach, float]] = []
    for group, at_s in _starts(groups, paces, elapsed_s, covered):
        if group.channel in TAPPED:
            waiting.add(group, at_s, group.group_id in covered)
        elif group.group_id not in covered:
            sending.append((group, at_s))
    taps = waiting.taps(habits, np.random.default_rng(seed))

    total = sum(group.members for group in groups)
    clock = elapsed_s + np.append(0.0, np.geomspace(1.0, max(HORIZON_S - elapsed_s, 2.0), STEPS))
    had = sum(group.members for group in groups if group.group_id in covered)
    reached = had + _sent_by(clock, sending) + _tapped_by(clock, taps, waiting.members)
    times = tuple(_time(percent, clock, reached, total) for percent in PERCENTS)
    shares = reached.mean(axis=0) / max(total, 1)
    return Forecast(
        times=times,
        curve=tuple(zip(clock.tolist(), shares.tolist(), strict=True)),
        waiting_groups=sum(waiting.groups),
        bottlenecks=_bottlenecks(times[PERCENTS.index(90)].median_s or clock[-1], sending, waiting, taps),
    )


def _starts(
    groups: Sequence[Reach], paces: Mapping[str, Pace], elapsed_s: float, covered: AbstractSet[str]
) -> Iterator[tuple[Reach, float]]:
    """Each group with the seconds from the release until it has the warning from a channel without taps, or
    until its owner's to-do (one for all the owner's groups) appears."""
    queued: dict[str, int] = defaultdict(int)
    todos: dict[tuple[str, str], float] = {}

    def next_s(channel: str, unknown_s: float) -> float:
        if (pace := paces.get(channel)) is None:
            return unknown_s
        queued[channel] += 1
        return queued[channel] / pace.per_s + pace.answer_s

    for group in groups:
        key = group.channel, group.owner
        if group.channel not in TAPPED:
            has = group.group_id in covered
            yield group, elapsed_s if has else elapsed_s + next_s(group.channel, math.inf)
            continue
        if key not in todos:
            todos[key] = next_s(group.channel, 0.0)
        yield group, todos[key]


class _Waiting:
    """Groups that wait for a tap: who is asked, and when. Groups for which the same persons are asked at the
    same times are one unit, since a person taps all of them together."""

    def __init__(self, escalation: Escalation, at_hour: float, elapsed_s: float) -> None:
        self._escalation, self._at_hour, self._elapsed_s = escalation, at_hour, elapsed_s
        self._persons: dict[str, int] = {}
        self._open: dict[tuple[int, int], float] = {}
        self._done: dict[tuple[int, int], float] = {}
        self._units: dict[tuple[str, str, str, str, float], int] = {}
        self.who: list[tuple[str, str]] = []
        self.groups: list[int] = []
        self.members: list[int] = []

    def add(self, group: Reach, at_s: float, is_covered: bool) -> None:
        """Counts ``group``, whose owner's to-do appears ``at_s`` after the release."""
        if is_covered:
            self._note_done(group.owner, at_s)
            return
        key = group.channel, group.owner, group.deputy, group.station, at_s
        if (unit := self._units.setdefault(key, len(self.who))) == len(self.who):
            self.who.append((group.owner or group.deputy or group.station, group.channel))
            self.groups.append(0)
            self.members.append(0)
        self.groups[unit] += 1
        self.members[unit] += group.members

    def taps(self, habits: Mapping[str, Sequence[Todo]], rng: np.random.Generator) -> Floats:
        """Seconds from the release, (DRAWS, units), at which each unit is tapped; inf: never."""
        steps = [self._asked(*key[1:]) for key in self._units]
        self._note_open(steps)
        times = np.full((DRAWS, len(steps)), math.inf)
        if not any(steps):
            return times
        draws = draw(habits, self._seen(), rng)
        known: dict[tuple[int, float], Floats] = {}
        for unit, asked in enumerate(steps):
            for person, at_s in asked:
                if (person, at_s) not in known:
                    known[person, at_s] = at_s + self._delays(draws, person, at_s)
                np.minimum(times[:, unit], known[person, at_s], out=times[:, unit])
        tapped: Floats = np.maximum(times, self._elapsed_s)
        return tapped

    def _asked(self, owner: str, deputy: str, station: str, at_s: float) -> list[tuple[int, float]]:
        """(person, seconds from the release to their to-do) of all that are asked for a unit."""
        asked = (owner, at_s), (deputy, self._escalation.deputy_s), (station, self._escalation.station_s)
        return [(self._number(person), s) for person, s in asked if person and s is not None]

    def _number(self, person: str) -> int:
        return self._persons.setdefault(person, len(self._persons))

    def _is_night(self, at_s: float) -> bool:
        return is_night(self._at_hour + at_s / 3600)

    def _delays(self, draws: Draws, person: int, at_s: float) -> Floats:
        return draws.delays(person, self._is_night(at_s))

    def _note_open(self, steps: Sequence[Sequence[tuple[int, float]]]) -> None:
        for person, at_s in {step for asked in steps for step in asked}:
            key = int(self._is_night(at_s)), person
            self._open[key] = max(self._open.get(key, 0.0), self._elapsed_s - at_s)

    def _note_done(self, owner: str, at_s: float) -> None:
        """As long as nobody else was asked, a covered group tells that its owner tapped."""
        others = [s for s in (self._escalation.deputy_s, self._escalation.station_s) if s is not None]
        if owner and at_s < self._elapsed_s <= min(others, default=math.inf):
            self._done[int(self._is_night(at_s)), self._number(owner)] = self._elapsed_s - at_s

    def _seen(self) -> Asked:
        """Who left some groups open counts as having left them all: what holds up the rest is unknown."""
        open_s, done_s = np.zeros((2, 2, len(self._persons)))
        for key, seconds in self._open.items():
            open_s[key] = seconds
        for key, seconds in self._done.items():
            done_s[key] = seconds
        done_s[:, open_s.any(axis=0)] = 0.0
        return Asked(tuple(self._persons), open_s, done_s)


def _sent_by(clock: Floats, sending: Sequence[tuple[Reach, float]]) -> Floats:
    """Residents, (times,), that channels without taps will have reached by each time of ``clock``."""
    steps = np.searchsorted(clock, [at_s for _, at_s in sending])
    members = [group.members for group, _ in sending]
    counts: Floats = np.bincount(steps.astype(np.intp), np.array(members, dtype=float), len(clock) + 1)
    return np.cumsum(counts)[:-1]


def _tapped_by(clock: Floats, taps: Floats, members: Sequence[int]) -> Floats:
    """Residents, (DRAWS, times), that taps will have reached by each time of ``clock``."""
    width = len(clock) + 1
    steps = np.searchsorted(clock, taps) + width * np.arange(DRAWS)[:, None]
    counts: Floats = np.bincount(steps.ravel(), np.tile(np.array(members, dtype=float), DRAWS), width * DRAWS)
    return np.cumsum(counts.reshape(DRAWS, width), axis=1)[:, :-1]


def _time(percent: int, clock: Floats, reached: Floats, total: int) -> Time:
    """When ``percent`` of ``total`` residents are reached; ``reached`` is (DRAWS, times)."""
    if total == 0:
        return Time(percent, None, None, None)
    target = total * percent / 100 - 1e-6
    enough = reached >= target
    at = enough.argmax(axis=1)
    rows, before = np.arange(DRAWS), np.maximum(at - 1, 0)
    below, above = reached[rows, before], reached[rows, at]
    part = np.clip((target - below) / np.maximum(above - below, 1e-9), 0, 1)
    exact = clock[before] + part * (clock[at] - clock[before])
    times = np.where(enough.any(axis=1), exact, math.inf)
    low, median, high = np.quantile(times, (0.1, 0.5, 0.9), method="inverted_cdf").tolist()
    return Time(percent, *(None if math.isinf(s) else s for s in (median, low, high)))


def _bottlenecks(
    at_s: float, sending: Sequence[tuple[Reach, float]], waiting: _Waiting, taps: Floats
) -> tuple[Bottleneck, ...]:
    """Those through whom most residents are expected to be without the warning ``at_s`` after the release."""
    groups: dict[tuple[str, str], int] = defaultdict(int)
    residents: dict[tuple[str, str], float] = defaultdict(float)
    missing = (taps > at_s).mean(axis=0) * waiting.members
    for who, count, without in zip(waiting.who, waiting.groups, missing.tolist(), strict=True):
        groups[who] += count
        residents[who] += without
    for group, sent_s in sending:
        groups["", group.channel] += 1
        residents["", group.channel] += group.members * (sent_s > at_s)
    worst = sorted((who for who in residents if residents[who] > 0), key=lambda who: -residents[who])
    return tuple(Bottleneck(*who, groups[who], residents[who]) for who in worst[:BOTTLENECKS])

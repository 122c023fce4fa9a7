"""When the residents of an audience will have a warning, how sure that is, and who holds it up. Pure."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from types import MappingProxyType

import numpy as np

from fenghuo.domain.channels import NEEDS_TAP
from fenghuo.domain.response_times import DRAWS, Asked, Draws, Floats, Todo, Whole, draw, is_night

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
class Covered:
    """A group that has the warning ``at_s`` after the release; ``by`` the person who tapped: the owner (or
    empty), the deputy or, whoever else it was, the station's duty account."""

    at_s: float
    by: str = ""


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


NOBODY: Mapping[str, Covered] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Forecast:
    """``curve``: (seconds from the release, expected share of residents), rising from now to HORIZON_S.
    ``waiting_groups``: those that a person has yet to tap. ``bottlenecks``: the worst first."""

    times: tuple[Time, ...]
    curve: tuple[tuple[float, float], ...]
    waiting_groups: int
    bottlenecks: tuple[Bottleneck, ...]

    def later(self, by_s: float) -> "Forecast":
        """The same for a release that begins ``by_s`` seconds later than it was taken to."""
        if not by_s:
            return self
        return replace(
            self,
            times=tuple(
                Time(x.percent, *(None if s is None else s + by_s for s in (x.median_s, x.low_s, x.high_s)))
                for x in self.times
            ),
            curve=tuple((at_s + by_s, share) for at_s, share in self.curve),
        )


def forecast(
    groups: Sequence[Reach],
    habits: Mapping[str, Sequence[Todo]],
    *,
    escalation: Escalation,
    paces: Mapping[str, Pace],
    at_hour: float,
    elapsed_s: float = 0.0,
    covered: Mapping[str, Covered] = NOBODY,
    seed: int = 0,
) -> Forecast:
    """When the residents of ``groups`` have a warning that is released at local ``at_hour`` (0 to 24).

    ``habits`` has the past to-dos of persons (by person id) and of duty accounts (by station); who is missing
    is a newcomer. ``paces`` are by channel: without one, a channel that needs no tap is halted and reaches
    nobody, and the to-dos of one that does appear at the release. Groups are sent to in their order.
    ``elapsed_s`` after the release the groups of ``covered`` (by group id) have the warning and the others do
    not; for a percentage that they make up, the times are all the one at which it was reached.
    """
    waiting = _Waiting(escalation, at_hour, elapsed_s)
    sending: list[tuple[Reach, float]] = []
    for group, at_s in _starts(groups, paces, elapsed_s, covered):
        if group.channel in NEEDS_TAP:
            waiting.add(group, at_s, covered.get(group.group_id))
        elif group.group_id not in covered:
            sending.append((group, at_s))
    taps = waiting.taps(habits, np.random.default_rng(seed))

    total = sum(group.members for group in groups)
    clock = _Clock(elapsed_s)
    had = sorted(
        (covered[group.group_id].at_s, group.members) for group in groups if group.group_id in covered
    )
    sent = np.array([at_s for _, at_s in sending], dtype=float)[:, None]
    reached = (
        sum(members for _, members in had)
        + clock.reached(sent, [group.members for group, _ in sending])
        + clock.reached(taps, waiting.members)
    )
    times = tuple(
        _passed(percent, had, total) or _time(percent, clock.at_s, reached, total) for percent in PERCENTS
    )
    shares = reached.mean(axis=0) / max(total, 1)
    return Forecast(
        times=times,
        curve=tuple(zip(clock.at_s.tolist(), shares.tolist(), strict=True)),
        waiting_groups=sum(waiting.groups),
        bottlenecks=_bottlenecks(
            times[PERCENTS.index(90)].median_s or clock.at_s[-1], sending, waiting, taps
        ),
    )


def _starts(
    groups: Sequence[Reach], paces: Mapping[str, Pace], elapsed_s: float, covered: Mapping[str, Covered]
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
        if group.channel not in NEEDS_TAP:
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

    def add(self, group: Reach, at_s: float, covered: Covered | None) -> None:
        """Counts ``group``, whose owner's to-do appears ``at_s`` after the release."""
        if covered is not None:
            self._note_covered(group, at_s, covered)
            return
        key = group.channel, group.owner, group.deputy, group.station, at_s
        if (unit := self._units.setdefault(key, len(self.who))) == len(self.who):
            self.who.append((group.owner or group.deputy or group.station, group.channel))
            self.groups.append(0)
            self.members.append(0)
        self.groups[unit] += 1
        self.members[unit] += group.members

    def taps(self, habits: Mapping[str, Sequence[Todo]], rng: np.random.Generator) -> Floats:
        """Seconds from the release, (units, DRAWS), at which each unit is tapped; inf: never."""
        steps = [self._asked(*key[1:]) for key in self._units]
        for person, at_s in {step for asked in steps for step in asked}:
            self._note_open(person, at_s, self._elapsed_s)
        times = np.full((len(steps), DRAWS), math.inf)
        if not any(steps):
            return times
        draws = draw(habits, self._seen(), rng)
        known: dict[tuple[int, float], Floats] = {}
        for unit, asked in enumerate(steps):
            for person, at_s in asked:
                if (person, at_s) not in known:
                    known[person, at_s] = at_s + self._delays(draws, person, at_s)
                np.minimum(times[unit], known[person, at_s], out=times[unit])
        tapped: Floats = np.maximum(times, self._elapsed_s)
        return tapped

    def _asked(self, owner: str, deputy: str, station: str, at_s: float) -> list[tuple[int, float]]:
        """(person, seconds from the release to their to-do) of all that are asked for a unit, each once."""
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

    def _delays(self, draws: Draws, person: int, at_s: float) -> Floats:
        return draws.delays(person, self._is_night(at_s))

    def _note_open(self, person: int, at_s: float, until_s: float) -> None:
        key = int(self._is_night(at_s)), person
        self._open[key] = max(self._open.get(key, 0.0), until_s - at_s)

    def _note_covered(self, group: Reach, at_s: float, covered: Covered) -> None:
        """One of those asked has tapped, and the others had not by then."""
        asked = self._asked(group.owner, group.deputy, group.station, at_s)
        by = covered.by or group.owner
        tapper = self._persons.get(by if by in {group.owner, group.deputy} else group.station)
        for person, since_s in asked:
            if person != tapper:
                self._note_open(person, since_s, covered.at_s)
            elif since_s < covered.at_s:
                key = int(self._is_night(since_s)), person
                self._done[key] = min(self._done.get(key, math.inf), covered.at_s - since_s)

    def _seen(self) -> Asked:
        open_s, done_s = np.zeros((2, 2, len(self._persons)))
        for key, seconds in self._open.items():
            open_s[key] = seconds
        for key, seconds in self._done.items():
            done_s[key] = seconds
        return Asked(tuple(self._persons), open_s, done_s)


class _Clock:
    """The times at which a forecast is worked out: ``at_s`` from the release, from now to HORIZON_S."""

    def __init__(self, now_s: float) -> None:
        last_s = max(HORIZON_S - now_s, 2.0)
        self.at_s: Floats = now_s + np.append(0.0, np.geomspace(1.0, last_s, STEPS))
        self._ratio_log = math.log(last_s) / (STEPS - 1)

    def _first(self, times: Floats) -> Whole:
        """Where the first of ``at_s`` is that is not before each of ``times``; their number if none is."""
        with np.errstate(divide="ignore"):
            steps = 1 + np.ceil(np.log(times - self.at_s[0]) / self._ratio_log - 1e-9)
        first: Whole = np.clip(steps, times > self.at_s[0], len(self.at_s)).astype(np.intp)
        return first

    def reached(self, times: Floats, members: Sequence[int]) -> Floats:
        """Residents, (draws, times of the clock), reached by then; ``times`` (units, draws) is when each unit
        with its ``members`` is."""
        draws, width = times.shape[1], len(self.at_s) + 1
        steps = self._first(times) + width * np.arange(draws)
        weights = np.repeat(np.array(members, dtype=float), draws)
        counts = np.bincount(steps.ravel(), weights, width * draws).astype(float)
        return np.cumsum(counts.reshape(draws, width), axis=1)[:, :-1]


def _passed(percent: int, had: Sequence[tuple[float, int]], total: int) -> Time | None:
    """When ``percent`` of ``total`` residents were reached, if by the (seconds, members) that ``had`` it."""
    for (at_s, _), sums in zip(had, accumulate(members for _, members in had), strict=True):
        if sums * 100 >= percent * total > 0:
            return Time(percent, at_s, at_s, at_s)
    return None


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
    missing = (taps > at_s).mean(axis=1) * waiting.members
    for who, count, without in zip(waiting.who, waiting.groups, missing.tolist(), strict=True):
        groups[who] += count
        residents[who] += without
    for group, sent_s in sending:
        groups["", group.channel] += 1
        residents["", group.channel] += group.members * (sent_s > at_s)
    worst = sorted((who for who in residents if residents[who] > 0), key=lambda who: -residents[who])
    return tuple(Bottleneck(*who, groups[who], residents[who]) for who in worst[:BOTTLENECKS])

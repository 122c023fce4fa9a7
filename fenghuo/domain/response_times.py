"""How soon persons tap: what their past to-dos tell, and random draws of their next response times.

The model: a person never taps a to-do, or taps it after a log-normal time. Each person has three parameters
(log-median, spread, share never tapped), estimated from their past to-dos and, where those are few, from
everybody else's. The parameters lie on a grid, so that an open to-do is censored data ("not yet") and no
more. docs/decisions/0012-forecast.md gives the reasons for the numbers.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.intp]
Truths = NDArray[np.bool_]

NIGHT_HOURS = (22.0, 7.0)
"""Local hours between which a to-do that appears counts as a night one."""
MEDIAN_S, MEDIAN_SPREAD = 360.0, 0.7
"""The prior of a district's usual median, and its standard deviation (in log)."""
NIGHT_LOG, NIGHT_WEIGHT = math.log(4), 4.0
"""The prior that a night to-do takes four times as long; it weighs as much as so many pairs of taps."""
LOG_SPREAD = 1.2
"""The usual spread (in log) of one person's delays."""
DAY_SPREAD = 0.25
"""How far (in log) one day may be slower or quicker for everybody."""

DRAWS, WORLDS = 384, 24
"""Number of draws, and of the worlds (kind of district and day) from which they are drawn."""


@dataclass(frozen=True, slots=True)
class PastTodo:
    """A past to-do that appeared at local ``hour`` (0 to 24): tapped after ``open_s``, or still open then."""

    open_s: float
    tapped: bool
    hour: float


@dataclass(frozen=True, slots=True)
class CurrentTodos:
    """The to-dos of the current warning: arrays of (2, persons), day to-dos in the first row and night ones
    in the second, in seconds; 0 where there is none. ``open_s``: how long a to-do has been open, or was until
    somebody else tapped; ``done_s``: after what time it was tapped."""

    persons: Sequence[str]
    open_s: Floats
    done_s: Floats


@dataclass(frozen=True, slots=True)
class ResponseDraws:
    """Draws of response times: ``log_s`` (DRAWS, persons) by day, inf for never; ``night_log`` (DRAWS,) is
    added for a night to-do."""

    log_s: Floats
    night_log: Floats

    def delays(self, person: int, is_night: bool) -> Floats:
        """Seconds, (DRAWS,), from a to-do to the tap; inf for never."""
        tapped: Floats = np.exp(self.log_s[:, person] + self.night_log * is_night)
        return tapped


def is_night(hour: float) -> bool:
    """Whether a to-do that appears at local ``hour`` (taken modulo 24) is a night one."""
    return not NIGHT_HOURS[1] <= hour % 24 < NIGHT_HOURS[0]


def draw_responses(
    past_todos: Mapping[str, Sequence[PastTodo]], current: CurrentTodos, rng: np.random.Generator
) -> ResponseDraws:
    """Draws given the past to-dos by person (none: a newcomer) and the current ones."""
    past = _PastResponses(past_todos)
    everybody = _with_all_known(current, past_todos)
    first, alike = past.alike(everybody)
    one_each = CurrentTodos(
        [everybody.persons[n] for n in first], everybody.open_s[:, first], everybody.done_s[:, first]
    )
    worlds, by_day = _worlds(past, one_each, np.bincount(alike), rng)
    alike = alike[: len(current.persons)]
    nights = past.night_log + past.night_spread * rng.permutation(_normal_steps(WORLDS))
    ladders: dict[tuple[int, int], Floats] = {}
    drawn = []
    for (kind, day), night in zip(worlds, nights, strict=True):
        key = kind, day % len(by_day)
        if key not in ladders:
            ladders[key] = _ladder(by_day[key[1]], kind)
        least = _still_open(current, night) - _DAYS[day]
        drawn.append(_DAYS[day] + _log_delays(ladders[key], alike, least, rng))
    return ResponseDraws(np.concatenate(drawn), np.repeat(nights, DRAWS // WORLDS))


# ---- the grid of persons' parameters, and the kinds of district


def _normal_steps(n: int) -> Floats:
    """``n`` equally likely values of a standard normal figure."""
    return np.array([NormalDist().inv_cdf((k + 0.5) / n) for k in range(n)])


_LOG_S: Floats = np.arange(3.0, 10.7, 0.35)
"""Log-medians: 20 seconds to 11 hours."""
_SPREADS: Floats = np.array([0.5, 0.8, 1.2, 1.7])
_SPREAD_ODDS: Floats = np.array([0.15, 0.3, 0.35, 0.2])
_NEVERS: Floats = 1 / (1 + np.exp(-np.arange(-4.8, 4.9, 1.6)))
"""Shares never tapped, even steps of log odds: 0.8 % to 99.2 %."""
_MU, _SIGMA, _NEVER = (
    axis.ravel() for axis in np.meshgrid(_LOG_S, _SPREADS, _NEVERS, indexing="ij")
)  # one entry a cell of the grid
_AGES: Floats = np.arange(0.0, 14.1, 0.25)
"""Log-seconds to which delays are rounded when they are weighed: finer than anybody's spread."""
_Z: Floats = np.linspace(-7, 7, 2801)
_LATER: Floats = np.array([NormalDist().cdf(-z) for z in _Z])
"""The chance that a standard normal figure lies above each of _Z."""
_DAYS: Floats = DAY_SPREAD * _normal_steps(5)


def _later(z: Floats) -> Floats:
    return np.interp(z, _Z, _LATER)


def _tapped_after(ages: Floats) -> Floats:
    """Log-likelihood, (ages, cells), of a tap after just that log time."""
    z = (ages[:, None] - _MU) / _SIGMA
    odds: Floats = np.log1p(-_NEVER) - np.log(_SIGMA) - z * z / 2
    return odds


def _open_for(ages: Floats) -> Floats:
    """Log-likelihood, (ages, cells), of no tap up to then."""
    odds: Floats = np.log(_NEVER + (1 - _NEVER) * _later((ages[:, None] - _MU) / _SIGMA))
    return odds


def _kinds() -> tuple[Floats, Floats]:
    """The distribution over the grid in each kind of district (cells, kinds), and each kind's log prior."""
    columns, odds = [], []
    for median in np.arange(3.9, 9.0, 0.5):
        off = (median - math.log(MEDIAN_S)) / MEDIAN_SPREAD
        for between in (0.4, 0.9):
            for never, never_odds in ((0.02, 0.3), (0.08, 0.45), (0.2, 0.2), (0.45, 0.05)):
                mine = np.exp(-(((_LOG_S - median) / between) ** 2) / 2)
                away = _NEVERS ** (4 * never) * (1 - _NEVERS) ** (4 * (1 - never))  # Beta, over log odds
                parts = (mine / mine.sum(), _SPREAD_ODDS, away / away.sum())
                columns.append(np.einsum("i,j,k->ijk", *parts).ravel())
                odds.append(-off * off / 2 + math.log(never_odds))
    return np.array(columns).T, np.array(odds)


_KINDS, _KIND_ODDS = _kinds()
_AT_TAP, _AT_OPEN = _tapped_after(_AGES), _open_for(_AGES)


def _rounded(seconds: Floats, less: float | Floats = 0.0) -> Whole:
    """The nearest of _AGES to the log of ``seconds``, less ``less``."""
    steps = (np.log(np.maximum(seconds, 1.0)) - less) / (_AGES[1] - _AGES[0])
    ages: Whole = np.clip(np.rint(steps), 0, len(_AGES) - 1).astype(np.intp)
    return ages


def _finely(seconds: Floats) -> Floats:
    """The log of ``seconds`` to two hundredths: a coarser rounding would bias all persons the same way."""
    ages: Floats = np.rint(np.log(np.maximum(seconds, 1.0)) * 50) / 50
    return ages


# ---- the data


class _PastResponses:
    """The past to-dos: what they tell of nights in general and of each person."""

    def __init__(self, past_todos: Mapping[str, Sequence[PastTodo]]) -> None:
        self._row = {person: n for n, person in enumerate(past_todos)}
        todos = [todo for past in past_todos.values() for todo in past]
        self._person = np.repeat(np.arange(len(past_todos)), [len(past) for past in past_todos.values()])
        self._open_s = np.array([todo.open_s for todo in todos], dtype=float)
        self._tapped = np.array([todo.tapped for todo in todos], dtype=bool)
        self._night = np.array([is_night(todo.hour) for todo in todos], dtype=bool)
        self.night_log, self.night_spread = self._learn_night()

    def _learn_night(self) -> tuple[float, float]:
        """How much longer (in log) a night to-do takes, and the standard error: each person's nights against
        the same person's days, taps alone."""
        log_s = np.log(np.maximum(self._open_s, 1.0))

        def means(which: Truths) -> tuple[Floats, Floats]:
            person, size = self._person[which], len(self._row)
            counts = np.bincount(person, minlength=size).astype(float)
            return counts, np.bincount(person, log_s[which], size) / np.maximum(counts, 1)

        nights, by_night = means(self._tapped & self._night)
        days, by_day = means(self._tapped & ~self._night)
        weights = nights * days / np.maximum(nights + days, 1)
        known = NIGHT_WEIGHT + float(weights.sum())
        longer = float((weights * (by_night - by_day)).sum())
        return (NIGHT_WEIGHT * NIGHT_LOG + longer) / known, LOG_SPREAD / math.sqrt(known)

    def alike(self, current: CurrentTodos) -> tuple[Whole, Whole]:
        """Groups persons with the same data (newcomers, mostly): the first of each group, each one's
        group."""
        known = np.array([self._row.get(person, -1) for person in current.persons])
        seen = [np.where(s > 0, _finely(s), -1.0) for s in (*current.open_s, *current.done_s)]
        _, first, one = np.unique(np.vstack([known, *seen]), axis=1, return_index=True, return_inverse=True)
        return first, one.ravel()

    def likelihood(self, persons: Sequence[str]) -> Floats:
        """Log-likelihood, (persons, cells), of each person's past; flat for a newcomer."""
        ages = _rounded(self._open_s, self._night * self.night_log)
        counts = np.zeros((2, len(self._row) + 1, len(_AGES)))
        np.add.at(counts, (self._tapped.astype(np.intp), self._person, ages), 1.0)
        rows = [self._row.get(person, len(self._row)) for person in persons]
        known: Floats = counts[1, rows] @ _AT_TAP + counts[0, rows] @ _AT_OPEN
        return known


def _with_all_known(current: CurrentTodos, past_todos: Mapping[str, Sequence[PastTodo]]) -> CurrentTodos:
    """``current`` and, after its persons, all others with past to-dos: they tell what persons here are
    like."""
    known = set(current.persons)
    others = [person for person in past_todos if person not in known]
    nothing = np.zeros((2, len(others)))
    return CurrentTodos(
        [*current.persons, *others],
        np.hstack([current.open_s, nothing]),
        np.hstack([current.done_s, nothing]),
    )


def _still_open(current: CurrentTodos, night_log: float) -> Floats:
    """Log-seconds by day, (persons,), that each person's to-do has been open; -inf where none is."""
    with np.errstate(divide="ignore"):
        by_day, by_night = np.log(current.open_s)
    passed: Floats = np.maximum(by_day, by_night - night_log)
    return passed


def _today(current: CurrentTodos, night_log: float, day_log: float) -> Floats:
    """Log-likelihood, (persons, cells), of the current to-dos if the day is slower by ``day_log``."""
    seen = np.zeros((len(current.persons), len(_MU)))
    still = np.where(current.done_s.any(axis=0), 0.0, current.open_s)
    for since, table in ((still, _open_for), (current.done_s, _tapped_after)):
        for seconds, night in zip(since, (0.0, night_log), strict=True):
            some = seconds > 0
            ages, which = np.unique(_finely(seconds[some]), return_inverse=True)
            seen[some] += table(ages - night - day_log)[which]
    return seen


def _worlds(
    past: _PastResponses, current: CurrentTodos, counts: Whole, rng: np.random.Generator
) -> tuple[list[tuple[int, int]], list[Floats]]:
    """WORLDS pairs (kind of district, day) drawn from the posterior; and for each day (one for all days while
    there are no current to-dos) the likelihood, (persons, cells), up to a factor per person. Each person of
    ``current`` stands for ``counts`` persons with the same data."""
    likely = past.likelihood(current.persons)
    seen = bool(current.open_s.any() or current.done_s.any())
    by_day, odds = [], []
    for day_log in _DAYS if seen else _DAYS[:1]:
        known = likely + _today(current, past.night_log, day_log) if seen else likely
        top = known.max(axis=1, keepdims=True)
        by_day.append(np.exp(known - top))
        odds.append(_KIND_ODDS + counts @ (np.log(by_day[-1] @ _KINDS) + top))
    known_odds = np.broadcast_to(np.array(odds), (len(_DAYS), len(_KIND_ODDS)))
    weights = np.exp(known_odds - known_odds.max()).T.ravel()
    sums = np.cumsum(weights) / weights.sum()
    picked = np.searchsorted(sums, (np.arange(WORLDS) + rng.random()) / WORLDS)
    return [divmod(int(pick), len(_DAYS)) for pick in np.minimum(picked, len(sums) - 1)], by_day


def _ladder(likely: Floats, kind: int) -> Floats:
    """Cumulative probabilities for persons of one kind of district, (persons, cells): the row of person n
    rises from n to n + 1, so that one search over the flattened array finds cells for all persons."""
    sums = np.cumsum(likely * _KINDS[:, kind], axis=1)
    ladder: Floats = sums / sums[:, -1:] + np.arange(len(sums))[:, None]
    return ladder


def _log_delays(ladder: Floats, rows: Whole, least: Floats, rng: np.random.Generator) -> Floats:
    """Log-seconds, (draws of one world, persons), all above ``least`` (persons,); inf for never. ``rows`` are
    the persons' rows of the ladder."""
    size = (DRAWS // WORLDS, len(rows))
    found = np.searchsorted(ladder.ravel(), rng.random(size) + rows) % ladder.shape[1]
    mu = _MU[found] + (_LOG_S[1] - _LOG_S[0]) * (rng.random(size) - 0.5)
    sigma, never = _SIGMA[found], _NEVER[found]
    rank = rng.random(size) * (never + (1 - never) * _later((least - mu) / sigma))
    z = np.interp((rank - never) / (1 - never), _LATER[::-1], _Z[::-1])
    log_s: Floats = np.where(rank <= never, math.inf, np.maximum(mu + sigma * z, least))
    return log_s

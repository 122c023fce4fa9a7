"""When given shares of the residents are reached, from draws of the times at which groups are."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from fenghuo.domain.response_times import DRAWS, Floats, Whole

HORIZON_S = 7 * 86_400.0
"""The longest life of a warning: what has not arrived by then never arrives."""
STEPS = 320
"""Points of the time grid, each 4 % further from now than the one before."""


@dataclass(frozen=True, slots=True)
class ReachTime:
    """Seconds from the release until ``percent`` of residents have the warning: as likely before as after
    ``median_s``, with four chances in five between ``low_s`` and ``high_s``. None: not within HORIZON_S."""

    percent: int
    median_s: float | None
    low_s: float | None
    high_s: float | None


class TimeGrid:
    """The times for which a forecast is computed: ``at_s`` from the release, from now to HORIZON_S."""

    def __init__(self, now_s: float) -> None:
        last_s = max(HORIZON_S - now_s, 2.0)
        self.at_s: Floats = now_s + np.append(0.0, np.geomspace(1.0, last_s, STEPS))
        self._ratio_log = math.log(last_s) / (STEPS - 1)

    def _first(self, times: Floats) -> Whole:
        """The index of the first of ``at_s`` that is not before each of ``times``; len(at_s) if none is."""
        with np.errstate(divide="ignore"):
            steps = 1 + np.ceil(np.log(times - self.at_s[0]) / self._ratio_log - 1e-9)
        first: Whole = np.clip(steps, times > self.at_s[0], len(self.at_s)).astype(np.intp)
        return first

    def reached(self, times: Floats, members: Sequence[int]) -> Floats:
        """Residents reached by each point of the grid, (draws, points), where each unit with its ``members``
        is reached at ``times`` (units, draws)."""
        draws, width = times.shape[1], len(self.at_s) + 1
        steps = self._first(times) + width * np.arange(draws)
        weights = np.repeat(np.array(members, dtype=float), draws)
        counts = np.bincount(steps.ravel(), weights, width * draws).astype(float)
        return np.cumsum(counts.reshape(draws, width), axis=1)[:, :-1]


def already_reached(percent: int, arrivals: Sequence[tuple[float, int]], total: int) -> ReachTime | None:
    """When ``percent`` of ``total`` residents were reached, if the ``arrivals`` (seconds, members)
    suffice."""
    for (at_s, _), sums in zip(arrivals, accumulate(members for _, members in arrivals), strict=True):
        if sums * 100 >= percent * total > 0:
            return ReachTime(percent, at_s, at_s, at_s)
    return None


def time_to_reach(percent: int, grid: Floats, reached: Floats, total: int) -> ReachTime:
    """When ``percent`` of ``total`` residents are reached; ``reached`` is (DRAWS, points of the
    ``grid``)."""
    if total == 0:
        return ReachTime(percent, None, None, None)
    target = total * percent / 100 - 1e-6
    enough = reached >= target
    at = enough.argmax(axis=1)
    rows, before = np.arange(DRAWS), np.maximum(at - 1, 0)
    below, above = reached[rows, before], reached[rows, at]
    part = np.clip((target - below) / np.maximum(above - below, 1e-9), 0, 1)
    exact = grid[before] + part * (grid[at] - grid[before])
    times = np.where(enough.any(axis=1), exact, math.inf)
    low, median, high = np.quantile(times, (0.1, 0.5, 0.9), method="inverted_cdf").tolist()
    return ReachTime(percent, *(None if math.isinf(s) else s for s in (median, low, high)))

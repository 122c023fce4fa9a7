"""How many reporters does the past explain? The usual count of a window, and how likely more is. Pure."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from fenghuo.domain.calendar import HOUR_MS
from fenghuo.settings import Settings

DAYS = 7
HALF_LIFE_DAYS = 3
"""A day of the past counts half as much as one three days younger."""
BESIDE_H = 3
"""Hours before and after the same time of day that are counted with it."""
DAY_H = 24


@dataclass(frozen=True, slots=True)
class Usual:
    """What the pattern's past predicts for a window: a gamma distribution of its rate."""

    shape: float
    mean: float
    """Distinct reporters in the window."""


def usual(past: Sequence[int], at_ms: int, window_s: int, settings: Settings) -> Usual:
    """The reporters expected in the window of ``window_s`` that ends at ``at_ms``. Pure.

    Counts the same time of day, three hours to either side, on each of the last seven days that the pattern
    was known, recent days with more weight; and a prior (``surge_usual_a_day``) worth ``surge_usual_days``.
    However long the past, a day is assumed to vary by at least ``surge_spread``.
    """
    block = 2 * BESIDE_H * HOUR_MS
    middle = at_ms - window_s * 500
    reporters = settings.surge_usual_a_day * settings.surge_usual_days
    days = settings.surge_usual_days
    for day in range(1, DAYS + 1):
        start = middle - day * DAY_H * HOUR_MS - block // 2
        if not past or start < past[0]:
            break
        weight = 0.5 ** ((day - 1) / HALF_LIFE_DAYS)
        reporters += weight * (bisect_left(past, start + block) - bisect_left(past, start))
        days += weight * block / (DAY_H * HOUR_MS)
    shape = min(reporters, 1 / settings.surge_spread**2)
    return Usual(shape, reporters / days * window_s / (DAY_H * 3600))


def chance(count: int, expected: Usual) -> float:
    """The probability of ``count`` or more in a window: a negative binomial, the Poisson distribution whose
    rate is distributed as ``expected`` says. Pure."""
    share = expected.mean / (expected.mean + expected.shape)
    term = math.exp(expected.shape * math.log1p(-share))
    below = 0.0
    for n in range(count):
        below += term
        term *= (expected.shape + n) / (n + 1) * share
    return max(0.0, 1.0 - below)

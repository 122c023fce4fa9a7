"""How often a known pattern is drafted for nothing, and how soon when it surges.

The test against its own past stands beside the fixed threshold that it replaced (5 distinct reporters in 30
minutes), on the same simulated reports. Each pattern's reporters come as a Poisson process, all known, each
once. "Quiet" weeks hold no surge: every draft there is a false one, and its alert stands for a day as a
real one would. In "surge" weeks the rate rises at a random time of the last day; the delay runs from the rise
to the draft, over those drafted within the day. Trust the ratios: the traffic is invented.
"""

import math
import random
import statistics
from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from consumers.surge import surging
from fenghuo.domain import events as e
from fenghuo.domain.calendar import HOUR_MS
from fenghuo.settings import Settings

DAY_S = 86_400
WARM_DAYS, QUIET_DAYS = 8, 14
PATTERNS, SURGES = 30, 40
BASES = (1, 4, 20, 100)
"""Distinct reporters a day of one pattern in one district."""
BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
SETTINGS = Settings(_env_file=None)  # type: ignore[call-arg]

Rate = Callable[[float], float]
"""Reporters a second at a second."""
Test = Callable[["Traffic", int, int], bool]
"""Whether the report at the second index is a surge; counted from the first index on (after an alert)."""


class Traffic:
    """Reports of one pattern: their seconds, and as the desk would hold them."""

    def __init__(self, times: Sequence[float]) -> None:
        zero = int(BEGAN.timestamp() * 1000)
        self.times = times
        self.hours = [(zero + int(s * 1000)) // HOUR_MS * HOUR_MS for s in times]
        self.members = [
            e.Member(report_id=str(n), reporter=str(n), town="", at=BEGAN + timedelta(seconds=s))
            for n, s in enumerate(times)
        ]


def steady(base: float) -> Rate:
    return lambda _: base / DAY_S


def rhythm(base: float) -> Rate:
    """Three in four by day: nothing at four in the morning, twice the average at four in the afternoon."""
    return lambda s: base / DAY_S * (1 - math.cos(2 * math.pi * (s / DAY_S - 1 / 6)))


def moody(base: float, chance: random.Random) -> Rate:
    """A daily rhythm, and each day busier or quieter than the others by a quarter."""
    days = [max(0.2, chance.gauss(1, 0.25)) for _ in range(WARM_DAYS + QUIET_DAYS + 1)]
    return lambda s: rhythm(base)(s) * days[int(s // DAY_S)]


def arrivals(rate: Rate, most: float, start: float, end: float, chance: random.Random) -> list[float]:
    """Times of a Poisson process of ``rate``, which is nowhere above ``most``."""
    times, at = [], start
    while (at := at + chance.expovariate(most)) < end:
        if chance.random() * most < rate(at):
            times.append(at)
    return times


def fixed(traffic: Traffic, first: int, here: int) -> bool:
    """The baseline: 5 in 30 minutes."""
    times = traffic.times
    return here + 1 - max(first, bisect_left(times, times[here] - 1800)) >= 5


def own_past(traffic: Traffic, first: int, here: int) -> bool:
    """The test as it runs, on the hours and hits that the desk would hold."""
    times = traffic.times
    slow = SETTINGS.surge_slow_window_s
    start = max(first, bisect_left(times, times[here] - slow))
    if here + 1 - start < SETTINGS.surge_reporters:
        return False
    oldest = bisect_left(times, times[here] - 8 * DAY_S)
    past = traffic.hours[oldest : here + 1]
    return surging(traffic.members[start : here + 1], past, SETTINGS) is not None


def drafts(traffic: Traffic, test: Test, since: float) -> list[float]:
    """When drafts are made from ``since`` on; while one stands none is, and then only what comes counts."""
    times, found, first = traffic.times, list[float](), 0
    for here in range(bisect_left(times, since), len(times)):
        if found and times[here] < found[-1] + DAY_S:
            first = here + 1
        elif test(traffic, first, here):
            found.append(times[here])
    return found


def quiet(name: str, base: float, made: Callable[[random.Random], Rate]) -> None:
    """One line: false drafts a pattern and week, the present test and the baseline."""
    end = (WARM_DAYS + QUIET_DAYS) * DAY_S
    counts = {fixed: 0, own_past: 0}
    reports = 0
    for n in range(PATTERNS):
        chance = random.Random(f"{name}{base}{n}")
        times = arrivals(made(chance), 4 * base / DAY_S, 0, end, chance)
        traffic = Traffic(times)
        reports += len(times) - bisect_left(times, WARM_DAYS * DAY_S)
        for test in counts:
            counts[test] += len(drafts(traffic, test, WARM_DAYS * DAY_S))
    weeks = PATTERNS * QUIET_DAYS / 7
    shares = f"{counts[own_past] / max(reports, 1):.1e} of reports"
    print(
        f"  {name:<8}{base:>6} a day{counts[own_past] / weeks:>12.3f}{counts[fixed] / weeks:>12.3f}"
        f"   {shares} at ours"
    )


def surge(name: str, base: float, extra: Rate, most: float) -> None:
    """One line: the median delay (minutes) and the share drafted within the day, of both tests."""
    delays: dict[Test, list[float]] = {fixed: [], own_past: []}
    for n in range(SURGES):
        chance = random.Random(f"{name}{base}{n}")
        rise = WARM_DAYS * DAY_S + chance.random() * DAY_S
        times = arrivals(rhythm(base), 4 * base / DAY_S, 0, rise + DAY_S, chance)
        more = arrivals(lambda s, rise=rise: extra(s - rise), most, rise, rise + DAY_S, chance)  # type: ignore[misc]
        traffic = Traffic(sorted([*times, *more]))
        for test, found in delays.items():
            found += [(at - rise) / 60 for at in drafts(traffic, test, rise)[:1]]
    cells = [
        f"{statistics.median(found):>9.1f} ({len(found) / SURGES:>4.0%})" if found else f"{'never':>16}"
        for found in (delays[own_past], delays[fixed])
    ]
    print(f"  {name:<28}{base:>5} a day{cells[0]:>18}{cells[1]:>18}")


def main() -> None:
    print("False drafts a pattern and week, without any surge      ours       fixed")
    for base in BASES:
        quiet("steady", base, lambda _, base=base: steady(base))  # type: ignore[misc]
        quiet("rhythm", base, lambda _, base=base: rhythm(base))  # type: ignore[misc]
        quiet("moody", base, lambda chance, base=base: moody(base, chance))  # type: ignore[misc]
    print("Minutes from the rise to the draft, median (share drafted within a day)      ours       fixed")
    for base in BASES:
        for an_hour in (10, 30, 120):
            rate = an_hour / 3600
            surge(f"burst of {an_hour} an hour, 2 h", base, lambda s, r=rate: r if s < 7200 else 0, rate)  # type: ignore[misc]
        surge("slow rise to 6 an hour, 12 h", base, lambda s: 6 / 3600 * min(1, s / 43_200), 6 / 3600)


if __name__ == "__main__":
    main()

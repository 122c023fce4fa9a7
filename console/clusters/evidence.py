"""The evidence of a cluster: its reports by town and over time. Pure."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fenghuo.domain.events import Member

BARS = 24
_STEPS_MIN = (1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 1440, 2880)


@dataclass(frozen=True, slots=True)
class TownRow:
    town: str
    reports: int
    people: int
    percent: int


def rows_by_town(members: Sequence[Member]) -> list[TownRow]:
    """Reports and distinct reporters of each town, the most reports first."""
    reports = Counter(m.town for m in members)
    people: dict[str, set[str]] = defaultdict(set)
    for m in members:
        people[m.town].add(m.reporter)
    return [
        TownRow(town, n, len(people[town]), round(100 * n / len(members)))
        for town, n in reports.most_common()
    ]


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the growth chart; x, y, width, height in a box of 480 x 120."""

    start: datetime
    count: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Growth:
    minutes: int
    most: int
    bars: Sequence[Bar]


def growth_of(members: Sequence[Member], now: datetime) -> Growth:
    """Reports over time from the first one to ``now``, in at most BARS equal steps."""
    if not members:
        return Growth(1, 0, ())
    first = min(m.at for m in members)
    duration = max(now - first, timedelta(minutes=1)) / timedelta(minutes=1)
    minutes = next((s for s in _STEPS_MIN if duration / s <= BARS), int(duration // BARS) + 1)
    counts = Counter(int((m.at - first) / timedelta(minutes=minutes)) for m in members)
    steps = max(int(duration // minutes) + 1, max(counts) + 1, 4)
    most = max(counts.values())
    width = 480 / steps
    bars = [
        _bar(first + timedelta(minutes=minutes * n), counts.get(n, 0), n * width, width, most)
        for n in range(steps)
    ]
    return Growth(minutes, most, bars)


def count_recent(members: Sequence[Member], now: datetime, minutes: int) -> int:
    """Number of reports in the last ``minutes``."""
    return sum(m.at >= now - timedelta(minutes=minutes) for m in members)


def _bar(start: datetime, count: int, x: float, width: float, most: int) -> Bar:
    height = 104 * count / most
    return Bar(start, count, round(x + 1.5, 1), round(116 - height, 1), round(width - 3, 1), round(height, 1))

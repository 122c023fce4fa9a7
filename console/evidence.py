"""What a cluster shows: the differences between its messages, its towns, its growth. Pure."""

import difflib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from markupsafe import Markup, escape

from fenghuo.events import Member

COMPARED = 400
"""Characters of a message that are compared; the rest is shown unmarked."""
CUT_SHOWN = 12
"""Missing pieces up to this length are shown struck out, longer ones as an ellipsis."""
SHORTEST_MATCH = 2
BARS = 24
_STEPS_MIN = (1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 1440, 2880)


@lru_cache(maxsize=4096)
def marked(first: str, other: str) -> Markup:
    """``other`` as HTML: what ``first`` does not have in a <mark>, what is only missing in a <del>."""
    a, b = first[:COMPARED], other[:COMPARED]
    parts = [_piece(*piece) for piece in _smooth(a, b)]
    return Markup("").join([*parts, escape(other[COMPARED:])])


def _smooth(a: str, b: str) -> list[tuple[bool, str, str]]:
    """(equal?, piece of a, piece of b): matches of fewer than SHORTEST_MATCH characters count as changed."""
    pieces: list[tuple[bool, str, str]] = []
    for kind, a_from, a_to, b_from, b_to in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        same = kind == "equal" and b_to - b_from >= SHORTEST_MATCH
        was, now = a[a_from:a_to], b[b_from:b_to]
        if pieces and not same and not pieces[-1][0]:
            _, was_before, now_before = pieces.pop()
            was, now = was_before + was, now_before + now
        pieces.append((same, was, now))
    return pieces


def _piece(same: bool, was: str, now: str) -> Markup:
    if same or was == now:
        return escape(now)
    if now:
        return Markup("<mark>{}</mark>").format(now)
    return Markup("<del>{}</del>").format(was if len(was) <= CUT_SHOWN else "…")


@dataclass(frozen=True, slots=True)
class TownRow:
    town: str
    reports: int
    people: int
    percent: int


def by_town(members: Sequence[Member]) -> list[TownRow]:
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


def growth(members: Sequence[Member], now: datetime) -> Growth:
    """Reports over time from the first one to ``now``, in at most BARS equal steps."""
    if not members:
        return Growth(1, 0, ())
    first = min(m.at for m in members)
    lasting = max(now - first, timedelta(minutes=1)) / timedelta(minutes=1)
    minutes = next((s for s in _STEPS_MIN if lasting / s <= BARS), int(lasting // BARS) + 1)
    counts = Counter(int((m.at - first) / timedelta(minutes=minutes)) for m in members)
    steps = max(int(lasting // minutes) + 1, max(counts) + 1, 4)
    most = max(counts.values())
    width = 480 / steps
    bars = [
        _bar(first + timedelta(minutes=minutes * n), counts.get(n, 0), n * width, width, most)
        for n in range(steps)
    ]
    return Growth(minutes, most, bars)


def since(members: Sequence[Member], now: datetime, minutes: int) -> int:
    """Reports in the last ``minutes``."""
    return sum(m.at >= now - timedelta(minutes=minutes) for m in members)


def _bar(start: datetime, count: int, x: float, width: float, most: int) -> Bar:
    height = 104 * count / most
    return Bar(start, count, round(x + 1.5, 1), round(116 - height, 1), round(width - 3, 1), round(height, 1))

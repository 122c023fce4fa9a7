"""Who has a warning, for whom it still waits, and how fast it went: figures from the ledger. Pure."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from console.web.status_icons import DELIVERY
from fenghuo.clock import to_ms
from fenghuo.domain.delivery import LedgerRow
from fenghuo.domain.events import SETTLED, DeliveryState, Group

PERCENTS = (50, 90, 99, 100)
PROBLEMS_SHOWN = 100
OFFICERS_SHOWN = 20
PROBLEMS = (DeliveryState.REFUSED, DeliveryState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Share:
    """The deliveries of one town, station or channel."""

    name: str
    shown: int
    open: int
    all: int


@dataclass(frozen=True, slots=True)
class PendingPerson:
    """An owner whose groups wait for a tap; ``person_id`` "" for groups without an owner."""

    person_id: str
    groups: int
    residents: int
    since_ms: int


@dataclass(frozen=True, slots=True)
class DeliveryProblem:
    group_id: str
    name: str
    town: str
    state: DeliveryState
    reason: str


@dataclass(frozen=True, slots=True)
class DeliveryFigures:
    """One release's delivery as of now; ``times`` are (percent, seconds since the approval or None)."""

    planned: int
    counts: Mapping[str, int]
    residents: int
    times: Sequence[tuple[int, float | None]]
    towns: Sequence[Share]
    stations: Sequence[Share]
    channels: Sequence[Share]
    pending_people: Sequence[PendingPerson]
    """Owners who have not tapped yet, the most residents first."""
    problems: Sequence[DeliveryProblem]
    problem_count: int

    @property
    def shown(self) -> int:
        return self.counts.get(DeliveryState.SHOWN, 0)

    @property
    def waiting(self) -> int:
        return self.counts.get(DeliveryState.WAITING, 0)

    @property
    def under_way(self) -> int:
        open_states = set(DeliveryState) - SETTLED - {DeliveryState.WAITING}
        return sum(self.counts.get(state, 0) for state in open_states)

    def per_mille(self, count: int) -> float:
        """``count`` in thousandths of what is planned, for the progress bar."""
        return round(1000 * count / self.planned, 1) if self.planned else 0.0


def figures_of(
    rows: Mapping[str, LedgerRow], groups: Mapping[str, Group], planned: int | None, approved_at: datetime
) -> DeliveryFigures:
    """The figures of one ledger; ``planned`` is None while the deliveries are still being planned."""
    total = max(planned or 0, len(rows))
    states = Counter(row.state for row in rows.values())
    shown_ms = sorted(row.at_ms for row in rows.values() if row.state is DeliveryState.SHOWN)
    problems = _problems(rows, groups)
    return DeliveryFigures(
        planned=total,
        counts={state: states[DeliveryState(state)] for state in DELIVERY if states[DeliveryState(state)]},
        residents=sum(
            groups[k].members for k, row in rows.items() if row.state is DeliveryState.SHOWN and k in groups
        ),
        times=[(percent, _seconds_to(shown_ms, total, percent, to_ms(approved_at))) for percent in PERCENTS],
        towns=_shares(rows, lambda k, _row: groups[k].place.town if k in groups else ""),
        stations=_shares(rows, lambda k, _row: groups[k].station if k in groups else ""),
        channels=_shares(rows, lambda _k, row: row.channel),
        pending_people=pending_people(rows, groups),
        problems=problems[:PROBLEMS_SHOWN],
        problem_count=len(problems),
    )


def _seconds_to(shown_ms: Sequence[int], total: int, percent: int, since_ms: int) -> float | None:
    """Seconds until ``percent`` of ``total`` groups had the warning; None if they do not have it yet."""
    needed = math.ceil(total * percent / 100)
    if not needed or len(shown_ms) < needed:
        return None
    return max(0, shown_ms[needed - 1] - since_ms) / 1000


def _shares(rows: Mapping[str, LedgerRow], name_of: Callable[[str, LedgerRow], str]) -> list[Share]:
    every: Counter[str] = Counter()
    shown: Counter[str] = Counter()
    unsettled: Counter[str] = Counter()
    for key, row in rows.items():
        name = name_of(key, row)
        every[name] += 1
        shown[name] += row.state is DeliveryState.SHOWN
        unsettled[name] += row.state not in SETTLED
    return [
        Share(name, shown[name], unsettled[name], n) for name, n in sorted(every.items(), key=lambda x: -x[1])
    ]


def pending_people(rows: Mapping[str, LedgerRow], groups: Mapping[str, Group]) -> list[PendingPerson]:
    """Owners who have not tapped yet: for how many groups and residents, and since when."""
    found: dict[str, tuple[int, int, int]] = {}
    for key, row in rows.items():
        if row.state is DeliveryState.WAITING and key in groups:
            count, residents, since_ms = found.get(groups[key].owner, (0, 0, row.at_ms))
            found[groups[key].owner] = (
                count + 1, residents + groups[key].members, min(since_ms, row.since_ms or row.at_ms),
            )  # fmt: skip
    return sorted(
        (PendingPerson(person_id, *counts) for person_id, counts in found.items()),
        key=lambda x: (-x.residents, x.person_id),
    )


def _problems(rows: Mapping[str, LedgerRow], groups: Mapping[str, Group]) -> list[DeliveryProblem]:
    found = [
        DeliveryProblem(
            k,
            groups[k].name if k in groups else k,
            groups[k].place.town if k in groups else "",
            row.state,
            row.reason,
        )
        for k, row in rows.items()
        if row.state in PROBLEMS
    ]
    return sorted(found, key=lambda x: (x.state, x.town, x.name))

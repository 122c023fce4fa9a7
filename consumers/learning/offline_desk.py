"""A desk in memory for going through past reports: what the stages read, and nothing else."""

from collections.abc import Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from fenghuo.clock import to_ms
from fenghuo.domain import events as e
from fenghuo.domain.alert import Alert


class OfflineDesk:
    """Answers the reads that clustering makes. Clusters are in the stage's own memory; nothing expires from
    here, no person corrects anything, and no alert ends."""

    def __init__(self) -> None:
        self._first: dict[str, int] = {}
        self.reports: Any = SimpleNamespace(first_seen=self._first_seen, get_many=_none_of)
        self.alerts: Any = SimpleNamespace(get=_nothing, all=_no_alerts)
        self.clusters: Any = SimpleNamespace(
            get=_nothing, get_many=_none_of, of_district=_none_of_district, by_marker=_no_markers
        )

    def seen(self, reporter: str, at: datetime) -> None:
        """Note that a reporter reported; the first time counts."""
        self._first.setdefault(reporter, to_ms(at))

    async def _first_seen(self, reporters: Sequence[str]) -> dict[str, int]:
        return {x: self._first[x] for x in reporters if x in self._first}


async def _nothing(_: str) -> None:
    return None


async def _no_alerts() -> list[Alert]:
    return []


async def _none_of(_: Sequence[str]) -> list[e.Cluster]:
    return []


async def _none_of_district(_: str, __: int) -> list[e.Cluster]:
    return []


async def _no_markers(_: str, markers: Sequence[Sequence[str]], __: int) -> list[list[str]]:
    return [[] for _ in markers]

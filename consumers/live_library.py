"""The library in force: the seeds that ship with ``patterns``, and the patterns added since.

Reads patterns.changed.
"""

import asyncio
import threading
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files

from fenghuo.domain import events as e
from patterns.library import parse_seeds
from patterns.matching import Library
from patterns.model import FraudType, Pattern, Verdict

OTHER = "OTHER"


@cache
def _seeds() -> tuple[tuple[FraudType, tuple[Pattern, ...]], ...]:
    """(fraud type, patterns) of each seed file, by the files' names."""
    folder = files("patterns").joinpath("seeds")
    names = sorted(x.name for x in folder.iterdir() if x.name.endswith(".toml"))
    return tuple(parse_seeds(folder.joinpath(name).read_text("utf-8")) for name in names)


def fraud_types() -> dict[str, FraudType]:
    """Every fraud type of the seeds, by code."""
    return {kind.code: kind for kind, _ in _seeds()}


def seed_patterns() -> list[Pattern]:
    """Every pattern of the seeds, in the order of their files' names."""
    return [pattern for _, patterns in _seeds() for pattern in patterns]


class LiveLibrary:
    """A matcher that is safe to use from threads while patterns are added and retired."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._library = Library(patterns)
        self._library.match([""])  # numba compiles at the first call, which must not wait for a report
        self._changing = threading.Lock()
        self._changed_at: dict[str, datetime] = {}

    def match(self, texts: Sequence[str]) -> list[tuple[Verdict, Pattern | None]]:
        """A verdict for each text, with the pattern it names, all by one state of the library."""
        return self._library.matched(texts)

    async def apply(self, events: Sequence[e.Event]) -> None:
        """Add or retire patterns, all at once and in a thread (the index is built anew).

        A late event does not undo a newer one.
        """
        await asyncio.to_thread(self._change, [x for x in events if isinstance(x, e.PatternChanged)])

    def _change(self, changes: Sequence[e.PatternChanged]) -> None:
        with self._changing:
            latest = latest_changes(x for x in changes if x.at >= self._changed_at.get(x.pattern_id, x.at))
            self._library.change(
                [pattern_of(x) for x in latest.values() if not x.retired],
                [x.pattern_id for x in latest.values() if x.retired],
            )
            self._changed_at.update((x.pattern_id, x.at) for x in latest.values())


def latest_changes(changes: Iterable[e.PatternChanged]) -> dict[str, e.PatternChanged]:
    """The latest change of each pattern by its id; of two at the same time, the later one in order."""
    latest: dict[str, e.PatternChanged] = {}
    for change in changes:
        if change.pattern_id not in latest or change.at >= latest[change.pattern_id].at:
            latest[change.pattern_id] = change
    return latest


def pattern_of(change: e.PatternChanged) -> Pattern:
    """The pattern that ``change`` describes; without an alert it was added by hand."""
    return Pattern(
        change.pattern_id, change.fraud_type, change.title, change.text,
        source="alert" if change.alert_id else "manual", alert_id=change.alert_id,
    )  # fmt: skip

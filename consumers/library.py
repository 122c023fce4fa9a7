"""The library in force: the seeds that ship with ``patterns``, and what alerts have taught since.

Reads patterns.changed.
"""

import threading
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files

from fenghuo import events as e
from patterns.library import parse_patterns, parse_types
from patterns.matching import Library
from patterns.model import FraudType, Pattern, Verdict

OTHER = "OTHER"


@cache
def fraud_types() -> dict[str, FraudType]:
    """Every fraud type of the seeds, by code."""
    text = files("patterns").joinpath("seeds", "types.toml").read_text("utf-8")
    return {kind.code: kind for kind in parse_types(text)}


def seed_patterns() -> list[Pattern]:
    """Every pattern of the seeds, in the order of their files' names."""
    folder = files("patterns").joinpath("seeds")
    names = sorted(x.name for x in folder.iterdir() if x.name.endswith(".toml") and x.name != "types.toml")
    return [p for name in names for p in parse_patterns(folder.joinpath(name).read_text("utf-8"))]


class LiveLibrary:
    """A matcher that may be asked from threads while patterns come and go."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._library = Library(patterns)
        self._lock = threading.Lock()
        self._changed_at: dict[str, datetime] = {}

    def match(self, texts: Sequence[str]) -> list[tuple[Verdict, Pattern | None]]:
        """A verdict for each text, with the pattern it names, all by one state of the library."""
        with self._lock:
            verdicts = self._library.match(texts)
            return [(v, self._library.get(v.pattern_id) if v.pattern_id else None) for v in verdicts]

    def apply(self, event: e.Event) -> None:
        """Take a pattern in, or out when it is retired; what comes late does not undo what is newer."""
        if not isinstance(event, e.PatternChanged):
            return
        with self._lock:
            if event.at < self._changed_at.get(event.pattern_id, event.at):
                return
            self._changed_at[event.pattern_id] = event.at
            if event.retired:
                self._library.retire(event.pattern_id)
            else:
                self._library.add(
                    Pattern(
                        event.pattern_id, event.fraud_type, event.title, event.text,
                        source="alert", alert_id=event.alert_id,
                    )
                )  # fmt: skip

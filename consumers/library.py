"""The library in force: the seeds that ship with ``patterns``, and what alerts have taught since.

Reads patterns.changed.
"""

import threading
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files

from fenghuo import events as e
from patterns.library import parse_seeds
from patterns.matching import Library
from patterns.model import FraudType, Pattern, Verdict

OTHER = "OTHER"


@cache
def _seeds() -> tuple[tuple[FraudType, tuple[Pattern, ...]], ...]:
    """What each seed file holds, in the order of the files' names."""
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
    """A matcher that may be asked from threads while patterns come and go."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._library = Library(patterns)
        self._library.match([""])  # what is compiled at the first call is ready before the first report
        self._changing = threading.Lock()
        self._changed_at: dict[str, datetime] = {}

    def match(self, texts: Sequence[str]) -> list[tuple[Verdict, Pattern | None]]:
        """A verdict for each text, with the pattern it names, all by one state of the library."""
        return self._library.matched(texts)

    def apply(self, event: e.Event) -> None:
        """Take a pattern in, or out when it is retired; what comes late does not undo what is newer."""
        if not isinstance(event, e.PatternChanged):
            return
        with self._changing:
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

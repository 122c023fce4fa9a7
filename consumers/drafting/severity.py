"""How severe a drafted warning is: by its evidence, never by the guess at its type alone. Pure.

A severe warning rings at night and may override the limits of warnings, so it takes more than three people
who saw the same text: many of them, several towns, a grave text, somebody who is paying. A type that a known
pattern has proved counts; a guessed one does not.
"""

from dataclasses import dataclass
from typing import Literal

_SEVERE = 3
"""Points of a severe warning."""
_PEOPLE = ((5, 1), (10, 2))
_TOWNS = ((2, 1), (4, 2))
_WORST = ((70, 1),)
_PAYING, _PROVED = 2, 2


@dataclass(frozen=True, slots=True)
class Gravity:
    """What counts: reporters that count, towns, the danger of the worst text (0 to 100), reporters who are
    paying or have paid, and whether a known pattern proved the type to be a severe one."""

    reporters: int
    towns: int
    worst: int = 0
    paying: int = 0
    proved: bool = False


def severity_of(seen: Gravity) -> Literal["moderate", "severe"]:
    """The severity of a draft with this evidence."""
    points = (
        _points(seen.reporters, _PEOPLE)
        + _points(seen.towns, _TOWNS)
        + _points(seen.worst, _WORST)
        + _PAYING * (seen.paying > 0)
        + _PROVED * seen.proved
    )
    return "severe" if points >= _SEVERE else "moderate"


def _points(value: int, steps: tuple[tuple[int, int], ...]) -> int:
    return max((points for least, points in steps if value >= least), default=0)

"""A rule of an entity: a regular expression in normalised text, and what a text must have to be searched."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """A text has no match without one of `needs`, nor without `run` digits in a row.

    The value is the one group that took part in the match, else the whole match (for links always).
    """

    kind: str
    expression: str
    needs: tuple[str, ...] = ()
    run: int = 0

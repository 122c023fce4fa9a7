"""The part of a long text that is judged: where the words of fraud stand closest together."""

from functools import cache

import numpy as np

from patterns.data.cues import THEMES
from patterns.data.hook_phrases import SPOKEN
from patterns.text.literals import Literals, needed

JUDGED = 1_000
"""Normalised characters at most that are judged by their words: longer than any bait, and a bound on what one
text costs."""


@cache
def _words() -> Literals:
    return Literals([needed(cue.rule) for cue in THEMES] + [needed(rule) for _, _, rule in SPOKEN])


def telling_part(norm: str) -> str:
    """A normalised text, or of a long one the part of `JUDGED` characters with the most words of themes and
    hooks; of equal ones that of the middle, so that they have something about them."""
    if len(norm) <= JUDGED:
        return norm
    before = np.concatenate([[0], np.cumsum(_words().counts(norm))])
    held = before[JUDGED:] - before[:-JUDGED]
    first = int(np.argmax(held))
    last = first + int(np.argmin(np.append(held[first:] == held[first], np.False_)))
    start = (first + last) // 2 if first else 0
    return norm[start : start + JUDGED]

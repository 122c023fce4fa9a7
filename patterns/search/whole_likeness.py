"""Likeness of whole messages: chooses among the patterns that the index found, and lifts their scores.

Bits in common say how much of a pattern stands in a message; they pass over what the two order differently
and what the message has besides. rapidfuzz compares the two as wholes, letter by letter.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from rapidfuzz import fuzz

from patterns.arrays import F32, F64, Bools
from patterns.kernels.search import LIKENESS_BITS
from patterns.search.pattern_index import Candidates, Hit
from patterns.text.normalise import Folded

WORTH_COMPARING = 15.0
"""Score of the first candidate below which no likeness could make it more than a chance."""
_CHANCE = 40.0
"""Likeness (0 to 100) that two unrelated messages of one length reach."""
_LIFT = 0.4
"""Points for each point of likeness above that."""
_LEAST_BITS = 25.0
"""Shared bits below which a likeness is that of two short texts: as many as a score is smoothed by."""
_LEAST_CODES, _LEAST_WITHOUT_HOOK = 9, 12
"""Folded codes of a message below which it is too short to be lifted; more where the pattern has a link or
number and the message none."""


class Chosen(NamedTuple):
    """The pattern chosen for each message, and its score with the lift of its likeness, 0 to 100."""

    hit: Hit
    lifted: F64


def choose(candidates: Candidates, folded: Folded, hooked: Bools, text_of: Callable[[int], str]) -> Chosen:
    """The candidate of each message that is the most alike by shared bits and as a whole; `hooked` says of
    each slot whether the pattern has a link or account, `text_of` is its folded text."""
    likeness = np.zeros(candidates.slots.shape, np.float32)
    for i in np.flatnonzero(candidates.scores[:, 0] >= WORTH_COMPARING).tolist():
        message = folded.string(i)
        for c, slot in enumerate(candidates.slots[i].tolist()):
            if slot < 0:
                break
            likeness[i, c] = fuzz.ratio(message, text_of(slot))
    order = np.where(candidates.slots >= 0, candidates.ranks + LIKENESS_BITS * likeness, -np.inf)
    places = np.argmax(order, axis=1)
    hit = candidates.chosen(places)
    return Chosen(hit, _lifted(hit, likeness[np.arange(places.size), places], folded, hooked))


def _lifted(hit: Hit, likeness: F32, folded: Folded, hooked: Bools) -> F64:
    missing = np.append(hooked, np.False_)[hit.slots] & (folded.signs[:, 5] + folded.signs[:, 6] == 0)
    codes, least = np.diff(folded.starts), np.where(missing, _LEAST_WITHOUT_HOOK, _LEAST_CODES)
    lift = _LIFT * np.maximum(0.0, likeness.astype(np.float64) - _CHANCE)
    fits = (hit.shared[:, 0] >= _LEAST_BITS) & (codes >= least)
    return np.minimum(100.0, hit.scores.astype(np.float64) + np.where(fits, lift, 0.0))

"""Where two messages of one scam differ: what the sender changed, or a forwarder added.

Compared as normalised, so that another width, case or hidden sign is no difference; a number, a word or a
link differs as a whole.
"""

import re
from functools import cache
from typing import NamedTuple

from rapidfuzz.distance import Indel

from patterns.normalise import Normalised, normalise

Span = tuple[int, int]
_APART = 2
"""Pieces that must be equal in a row to part two differences: one in between is chance."""


class Differences(NamedTuple):
    """Spans of the raw texts, in order and apart, that the other text does not have."""

    exemplar: tuple[Span, ...]
    other: tuple[Span, ...]


class _Run(NamedTuple):
    """Pieces [start:end] of the exemplar in whose place the other text has [other_start:other_end]."""

    start: int
    end: int
    other_start: int
    other_end: int


def differences(exemplar: str, other: str) -> Differences:
    """The spans in which two texts differ, merged into runs that can be read; signs alone are none."""
    ours, theirs = normalise(exemplar), normalise(other)
    own, foreign = _pieces(ours.text), _pieces(theirs.text)
    runs = _runs([x[0] for x in own], [x[0] for x in foreign])
    return Differences(
        _spans(ours, own, [(run.start, run.end) for run in runs]),
        _spans(theirs, foreign, [(run.other_start, run.other_end) for run in runs]),
    )


@cache
def _piece() -> re.Pattern[str]:
    """A link, a number or a Latin word, else a character; blanks are nothing."""
    return re.compile(r"[a-z0-9*]+(?:[\[\].:/\-_?=&@…]+[a-z0-9*]+)*|\S")


def _pieces(text: str) -> list[re.Match[str]]:
    return list(_piece().finditer(text))


def _runs(own: list[str], foreign: list[str]) -> list[_Run]:
    runs: list[_Run] = []
    for op in Indel.opcodes(own, foreign):
        if op.tag == "equal":
            continue
        if runs and op.src_start - runs[-1].end < _APART:
            start, _, other_start, _ = runs.pop()
        else:
            start, other_start = op.src_start, op.dest_start
        runs.append(_Run(start, op.src_end, other_start, op.dest_end))
    return runs


def _spans(norm: Normalised, pieces: list[re.Match[str]], runs: list[Span]) -> tuple[Span, ...]:
    found = []
    for first, behind in runs:
        if any(piece[0][0].isalnum() for piece in pieces[first:behind]):
            found.append(norm.span(pieces[first].start(), pieces[behind - 1].end()))
    return tuple(found)

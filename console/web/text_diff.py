"""The differences between two texts, marked in HTML."""

import difflib
from functools import lru_cache

from markupsafe import Markup, escape

COMPARED = 400
"""Characters of a text that are compared; the rest is not marked."""
CUT_SHOWN = 12
"""Deleted pieces up to this length are shown struck out, longer ones as an ellipsis."""
SHORTEST_MATCH = 2


@lru_cache(maxsize=4096)
def mark_differences(base: str, other: str) -> Markup:
    """``other`` as HTML: what ``base`` does not have in a <mark>, what only ``base`` has in a <del>."""
    a, b = base[:COMPARED], other[:COMPARED]
    parts = [_as_html(*piece) for piece in _pieces(a, b)]
    return Markup("").join([*parts, escape(other[COMPARED:])])


def _pieces(a: str, b: str) -> list[tuple[bool, str, str]]:
    """(same, piece of a, piece of b); matches shorter than SHORTEST_MATCH count as changed."""
    pieces: list[tuple[bool, str, str]] = []
    for kind, a_from, a_to, b_from, b_to in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        same = kind == "equal" and b_to - b_from >= SHORTEST_MATCH
        was, now = a[a_from:a_to], b[b_from:b_to]
        if pieces and not same and not pieces[-1][0]:
            _, was_before, now_before = pieces.pop()
            was, now = was_before + was, now_before + now
        pieces.append((same, was, now))
    return pieces


def _as_html(same: bool, was: str, now: str) -> Markup:
    if same or was == now:
        return escape(now)
    if now:
        return Markup("<mark>{}</mark>").format(now)
    return Markup("<del>{}</del>").format(was if len(was) <= CUT_SHOWN else "…")

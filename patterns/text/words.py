"""Where a Chinese text may be cut: between words, never inside a word or a number.

There is no dictionary to split every sentence by, and none is needed: a cut is allowed only where something
speaks for it, and a wrong no costs a few characters of a quotation.
"""

import re
from collections.abc import Collection
from functools import cache

from patterns.characters.character_facts import is_han

_FUNCTION = frozenset("您你我他她它的了请将已被把及与在是就都也并而则若")
"""Characters that are mostly words of their own; where they are not (现在), the dictionary says so."""
_UNITS = frozenset("元万千百块角分秒小时点天日周月年号岁个次单名位条倍成%")
_LONGEST = 4


@cache
def _dictionary() -> frozenset[str]:
    """Words of two to four characters: the phrases for which pypinyin keeps a reading."""
    from pypinyin.phrases_dict import phrases_dict

    return frozenset(word for word in phrases_dict if 2 <= len(word) <= _LONGEST)


def is_word(text: str, known: Collection[str] = ()) -> bool:
    """Whether ``text`` is in the dictionary or among the ``known`` words."""
    return text in known or text in _dictionary()


def is_between_words(text: str, at: int, known: Collection[str] = ()) -> bool:
    """Whether ``text`` may be cut before its character ``at``; yes at both ends.

    ``known`` are words beyond the dictionary. Between two Han characters a word that lies across forbids it,
    and a function word beside the cut, or words that end and begin there, allow it.
    """
    if at <= 0 or at >= len(text):
        return True
    left, right = text[at - 1], text[at]
    if not (is_han(left) and is_han(right)):
        return not _is_one_number(left, right)
    if _lies_across(text, at, known):
        return False
    return left in _FUNCTION or right in _FUNCTION or _parts_words(text, at, known)


def _is_one_number(left: str, right: str) -> bool:
    """Whether two characters belong to one number, with its unit, or to one Latin word."""
    return bool(re.match(r"[a-z0-9.%]{2}", left + right, re.IGNORECASE)) or (
        left.isdigit() and right in _UNITS
    )


def _lies_across(text: str, at: int, known: Collection[str]) -> bool:
    spans = (
        text[start : start + length]
        for length in range(2, _LONGEST + 1)
        for start in range(max(0, at - length + 1), at)
        if start + length <= len(text)
    )
    return any(is_word(span, known) for span in spans)


def _parts_words(text: str, at: int, known: Collection[str]) -> bool:
    lengths = range(2, _LONGEST + 1)
    ends = any(is_word(text[at - n : at], known) for n in lengths if n <= at)
    return ends and any(is_word(text[at : at + n], known) for n in lengths)

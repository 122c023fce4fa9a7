"""Other ways to read a text that is written to be read otherwise: backwards, down its columns, or by sound
where it is disguised."""

import re
from collections import Counter
from functools import cache
from itertools import zip_longest

from patterns.characters.character_facts import is_han, syllables
from patterns.data.everyday_messages import EVERYDAY

_LONGEST = 400
"""A longer text is not disguised in this way: nobody could read it."""
_LEAST_LINES, _LONGEST_LINE = 3, 8
_ENDS = frozenset("。！？!?；;")


def other_orders(text: str) -> tuple[str, ...]:
    """The texts that a raw text may be when it is read in another order; () for most."""
    if not text or len(text) > _LONGEST:
        return ()
    return (*_backwards(text), *_by_columns(text))


def _backwards(text: str) -> tuple[str, ...]:
    """The text from its end, if it begins as others end, or is marked as running from right to left."""
    if text.lstrip()[:1] in _ENDS or "\u202e" in text:
        return (text[::-1],)
    return ()


def _by_columns(text: str) -> tuple[str, ...]:
    """The columns of short lines from the left and from the right, and the lines as one."""
    if text.count("\n") < _LEAST_LINES - 1:
        return ()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    short = [line for line in lines if len(line) <= _LONGEST_LINE]
    if len(short) < _LEAST_LINES or max(map(len, lines)) > _LONGEST_LINE * 2:
        return ()
    rest = "".join(line for line in lines if len(line) > _LONGEST_LINE)
    columns = ["".join(column) for column in zip_longest(*short, fillvalue="")]
    return "".join(columns) + rest, "".join(reversed(columns)) + rest, "".join(lines)


def undisguised(norm: str) -> str:
    """A normalised text with the signs between its characters dropped, and each character that everyday
    talk does not use replaced by the commonest that sounds like it (茴馈咾顾愙: 回馈老顾客)."""
    plain = _plain_characters()
    return _between().sub("", norm).translate(plain)


@cache
def _between() -> re.Pattern[str]:
    return re.compile(r"(?<=[\u4e00-\u9fff])[^\u4e00-\u9fffa-z0-9,.!?:;，。！？：；\n]+(?=[\u4e00-\u9fff])")


@cache
def _plain_characters() -> dict[int, int]:
    """Characters that no everyday message has, to the commonest one of the same toneless syllable."""
    used = Counter(c for text in EVERYDAY for c in text if is_han(c))
    by_sound: dict[str, str] = {}
    sounds = syllables()
    for char, _ in used.most_common():
        by_sound.setdefault(sounds.get(ord(char), ""), char)
    return {
        code: ord(by_sound[sound])
        for code, sound in sounds.items()
        if chr(code) not in used and sound in by_sound
    }

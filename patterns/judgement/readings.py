"""Other ways to read a text that is written to be read otherwise: backwards, or down its columns."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

_LONGEST = 400
"""A longer text is not disguised in this way: nobody could read it."""
_LEAST_LINES, _LONGEST_LINE = 3, 8
_ENDS = frozenset("。！？!?；;")


def other_readings(texts: Sequence[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """(place, readings) of each text that may be meant otherwise than from left to right."""
    for n, text in enumerate(texts):
        if text and len(text) <= _LONGEST:
            found = (*_backwards(text), *_by_columns(text))
            if found:
                yield n, found


def _backwards(text: str) -> tuple[str, ...]:
    """The text from its end, if it begins as others end, or is marked as running from right to left."""
    if text.lstrip()[:1] in _ENDS or "\u202e" in text:
        return (text[::-1],)
    return ()


def _by_columns(text: str) -> tuple[str, ...]:
    """The columns of short lines from the left and from the right, and the lines as one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) < _LEAST_LINES or max(map(len, lines)) > _LONGEST_LINE * 2:
        return ()
    short = [line for line in lines if len(line) <= _LONGEST_LINE]
    if len(short) < _LEAST_LINES:
        return ()
    rest = "".join(line for line in lines if len(line) > _LONGEST_LINE)
    columns = ["".join(column) for column in zip_longest(*short, fillvalue="")]
    return "".join(columns) + rest, "".join(reversed(columns)) + rest, "".join(lines)

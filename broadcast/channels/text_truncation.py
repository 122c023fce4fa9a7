"""Shortens a warning to what a channel takes, so that what counts still stands: headline, advice, foot."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

GAP = "……"
LONGEST_FOOT = 4
LONGEST_FOOT_LINE = 40
"""Characters; a longer last line is no foot but a sentence."""

_SENTENCE = re.compile(r".*?(?:[。！？!?；;…]+[”’」』）)】\"]*\n?|\n|\Z)", re.DOTALL)
_ADVICE = re.compile(r"\s*[【\[]?[^，。：:\n]{0,6}提醒[】\]]?[：:]")
_HOTLINE = re.compile(r"(?<!\d)(?:96110|110)(?!\d)")
_ENDS = re.compile(r"[。！？!?；;]\s*$")


def truncate(text: str, most_bytes: int) -> str:
    """``text`` in at most ``most_bytes`` bytes of UTF-8.

    Kept whole: the first line (its first sentence, if the line is too long), the advice (the line that
    begins with 提醒：, and the last sentence that names 96110 or 110), and the foot (short last lines:
    issuer, number, check code). Of the others as many sentences as there is room for, from the beginning; ……
    stands where some were left out. Raises ValueError when even what must be kept is too long.
    """
    if len(text.encode()) <= most_bytes:
        return text
    pieces, lines = _cut(text)
    fitted = _joined(pieces, {0} | _must_stay(pieces, lines), most_bytes)
    if fitted is not None:
        return fitted
    raise ValueError(f"headline, advice and foot alone are longer than {most_bytes} bytes")


def _cut(text: str) -> tuple[list[str], list[int]]:
    """The sentences of ``text``, each with the line break behind it, and the number of the line each is
    in."""
    pieces = [x for x in _SENTENCE.findall(text) if x]
    lines = [0, *accumulate(x.count("\n") for x in pieces)]
    return pieces, lines[:-1]


def _must_stay(pieces: Sequence[str], lines: Sequence[int]) -> set[int]:
    """Which pieces are advice or foot."""
    whole: dict[int, str] = {}
    for piece, line in zip(pieces, lines, strict=True):
        whole[line] = whole.get(line, "") + piece
    keep = {line for line, said in whole.items() if _ADVICE.match(said)} | _foot(whole)
    named = [n for n, piece in enumerate(pieces) if _HOTLINE.search(piece)]
    return {n for n, line in enumerate(lines) if line in keep} | set(named[-1:])


def _foot(whole: dict[int, str]) -> set[int]:
    """The lines at the end that are short and no sentences; never the first."""
    foot: set[int] = set()
    for line in sorted(whole, reverse=True)[:LONGEST_FOOT]:
        said = whole[line].strip()
        if line == 0 or len(said) > LONGEST_FOOT_LINE or _ENDS.search(said):
            break
        foot.add(line)
    return foot


def _joined(pieces: Sequence[str], must: set[int], most_bytes: int) -> str | None:
    """``must`` and as many of the other pieces, from the first on, as fit; None if ``must`` alone does
    not."""
    others = [n for n in range(len(pieces)) if n not in must]
    sums = list(accumulate((len(pieces[n].encode()) for n in others), initial=0))
    room = most_bytes - sum(len(pieces[n].encode()) for n in must)
    for count in range(bisect_right(sums, room) - 1, -1, -1):
        fitted = _with_gaps(pieces, must | set(others[:count]))
        if len(fitted.encode()) <= most_bytes:
            return fitted
    return None


def _with_gaps(pieces: Sequence[str], kept: set[int]) -> str:
    """The kept pieces in order; one …… for each run of others, with its line break if it ended a line."""
    said: list[str] = []
    for n, piece in enumerate(pieces):
        if n in kept:
            said.append(piece)
        elif n + 1 in kept or n + 1 == len(pieces):
            said.append(GAP + ("\n" if piece.endswith("\n") else ""))
    return "".join(said)

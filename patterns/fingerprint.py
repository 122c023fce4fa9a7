"""Cut a folded text into grams and weigh each by how much it tells.

Chinese and marks give bigrams, words give trigrams. A gram's weight is its rarity in bits, log2(N / df), over
a small everyday background and, for a library, its patterns.
"""

import re
from functools import cache
from math import log2

from patterns.background import EVERYDAY
from patterns.characters import CLOSE, LINK
from patterns.normalise import fold

BACKGROUND_WEIGHT = 1
"""How many unseen everyday messages each line of the background stands for."""
MARKS = "".join(map(chr, range(LINK, CLOSE + 1)))


@cache
def _words() -> re.Pattern[str]:
    """A stretch of three Latin words or more."""
    return re.compile(rf"[a-z'{MARKS}]++(?: [a-z'{MARKS}]++){{2,}}")


def _cut(piece: str, size: int) -> list[str]:
    return [piece[i : i + size] for i in range(len(piece) - size + 1)]


def grams(folded: str) -> tuple[str, ...]:
    """The distinct grams of a folded text in order of place: trigrams of stretches of words, else bigrams."""
    if " " not in folded:
        return tuple(dict.fromkeys(_cut(folded, 2)))
    found, last = [], 0
    for stretch in _words().finditer(folded):
        found += _cut(folded[last : stretch.start()], 2) + _cut(stretch[0], 3)
        last = stretch.end()
    return tuple(dict.fromkeys(found + _cut(folded[last:], 2)))


def informative(folded: str) -> int:
    """How many characters say something; three Latin letters count as one, marks as none."""
    latin = sum("a" <= c <= "z" for c in folded)
    return latin // 3 + sum(not c.isascii() and c not in MARKS for c in folded)


@cache
def background() -> dict[str, int]:
    """Everyday grams and in how many background messages each is met."""
    counts: dict[str, int] = {}
    for line in EVERYDAY:
        for gram in grams(fold(line)):
            counts[gram] = counts.get(gram, 0) + BACKGROUND_WEIGHT
    return counts


def background_size() -> int:
    """How many messages the background stands for."""
    return len(EVERYDAY) * BACKGROUND_WEIGHT


def weight(gram: str, frequency: int, size: int) -> float:
    """Bits that a gram tells, given its frequency among `size` texts besides the background."""
    everyday = background().get(gram, 0)
    return max(0.1, log2((background_size() + size + 1) / (everyday + frequency + 0.5)))

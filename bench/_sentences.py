"""Invented patterns and messages in any number, for benchmarks, that share word sequences as real ones do.

A pattern is spliced from clauses of the seeds and from clauses of a chain of characters with rare words in
them. A message of 80 characters then meets some 350 postings for each 1,000 patterns held (real spam text
messages: 220), so the index has more to do than in earnest.
"""

import random
import re
from collections import defaultdict
from itertools import pairwise

from consumers.live_library import seed_patterns
from patterns.data.everyday_messages import EVERYDAY
from patterns.text.slots import example

FORWARDED, CHAINED, RARE = 0.25, 0.75, 0.3
"""Share of messages that hold a pattern; of clauses from the chain; of its characters that are any common
one."""
LENGTH = 80
_COMMON = b"".join(bytes((row, cell)) for row in range(0xB0, 0xD7) for cell in range(0xA1, 0xFF)).decode(
    "gb2312"
)


def clauses(text: str) -> list[str]:
    """The clauses of a text that have 5 to 30 characters."""
    return [c for c in re.split("[，。！？；]", text) if 5 <= len(c) <= 30]


class Sentences:
    """The same seed gives the same texts."""

    def __init__(self, seed: int = 7) -> None:
        self._random = random.Random(seed)
        self._scams = [c for p in seed_patterns() for c in clauses(example(p.text))]
        self._talk = [c for line in EVERYDAY for c in clauses(line)]
        self._next = defaultdict[str, list[str]](list)
        for clause in self._scams + self._talk:
            for a, b in pairwise(clause):
                self._next[a].append(b)

    def _chained(self) -> str:
        r, text = self._random, ""
        while len(text) < r.randint(6, 14):
            follows = self._next.get(text[-1:])
            text += r.choice(_COMMON) if not follows or r.random() < RARE else r.choice(follows)
        return text

    def pattern(self) -> str:
        """A pattern of about 60 characters with a hook."""
        r = self._random
        hook = r.choice(
            [
                f"点 {r.randrange(10**6)}.example.com",
                f"加微信k{r.randrange(10**8)}",
                f"扣{r.randrange(10**8, 10**9)}",
                "扫码进群",
            ]
        )
        count = r.randint(3, 6)
        parts = [self._chained() if r.random() < CHAINED else r.choice(self._scams) for _ in range(count)]
        return "，".join([*parts, hook])

    def message(self, patterns: list[str]) -> tuple[str, int]:
        """80 characters and the place of the pattern in them: one of four holds one, altered here and there;
        the others are everyday talk (-1)."""
        r, text, place = self._random, "", -1
        if r.random() < FORWARDED:
            place = r.randrange(len(patterns))
            altered = list(patterns[place])
            for _ in range(r.randint(0, 4)):
                altered[r.randrange(len(altered))] = r.choice(_COMMON)
            text = "".join(altered)
        while len(text) < LENGTH:
            text += ("，" if text else "") + (r.choice(self._talk) if r.random() < 0.6 else self._chained())
        return text[:LENGTH], place

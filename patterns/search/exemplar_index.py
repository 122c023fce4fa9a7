"""The texts that stand for clusters, in memory: an index that grows in place and reuses what is dropped.

What it answers depends on what is held, not on how that came to be held. Clusters have numbers here, small
integers that are reused.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from patterns.arrays import F32, I32, I64, U64, Bools
from patterns.data.everyday_messages import EVERYDAY, STOCK
from patterns.kernels import cluster as kernels
from patterns.kernels.cluster import (
    BLOCK,
    BLOCKS,
    BUCKETS,
    CANDIDATES,
    CHUNKS,
    CODES,
    COUNTERS,
    FREE_NODE,
    FREE_SLOT,
    KEYS,
    KEYS_USED,
    LONGEST,
    NODES,
    POOL,
    POOL_WANTED,
    SLOTS,
    VALUES_USED,
    ExemplarStore,
    Limits,
)
from patterns.text.normalise import Folded, clean_batch, fold_batch

STOCK_WEIGHT = 300
"""How many everyday messages each stock phrase stands for."""
MOST_LINKS = 80
"""Clusters that are looked at for the indicators of one text."""
_BY_SLOT = ("at", "length", "total", "owner", "after", "indexed", "shared")
_BY_NUMBER = ("size", "tie", "first", "marks")
_BY_NODE = ("node_value", "node_number", "node_next", "node_before", "node_after")


class Places(NamedTuple):
    """Where the texts of a batch went, a row each.

    numbers: of the cluster, -1 if the text says too little to be held. scores: 0 to 1, likeness to the
    closest exemplar. exemplars: whether it became one. links, near: clusters that share an indicator with it,
    and those (its own too) that it is close enough to join; -1 behind the last.
    """

    numbers: I32
    scores: F32
    exemplars: Bools
    links: I32
    near: I32


@cache
def gram_bits() -> F32:
    """Information of each gram: log2 of how rare it is among everyday messages, at least a tenth of a bit.

    By the background alone, so that what else is held, or was forgotten, changes no likeness.
    """
    counts = np.zeros(BUCKETS, np.int32)
    for texts, weight in ((EVERYDAY, 1), (STOCK, STOCK_WEIGHT)):
        folded = fold_batch(clean_batch(texts))
        kernels.count(folded.codes, folded.starts, weight, counts)
    rarity = np.log2((len(EVERYDAY) + 1) / (np.arange(int(counts.max()) + 1) + 0.5))
    bits: F32 = np.maximum(rarity, 0.1).astype(np.float32)[counts]
    return bits


class Exemplars:
    """Exemplars by the number of their cluster."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._held = _nothing()
        self._numbers = 0
        self._free: list[int] = []

    def __len__(self) -> int:
        """How many clusters have an exemplar."""
        return int(np.count_nonzero(self._held.size[: self._numbers]))

    @property
    def nbytes(self) -> int:
        """Bytes that all arrays take."""
        return sum(array.nbytes for array in self._held)

    def new(self, ties: Sequence[int]) -> I32:
        """Numbers of clusters without exemplars; of equally close ones the lower tie wins."""
        reused = [self._free.pop() for _ in range(min(len(ties), len(self._free)))]
        fresh = len(ties) - len(reused)
        self._grow(_BY_NUMBER, self._numbers + fresh)
        numbers = np.array([*reused, *range(self._numbers, self._numbers + fresh)], np.int32)
        self._numbers += fresh
        held = self._held
        held.size[numbers], held.tie[numbers] = 0, np.array(ties, np.uint64)
        held.first[numbers] = held.marks[numbers] = -1
        return numbers

    def give_back(self, numbers: Iterable[int]) -> None:
        """Numbers that hold nothing may be used again."""
        self._free += numbers

    def place(self, folded: Folded, numbers: I32, *, join: bool = True) -> Places:
        """Put each text, in order, where it belongs: with the closest exemplar, or under its own number.

        Without `join` each becomes an exemplar under its number.
        """
        count = numbers.size
        places = Places(
            np.empty(count, np.int32), np.zeros(count, np.float32), np.zeros(count, np.bool_),
            np.full((count, MOST_LINKS), -1, np.int32), np.full((count, CANDIDATES), -1, np.int32),
        )  # fmt: skip
        done = 0
        while True:
            done = kernels.place(
                folded.codes, folded.starts, folded.signs, folded.extras, folded.extra_starts, numbers, done,
                self._held, gram_bits(), self._limits, join, *places,
            )  # fmt: skip
            if done == count:
                return places
            self._make_room(self._limits.indicators)

    def mark(self, number: int, values: U64) -> None:
        """Note that a cluster carries indicators."""
        self._make_room(values.size)
        kernels.mark(self._held, number, values, self._limits.indicators)

    def drop(self, number: int) -> None:
        """Forget the exemplars of a cluster."""
        kernels.drop(self._held, number, gram_bits(), self._limits.telling_bits)

    def unmark(self, number: int) -> None:
        """Forget the indicators of a cluster."""
        kernels.unmark(self._held, number)

    def _make_room(self, values: int) -> None:
        """Let grow what may be too small for one more text with so many indicators."""
        counters: I64 = self._held.counters
        self._grow(_BY_SLOT, int(counters[SLOTS]) + (counters[FREE_SLOT] < 0))
        self._grow(("codes",), int(counters[CODES]) * BLOCK + LONGEST)
        self._grow(("pool",), int(counters[POOL] + counters[POOL_WANTED]))
        self._grow(_BY_NODE, int(counters[NODES]) + values)
        self._spread("keys", int(counters[KEYS_USED]) + KEYS)
        self._spread("values", int(counters[VALUES_USED]) + values)

    def _grow(self, names: Sequence[str], needed: int) -> None:
        size = getattr(self._held, names[0]).size
        if needed > size:
            more = max(needed, size + size // 2) - size
            self._held = self._held._replace(
                **{name: np.pad(getattr(self._held, name), (0, more)) for name in names}
            )

    def _spread(self, name: str, needed: int) -> None:
        """Double a table that would be more than three quarters full."""
        table = getattr(self._held, name)
        size = table.size
        while 4 * needed >= 3 * size:
            size *= 2
        if size > table.size:
            larger = np.zeros(size, np.uint64)
            kernels.move(table, larger)
            self._held = self._held._replace(**{name: larger})


def _nothing() -> ExemplarStore:
    i32, some, table = np.int32, 16, 64
    counters = np.zeros(COUNTERS, np.int64)
    counters[[FREE_SLOT, FREE_NODE]] = -1
    return ExemplarStore(
        at=np.zeros(some, i32), length=np.zeros(some, i32), total=np.zeros(some, np.float32),
        owner=np.zeros(some, i32), after=np.zeros(some, i32), indexed=np.zeros(some, np.uint8),
        shared=np.zeros(some, np.uint8), codes=np.zeros(some, np.uint16),
        code_free=np.full(BLOCKS + 1, -1, i32), keys=np.zeros(table, np.uint64),
        pool=np.zeros(some, i32), pool_free=np.full(CHUNKS, -1, i32),
        size=np.zeros(some, i32), tie=np.zeros(some, np.uint64),
        first=np.zeros(some, i32), marks=np.zeros(some, i32), values=np.zeros(table, np.uint64),
        node_value=np.zeros(some, np.uint64), node_number=np.zeros(some, i32), node_next=np.zeros(some, i32),
        node_before=np.zeros(some, i32), node_after=np.zeros(some, i32), counters=counters,
    )  # fmt: skip

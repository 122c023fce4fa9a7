"""The exemplars of clusters in memory: an index that grows in place and reuses the space of what is dropped.

Its answers depend on the exemplars it holds, not on the order in which they were added or dropped. A cluster
has a number here, a small integer that is reused.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from patterns.arrays import F32, I32, I64, U64, Bools
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
    ClusterLimits,
    ExemplarStore,
)
from patterns.search.background_weights import EVERYDAY_SIZE, everyday_counts, information
from patterns.text.normalise import Folded

MOST_LINKS = 80
"""Clusters that are looked at for the indicators of one text."""
_BY_SLOT = ("at", "length", "total", "owner", "after", "indexed", "shared")
_BY_NUMBER = ("size", "tie", "first", "marks")
_BY_NODE = ("node_value", "node_number", "node_next", "node_before", "node_after")


class Places(NamedTuple):
    """Where the texts of a batch went, a row each.

    numbers: of the cluster, -1 if the text says too little to be indexed. scores: 0 to 1, likeness to the
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
    """Information of each gram, by the background alone, so that what else is held, or was forgotten, changes
    no likeness."""
    return information(everyday_counts(_add_counts, BUCKETS), EVERYDAY_SIZE)


def _add_counts(folded: Folded, weight: int, counts: I32) -> None:
    kernels.count(folded.codes, folded.starts, weight, counts)


class Exemplars:
    """Exemplars by the number of their cluster."""

    def __init__(self, limits: ClusterLimits) -> None:
        self._limits = limits
        self._store = _empty_store()
        self._numbers = 0
        self._free: list[int] = []

    def __len__(self) -> int:
        """How many clusters have an exemplar."""
        return int(np.count_nonzero(self._store.size[: self._numbers]))

    @property
    def nbytes(self) -> int:
        """Bytes that all arrays take."""
        return sum(array.nbytes for array in self._store)

    def new(self, ties: Sequence[int]) -> I32:
        """Numbers for new clusters, still without exemplars; of equally close clusters the lower tie wins."""
        reused = [self._free.pop() for _ in range(min(len(ties), len(self._free)))]
        fresh = len(ties) - len(reused)
        self._grow(_BY_NUMBER, self._numbers + fresh)
        numbers = np.array([*reused, *range(self._numbers, self._numbers + fresh)], np.int32)
        self._numbers += fresh
        store = self._store
        store.size[numbers], store.tie[numbers] = 0, np.array(ties, np.uint64)
        store.first[numbers] = store.marks[numbers] = -1
        return numbers

    def give_back(self, numbers: Iterable[int]) -> None:
        """Free the numbers of clusters without exemplars and indicators."""
        self._free += numbers

    def place(self, folded: Folded, numbers: I32, *, join: bool = True) -> Places:
        """Put each text, in order, into the cluster of the closest exemplar, or else into that of its own
        number.

        Without `join` each text becomes an exemplar of the cluster of its own number.
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
                self._store, gram_bits(), self._limits, join, *places,
            )  # fmt: skip
            if done == count:
                return places
            self._make_room(self._limits.indicators)

    def mark(self, number: int, values: U64) -> None:
        """Note that a cluster carries indicators."""
        self._make_room(values.size)
        kernels.mark(self._store, number, values, self._limits.indicators)

    def drop(self, number: int) -> None:
        """Remove the exemplars of a cluster."""
        kernels.drop(self._store, number, gram_bits(), self._limits.telling_bits)

    def unmark(self, number: int) -> None:
        """Remove the indicators of a cluster."""
        kernels.unmark(self._store, number)

    def _make_room(self, values: int) -> None:
        """Grow the arrays that may be too small for one more text with so many indicators."""
        counters: I64 = self._store.counters
        self._grow(_BY_SLOT, int(counters[SLOTS]) + (counters[FREE_SLOT] < 0))
        self._grow(("codes",), int(counters[CODES]) * BLOCK + LONGEST)
        self._grow(("pool",), int(counters[POOL] + counters[POOL_WANTED]))
        self._grow(_BY_NODE, int(counters[NODES]) + values)
        self._spread("keys", int(counters[KEYS_USED]) + KEYS)
        self._spread("values", int(counters[VALUES_USED]) + values)

    def _grow(self, names: Sequence[str], needed: int) -> None:
        size = getattr(self._store, names[0]).size
        if needed > size:
            more = max(needed, size + size // 2) - size
            self._store = self._store._replace(
                **{name: np.pad(getattr(self._store, name), (0, more)) for name in names}
            )

    def _spread(self, name: str, needed: int) -> None:
        """Double a table that would be more than three quarters full."""
        table = getattr(self._store, name)
        size = table.size
        while 4 * needed >= 3 * size:
            size *= 2
        if size > table.size:
            larger = np.zeros(size, np.uint64)
            kernels.move(table, larger)
            self._store = self._store._replace(**{name: larger})


def _empty_store() -> ExemplarStore:
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

"""An inverted index from grams to patterns that is the scorer itself: finds, for each folded message, the
pattern most of whose information it holds, and how much, in one pass over a batch.

Immutable: `with_change` returns a new index, so a reader keeps the one it began with. Patterns
added since the last full build are in a short tail with its own postings; the weights are always those of all
patterns in the index.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from patterns.arrays import F32, I32, I64, U32, U64, Bools
from patterns.kernels import search as kernels
from patterns.kernels.search import BITS, BUCKETS
from patterns.search.background_weights import EVERYDAY_SIZE, everyday_counts, information
from patterns.text.normalise import Folded

SMALL, LEAST_BUDGET, MOST_BUDGET, PATTERNS_A_POSTING = 4_096, 1_024, 4_096, 24
"""Postings that are added up for one message: the most in a library smaller than SMALL, else one for so many
patterns held, within these bounds. What that misses is measured in bench/match.py."""
TAIL = 512
"""Patterns that may stand in the tail before it is merged."""


class _Tables(NamedTuple):
    """What the search reads. Slots are places of patterns; CSR rows are [starts[i]:starts[i + 1]]."""

    grams: I32
    starts: I64
    totals: F32
    hooked: Bools
    ties: U64
    bits: F32
    df: I32
    heads: I32
    slots: U32
    tail_heads: I32
    tail_slots: U32
    extra_bits: F32
    extra_heads: I32
    extra_slots: U32


@dataclass(frozen=True, slots=True)
class Hit:
    """The best patterns of a batch, a row a message.

    slots: int32, -1 where no pattern shares anything. scores: float32, 0 to 100. shared: bits of the
    pattern found in the message, and of its links, accounts and hidden signs. spans: first and behind the
    last folded code that is compared. behind: how many folded codes follow the span.
    """

    slots: I32
    scores: F32
    shared: F32
    spans: I32
    behind: I32


class Candidates(NamedTuple):
    """The patterns that were compared with each message of a batch, at most `BEST`, the best by rank first.

    slots: int32, messages x BEST, -1 behind the last. rows: float32, messages x BEST x 7, the columns of
    `kernels.search`.
    """

    slots: I32
    rows: F32

    @property
    def ranks(self) -> F32:
        """What the candidates are ordered by: shared bits less the price of absent ones."""
        return self.rows[:, :, 0]

    @property
    def scores(self) -> F32:
        """0 to 100, by information alone."""
        return self.rows[:, :, 1]

    def chosen(self, places: I64) -> Hit:
        """One candidate of each message, by its place."""
        each = np.arange(self.slots.shape[0])
        rows = self.rows[each, places]
        return Hit(
            self.slots[each, places],
            rows[:, 1],
            rows[:, 2:4],
            rows[:, 4:6].astype(np.int32),
            rows[:, 6].astype(np.int32),
        )


@dataclass(frozen=True, slots=True)
class Index:
    """The grams of patterns by slot; a retired one leaves its slot empty."""

    grams: I32
    starts: I64
    extras: I32
    extra_starts: I64
    hooked: Bools
    ties: U64
    alive: Bools
    merged: int
    """Slots below are in the main postings, the others in the tail."""
    heads: I32
    slots: U32
    tables: _Tables

    def __len__(self) -> int:
        return int(self.alive.sum())

    @property
    def nbytes(self) -> int:
        """Bytes that all arrays take."""
        return sum(array.nbytes for array in (*self.tables, self.extras, self.extra_starts, self.alive))

    def candidates(self, folded: Folded, *, exhaustive: bool = False) -> Candidates:
        """The best patterns of every message, from one state of the index; safe in any number of threads.

        `exhaustive` adds up every posting, for measuring what the budget misses.
        """
        return Candidates(*kernels.search(
            folded.codes, folded.starts, folded.signs, _extra_buckets(folded.extras), folded.extra_starts,
            self.tables, 2**62 if exhaustive else _budget(self.alive.size),
        ))  # fmt: skip

    def search(self, folded: Folded, *, exhaustive: bool = False) -> Hit:
        """The best pattern of every message by rank alone."""
        return self.candidates(folded, exhaustive=exhaustive).chosen(
            np.zeros(folded.starts.size - 1, np.int64)
        )

    def with_change(self, added: Folded, ties: Sequence[int], removed: Iterable[int]) -> "Index":
        """An index with patterns more, in the next slots, and without the slots in `removed`."""
        grams, starts = distinct_grams(added)
        alive = np.concatenate([self.alive, np.ones(len(ties), np.bool_)])
        alive[list(removed)] = False
        return _build(
            np.concatenate([self.grams, grams]), np.concatenate([self.starts, starts[1:] + self.starts[-1]]),
            np.concatenate([self.extras, _extra_buckets(added.extras)]),
            np.concatenate([self.extra_starts, added.extra_starts[1:] + self.extra_starts[-1]]),
            np.concatenate([self.hooked, added.signs[:, 5] + added.signs[:, 6] > 0]),
            np.concatenate([self.ties, np.array(ties, np.uint64)]), alive, self,
        )  # fmt: skip


def _budget(held: int) -> int:
    return MOST_BUDGET if held < SMALL else min(max(held // PATTERNS_A_POSTING, LEAST_BUDGET), MOST_BUDGET)


def _extra_buckets(extras: U64) -> I32:
    return ((extras * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - BITS)).astype(np.int32)


def distinct_grams(folded: Folded) -> tuple[I32, I64]:
    """The distinct grams (buckets, ascending) of every text and where each text's begin."""
    grams = np.empty(folded.codes.size, np.int32)
    starts = np.zeros(folded.starts.size, np.int64)
    return grams[: kernels.distinct(folded.codes, folded.starts, grams, starts)].copy(), starts


@cache
def _everyday() -> I32:
    """How many everyday messages hold each gram."""
    return everyday_counts(_add_counts, BUCKETS)


def _add_counts(folded: Folded, weight: int, counts: I32) -> None:
    grams, starts = distinct_grams(folded)
    kernels.count(grams, np.full(starts.size - 1, weight, np.int32), starts, counts)


def _row_postings(grams: I32, starts: I64, first: int, alive: Bools) -> tuple[I32, U32]:
    heads = np.zeros(BUCKETS + 1, np.int32)
    slots = np.empty(int(starts[-1] - starts[first]), np.uint32)
    kernels.postings(grams, starts, first, alive, heads, slots)
    return heads, slots[: heads[-1]]


def _build(  # noqa: PLR0917 - the columns of the index, in its order
    grams: I32, starts: I64, extras: I32, extra_starts: I64, hooked: Bools, ties: U64, alive: Bools,
    before: "Index | None",
) -> Index:  # fmt: skip
    """An index of all slots; the main postings are those of `before` while the tail behind them is short."""
    weights = alive.astype(np.int32)
    df, extra_df = np.zeros(BUCKETS, np.int32), np.zeros(BUCKETS, np.int32)
    kernels.count(grams, weights, starts, df)
    kernels.count(extras, weights, extra_starts, extra_df)
    size = EVERYDAY_SIZE + weights.sum()
    bits = information(_everyday() + df, size)
    totals = np.empty(alive.size, np.float32)
    kernels.totals(grams, starts, bits, totals)
    totals[~alive] = np.inf
    if before is not None and alive.size - before.merged <= TAIL:
        merged, heads, slots = before.merged, before.heads, before.slots
    else:
        merged = alive.size
        heads, slots = _row_postings(grams, starts, 0, alive)
    tail_heads, tail_slots = _row_postings(grams, starts, merged, alive) if merged < alive.size else _NO_TAIL
    tables = _Tables(
        grams, starts, totals, hooked, ties, bits, df, heads, slots, tail_heads, tail_slots,
        information(extra_df, size), *_row_postings(extras, extra_starts, 0, alive),
    )  # fmt: skip
    return Index(grams, starts, extras, extra_starts, hooked, ties, alive, merged, heads, slots, tables)


_NO_TAIL = (np.zeros(0, np.int32), np.zeros(0, np.uint32))


def empty_index() -> Index:
    """An index of no pattern."""
    none, start = np.zeros(0, np.int32), np.zeros(1, np.int64)
    return _build(
        none, start, none, start, np.zeros(0, np.bool_), np.zeros(0, np.uint64), np.zeros(0, np.bool_), None
    )

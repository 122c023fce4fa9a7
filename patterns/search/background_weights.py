"""How common each gram is in everyday messages, and how much information a gram carries for that.

Both indexes weigh their grams against this background; each cuts grams in its own way and counts them by its
own kernel.
"""

from collections.abc import Callable

import numpy as np

from patterns.arrays import F32, I32
from patterns.data.everyday_messages import EVERYDAY, STOCK
from patterns.text.normalise import Folded, clean_batch, fold_batch

EVERYDAY_SIZE = float(len(EVERYDAY))
"""How many texts the background counts as."""
STOCK_WEIGHT = 300
"""How many everyday messages each stock phrase stands for: carriers' notes, ways to unsubscribe,
forwarders' talk."""
_LEAST_BITS = 0.1

AddCounts = Callable[[Folded, int, I32], None]
"""Adds to the counts (the last argument) of each text's distinct grams the weight of one text."""


def everyday_counts(add: AddCounts, buckets: int) -> I32:
    """How many everyday messages hold each gram, by bucket."""
    counts = np.zeros(buckets, np.int32)
    for texts, weight in ((EVERYDAY, 1), (STOCK, STOCK_WEIGHT)):
        add(fold_batch(clean_batch(texts)), weight, counts)
    return counts


def information(counts: I32, size: float) -> F32:
    """Bits of each gram: log2 of how rare it is among ``size`` texts, at least a tenth of a bit."""
    rarity = np.log2((size + 1) / (np.arange(int(counts.max()) + 1) + 0.5))
    bits: F32 = np.maximum(rarity, _LEAST_BITS).astype(np.float32)[counts]
    return bits

"""Put unmatched messages of one district into clusters as they come: stars, not chains.

A message joins the cluster of the exemplar it is closest to, if close enough; else it founds one. Members are
compared with exemplars only, and a cluster has few of them, so clusters cannot snowball.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from rapidfuzz import fuzz

from patterns.fingerprint import background, grams, informative, weight
from patterns.normalise import fold

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """When messages belong together; scores are 0 to 100.

    join: cosine of the weighted grams; lower finds more, but from 54 down strangers join.
    join_weak: enough when rapidfuzz aligns the two texts as well as join_aligned (talk around a forward).
    further_exemplar: a member less alike than this becomes an exemplar itself, up to max_exemplars.
    min_informative: characters that say something; a text with fewer stands alone (greetings, codes).
    min_bits_per_gram: everyday chatter is made of common grams; below this mean only a near-copy joins.
    near_copy: what "near-copy" means, as a cosine.
    """

    join: float = 58.0
    join_weak: float = 44.0
    join_aligned: float = 66.0
    further_exemplar: float = 82.0
    max_exemplars: int = 4
    min_informative: int = 8
    min_bits_per_gram: float = 7.0
    near_copy: float = 90.0


@dataclass(frozen=True, slots=True)
class Exemplar:
    """A message that stands for its cluster."""

    item_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a message went; `score` is its likeness (0 to 100) to the closest exemplar, 0 if none."""

    cluster_id: str
    is_new: bool
    score: float
    exemplar: bool


class Clusterer:
    """The clusters of one district, in memory. The same messages in the same order give the same clusters."""

    def __init__(self, config: ClusterConfig | None = None) -> None:
        self._config = config or ClusterConfig()
        self._index = _Postings()
        self._slots: dict[str, list[int]] = {}
        self._cluster: dict[int, str] = {}
        self._folded: dict[int, str] = {}
        self._bits: Floats = np.full(64, np.inf)

    def __len__(self) -> int:
        return len(self._slots)

    def restore(self, cluster_id: str, exemplars: Sequence[str]) -> None:
        """Hold a cluster again by the texts of its exemplars, in their order; replaces one of the same id."""
        self.forget(cluster_id)
        self._slots[cluster_id] = []
        for folded in map(fold, exemplars):
            if informative(folded) >= self._config.min_informative:
                self._exemplify(cluster_id, folded)

    def forget(self, cluster_id: str) -> None:
        """Drop a cluster; nothing happens if it is not held."""
        for slot in self._slots.pop(cluster_id, ()):
            self._index.remove(slot)
            self._bits[slot] = np.inf
            del self._cluster[slot], self._folded[slot]

    def place(self, item_id: str, text: str) -> Placement:
        """Put one message into a cluster, founding "c-" + item_id when none is close."""
        folded = fold(text)
        own = "c-" + item_id
        if informative(folded) < self._config.min_informative:
            self._slots.setdefault(own, [])
            return Placement(own, True, 0.0, False)
        found = grams(folded)
        bits = [_bits(g) for g in found]
        slot, score = self._closest(found, bits)
        if slot is not None and self._joins(slot, folded, score, sum(bits) / len(bits)):
            return self._join(self._cluster[slot], folded, score)
        self._slots.setdefault(own, [])
        self._exemplify(own, folded)
        return Placement(own, True, score, True)

    def _join(self, cluster_id: str, folded: str, score: float) -> Placement:
        limit = self._config
        adds = score < limit.further_exemplar and len(self._slots[cluster_id]) < limit.max_exemplars
        if adds:
            self._exemplify(cluster_id, folded)
        return Placement(cluster_id, False, score, adds)

    def _closest(self, found: Sequence[str], bits: Sequence[float]) -> tuple[int | None, float]:
        shared = self._index.sums(found, bits)
        if not shared.size or shared.max() <= 0:
            return None, 0.0
        scores = np.round(100 * shared / np.sqrt(self._bits[: shared.size] * sum(bits)), 1)
        top = scores.max()
        slot = min((int(s) for s in np.flatnonzero(scores == top)), key=lambda s: (self._cluster[s], s))
        return slot, min(100.0, float(top))

    def _joins(self, slot: int, folded: str, score: float, mean_bits: float) -> bool:
        limit = self._config
        if mean_bits < limit.min_bits_per_gram:
            return score >= limit.near_copy
        if score >= limit.join:
            return True
        return (
            score >= limit.join_weak and fuzz.partial_ratio(self._folded[slot], folded) >= limit.join_aligned
        )

    def _exemplify(self, cluster_id: str, folded: str) -> None:
        found = grams(folded)
        if not found:
            return
        slot = self._index.add(found)
        if slot >= self._bits.size:
            self._bits = np.concatenate([self._bits, np.full(self._bits.size, np.inf)])
        self._bits[slot] = sum(_bits(g) for g in found)
        self._cluster[slot], self._folded[slot] = cluster_id, folded
        self._slots[cluster_id].append(slot)


@cache
def _unseen_bits() -> float:
    return weight("", 0, 0)


def _bits(gram: str) -> float:
    """From the fixed background alone, so a restored clusterer decides as the stopped one would."""
    return weight(gram, 0, 0) if gram in background() else _unseen_bits()


class _Postings:
    """Grams to the slots that hold them. A slot is a small integer; freed slots are reused."""

    def __init__(self) -> None:
        self._postings: dict[str, array[int]] = {}
        self._held: dict[int, tuple[str, ...]] = {}
        self._free: list[int] = []
        self.slots = 0

    def __len__(self) -> int:
        return len(self._held)

    def add(self, grams: tuple[str, ...]) -> int:
        """Hold distinct grams; returns their slot."""
        slot = self._free.pop() if self._free else self.slots
        self.slots = max(self.slots, slot + 1)
        self._held[slot] = grams
        for gram in grams:
            self._postings.setdefault(gram, array("I")).append(slot)
        return slot

    def remove(self, slot: int) -> None:
        """Forget a slot; KeyError if it is not held."""
        for gram in self._held.pop(slot):
            posting = self._postings[gram]
            posting.remove(slot)
            if not posting:
                del self._postings[gram]
        self._free.append(slot)

    def frequency(self, gram: str) -> int:
        """How many slots hold the gram."""
        return len(self._postings.get(gram, ()))

    def sums(self, grams: Sequence[str], weights: Sequence[float]) -> Floats:
        """For each slot, the summed weight of the given grams that it holds: float64, length `slots`."""
        lists, kept = [], []
        for gram, bits in zip(grams, weights, strict=True):
            posting = self._postings.get(gram)
            if posting:
                lists.append(posting)
                kept.append(bits)
        if not lists:
            return np.zeros(self.slots)
        slots = np.frombuffer(b"".join(lists), dtype=np.uintc)
        spread = np.repeat(kept, [len(p) for p in lists])
        return np.bincount(slots, weights=spread, minlength=self.slots).astype(np.float64, copy=False)

    def grams(self) -> tuple[str, ...]:
        """Every gram held, in order of first add."""
        return tuple(self._postings)

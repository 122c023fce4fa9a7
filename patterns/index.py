"""An inverted index from grams to slots: adds, removes and sums weights by slot, exactly."""

from array import array
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Index:
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
        for gram, weight in zip(grams, weights, strict=True):
            posting = self._postings.get(gram)
            if posting:
                lists.append(posting)
                kept.append(weight)
        if not lists:
            return np.zeros(self.slots)
        slots = np.frombuffer(b"".join(lists), dtype=np.uintc)
        spread = np.repeat(kept, [len(p) for p in lists])
        return np.bincount(slots, weights=spread, minlength=self.slots).astype(np.float64, copy=False)

    def grams(self) -> tuple[str, ...]:
        """Every gram held, in order of first add."""
        return tuple(self._postings)

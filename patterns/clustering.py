"""Put unmatched messages of one district into clusters as they come: stars, not chains.

A message joins the cluster of the closest exemplar if that is close enough; else it founds one. It is
compared with exemplars only; a cluster has few, each close to its founder, so clusters cannot grow by
chaining. Other clusters that are close to a message, and those that carry its links or accounts, are named
for a person to judge; two clusters that the person calls different are never named to each other again.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from itertools import pairwise

import numpy as np

from patterns.arrays import I32
from patterns.kernels import cluster as kernels
from patterns.kernels.cluster import ClusterLimits
from patterns.search.exemplar_index import Exemplars, Places
from patterns.search.pattern_index import distinct_grams
from patterns.text.normalise import NORMALISER, Folded, clean_batch, fold_batch

CLUSTERER = f"{NORMALISER}c2"
"""Version. Change it with the rules or their numbers: another version may place a message elsewhere."""
_AT_ONCE = 512
MARKS_KEPT = 10
"""Links and accounts of a cluster that are kept: its first."""
_HASHES = np.array([0x9E3779B1, 0x85EBCA6B, 0xC2B2AE35, 0x27D4EB2F, 0x165667B1, 0xD6E8FEB9], np.uint32)
"""Odd multipliers: each orders the grams in another way."""
_FEWEST_GRAMS = 8


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """When messages belong together; scores are 0 to 100.

    join: likeness of two texts, of which `alignment` is the share of what they have in common in the same
    order, the rest the cosine of their weighted grams; below `least_cosine` nothing is aligned.
    further_exemplar: a member less alike than this to the founder, and closest to it, becomes an exemplar
    itself, up to max_exemplars.
    least_bits: a text with less information stays alone and is not indexed (greetings, codes).
    passage_share, passage_bits: two texts whose passage in common is more than this share (percent) of one of
    them and says so much are judged by it alone: a forward with talk around it, or cut short.
    telling_bits: a gram with less is everyday talk: it neither finds candidates nor is aligned.
    max_indicators: of a cluster, its first. common_indicator: one that more clusters carry links none.
    max_named: clusters that a placement names as near or linked.
    """

    join: float = 60.0
    alignment: float = 50.0
    least_cosine: float = 25.0
    passage_share: float = 55.0
    passage_bits: float = 70.0
    further_exemplar: float = 86.0
    max_exemplars: int = 4
    least_bits: float = 40.0
    telling_bits: float = 5.0
    max_indicators: int = MARKS_KEPT
    common_indicator: int = 8
    max_named: int = 8


@dataclass(frozen=True, slots=True)
class Placement:
    """The cluster of a message; `score` is its likeness (0 to 100) to the closest exemplar, 0 if none.

    near: other clusters that it is close enough to join. linked: others that carry a link or account of its.
    marks: hashes of its own links and accounts; a cluster has the first MARKS_KEPT of its messages.
    """

    cluster_id: str
    is_new: bool
    score: float
    exemplar: bool
    near: tuple[str, ...] = ()
    linked: tuple[str, ...] = ()
    marks: tuple[int, ...] = ()


class Clusterer:
    """The clusters of one district, in memory.

    The same messages in the same order give the same clusters, one by one or in batches; clusters restored
    from their exemplars and indicators go on as if the process had never stopped. The first message of a
    process takes long where the machine code is not cached.
    """

    def __init__(self, config: ClusterConfig | None = None) -> None:
        self._config = config or ClusterConfig()
        self._exemplars = Exemplars(_limits(self._config))
        self._ids: list[str] = []
        self._numbers: dict[str, int] = {}
        self._cannot_link: dict[str, set[str]] = {}

    def __len__(self) -> int:
        """How many clusters are loaded."""
        return len(self._exemplars)

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays that hold the exemplars."""
        return self._exemplars.nbytes

    def place(self, item_id: str, text: str) -> Placement:
        """Put one message into the closest cluster, or into a new one, "c-" + item_id, when none is close."""
        return self.place_batch([item_id], [text])[0]

    def place_batch(self, item_ids: Sequence[str], texts: Sequence[str]) -> list[Placement]:
        """As `place` for each message in order. Any str is taken; of a very long text its first 2,000 folded
        characters count. ValueError if there are not as many ids as texts."""
        if len(item_ids) != len(texts):
            raise ValueError(f"{len(item_ids)} ids for {len(texts)} texts")
        placements: list[Placement] = []
        for first in range(0, len(texts), _AT_ONCE):
            own = ["c-" + item_id for item_id in item_ids[first : first + _AT_ONCE]]
            placements += self._place(own, texts[first : first + _AT_ONCE])
        return placements

    def restore(self, cluster_id: str, exemplars: Sequence[str], marks: Sequence[int] = ()) -> None:
        """Load a cluster from the texts of its exemplars and its marks, as earlier placements returned them
        and in that order. Replaces what is loaded under the id."""
        number = self._number(cluster_id)
        self._exemplars.drop(number)
        self._exemplars.unmark(number)
        self._exemplars.mark(number, np.array(marks, np.uint64))
        self._exemplars.place(_folded(exemplars), np.full(len(exemplars), number, np.int32), join=False)

    def forget(self, cluster_id: str) -> None:
        """Unload a cluster; does nothing if it is not loaded. Its cannot-link constraints stay."""
        number = self._numbers.pop(cluster_id, None)
        if number is not None:
            self._exemplars.unmark(number)
            self._exemplars.drop(number)
            self._ids[number] = ""
            self._exemplars.give_back([number])

    def cannot_link(self, cluster_id: str, other_id: str) -> None:
        """A person's cannot-link constraint: neither cluster, loaded or not, is named to the other again.

        ValueError if both ids are the same.
        """
        if cluster_id == other_id:
            raise ValueError(f"{cluster_id} is not two")
        self._cannot_link.setdefault(cluster_id, set()).add(other_id)
        self._cannot_link.setdefault(other_id, set()).add(cluster_id)

    def _place(self, own: Sequence[str], texts: Sequence[str]) -> list[Placement]:
        """Put messages into the closest clusters, or into new ones of their ``own`` ids."""
        unknown = [c for c in dict.fromkeys(own) if c not in self._numbers]
        fresh = dict(zip(unknown, self._new(unknown).tolist(), strict=True))
        numbers = [fresh[c] if c in fresh else self._numbers[c] for c in own]
        folded = _folded(texts)
        places = self._exemplars.place(folded, np.array(numbers, np.int32))
        founded = set(places.numbers.tolist())
        self._numbers.update((c, number) for c, number in fresh.items() if number in founded)
        self._exemplars.give_back(number for number in fresh.values() if number not in founded)
        return self._placements(own, places, _marks(folded))

    def _placements(
        self, own: Sequence[str], places: Places, carried: Sequence[tuple[int, ...]]
    ) -> list[Placement]:
        near = np.where(places.near == places.numbers[:, None], -1, places.near)
        beside: list[bool] = np.any(near >= 0, axis=1).tolist()
        shares: list[bool] = (places.links[:, 0] >= 0).tolist()
        founds = (places.scores < self._config.join / 100).tolist()
        scores, exemplars = places.scores.tolist(), places.exemplars.tolist()
        placements = []
        for k, number in enumerate(places.numbers.tolist()):
            cluster_id = self._ids[number] if number >= 0 else own[k]
            placements.append(
                Placement(
                    cluster_id,
                    founds[k],
                    min(100.0, round(100 * scores[k], 1)),
                    exemplars[k],
                    self._named(cluster_id, near[k]) if beside[k] else (),
                    self._named(cluster_id, places.links[k]) if shares[k] else (),
                    carried[k] if number >= 0 else (),
                )
            )
        return placements

    def _named(self, cluster_id: str, numbers: I32) -> tuple[str, ...]:
        """The ids of clusters without those that cannot be linked, sorted."""
        ids = {self._ids[number] for number in numbers.tolist() if number >= 0}
        return tuple(sorted(ids - self._cannot_link.get(cluster_id, set())))[: self._config.max_named]

    def _number(self, cluster_id: str) -> int:
        """The number of a cluster; a new one if it is not held."""
        number = self._numbers.get(cluster_id)
        if number is None:
            number = self._numbers[cluster_id] = int(self._new([cluster_id])[0])
        return number

    def _new(self, cluster_ids: Sequence[str]) -> I32:
        numbers = self._exemplars.new([_tie(cluster_id) for cluster_id in cluster_ids])
        self._ids += [""] * (int(numbers.max(initial=-1)) + 1 - len(self._ids))
        for number, cluster_id in zip(numbers.tolist(), cluster_ids, strict=True):
            self._ids[number] = cluster_id
        return numbers


def marks(texts: Sequence[str]) -> tuple[int, ...]:
    """The marks of a cluster of these messages, for one that is made again after a merge or split."""
    each = _marks(_folded(texts))
    return tuple(dict.fromkeys(mark for own in each for mark in own))[:MARKS_KEPT]


@cache
def _masked_account() -> re.Pattern[str]:
    return re.compile(r"(?<![A-Za-z0-9])([A-Za-z0-9_\-]{1,2})\*{4}([A-Za-z0-9_\-]{1,2})(?![A-Za-z0-9])")


def _folded(texts: Sequence[str]) -> Folded:
    """The folded form; a masked account (zh****01) is an account still, the same in every message."""
    return fold_batch(
        clean_batch([_masked_account().sub(r"\1xxxx\2", text) if "****" in text else text for text in texts])
    )


def _marks(folded: Folded) -> list[tuple[int, ...]]:
    """The indicators of each text that the clusterer uses."""
    starts = folded.extra_starts.tolist()
    return [
        tuple(
            kernels.indicators(folded.signs[k], folded.extras[start : min(end, start + MARKS_KEPT)]).tolist()
        )
        if end > start
        else ()
        for k, (start, end) in enumerate(pairwise(starts))
    ]


def markers(texts: Sequence[str]) -> list[tuple[str, ...]]:
    """MinHash values (Broder 1997), by which similar texts are found among many that are not in memory: for
    each of the six _HASHES its least value over the grams of the text. Texts that share half of their grams
    share a value in 98 of 100 cases. () for a text with too few grams."""
    folded = _folded(texts)
    grams, starts = distinct_grams(folded)
    found = list[tuple[str, ...]]()
    for i in range(len(texts)):
        own = grams[starts[i] : starts[i + 1]].astype(np.uint32)
        least = (own[:, None] * _HASHES).min(axis=0).tolist() if own.size >= _FEWEST_GRAMS else []
        found.append(tuple(f"{n}{value:08x}" for n, value in enumerate(least)))
    return found


def _tie(cluster_id: str) -> int:
    """The tie-breaker between clusters of equal likeness, independent of the order in which they came."""
    return int.from_bytes(blake2b(cluster_id.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def _limits(config: ClusterConfig) -> ClusterLimits:
    """The same as shares of one, for the compiled loops."""
    return ClusterLimits(
        config.join / 100, config.alignment / 100, config.least_cosine / 100,
        config.passage_share / 100, config.passage_bits, config.further_exemplar / 100,
        config.max_exemplars, config.least_bits, config.telling_bits, config.max_indicators,
        config.common_indicator,
    )  # fmt: skip

"""How well and how fast messages are clustered, against MinHash LSH (datasketch) whose pairs rapidfuzz
verifies, and against single-link over rapidfuzz's cdist, all over the same folded texts in the same run.

First the memory of a stream; then quality on four generated sets whose campaigns are known, the baselines at
the best of their settings for each set, ours as it ships; then speed with 10,000 and 100,000 exemplars held.
FENGHUO_BENCH_HELD="10000 100000 1000000" and FENGHUO_BENCH_STREAM=1000000 ask for more. Trust the ratios:
machines are noisy. One thread throughout, and its own time.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from rapidfuzz import fuzz, process

from bench._campaigns import Campaigns, Labelled, bcubed_f, pair_f1
from bench._sentences import Sentences
from patterns.clustering import Clusterer
from patterns.text.normalise import clean_batch, fold, fold_batch

DATASKETCH = find_spec("datasketch") is not None
"""Whether it is there; it is loaded where it is compared with, so that its memory is not counted as ours."""
HELD = [int(size) for size in os.environ.get("FENGHUO_BENCH_HELD", "10000 100000").split()]
STREAM = int(os.environ.get("FENGHUO_BENCH_STREAM", "200000"))
MESSAGES, REPEATS, AT_ONCE, FEW = 8_192, 3, 1_024, 48
MOST_BRUTE, MOST_HASHED = 100_000, 10_000
"""Exemplars held up to which the baselines are timed: they take milliseconds a message."""
SETS: dict[str, Callable[[], Labelled]] = {
    "A: 300 seeds, lightly altered": lambda: Campaigns(1).apart(300, 12, 1_500),
    "B: the same from another seed": lambda: Campaigns(2).apart(300, 12, 1_500),
    "C: 600 that share clauses": lambda: Campaigns(3).sharing(600, 7, 1_500, 1_200, 4),
    "D: 600 of few clauses, much altered": lambda: Campaigns(4).sharing(600, 7, 1_500, 400, 6),
}
THRESHOLDS, CUTOFFS = (0.3, 0.4, 0.5), (55, 60, 65, 70, 75, 80, 85)


class Line(msgspec.Struct):
    id: str
    text: str


class Union:
    """Sets that grow together."""

    def __init__(self, size: int) -> None:
        self._up = list(range(size))

    def root(self, n: int) -> int:
        while self._up[n] != n:
            self._up[n] = n = self._up[self._up[n]]
        return n

    def join(self, a: int, b: int) -> None:
        self._up[self.root(a)] = self.root(b)

    def roots(self) -> list[int]:
        return [self.root(n) for n in range(len(self._up))]


class MinHashes:
    """MinHash LSH over bigrams; what it finds is verified by rapidfuzz at each cutoff."""

    def __init__(self, threshold: float, size: int) -> None:
        from datasketch import MinHash, MinHashLSH

        self._hashes = MinHash
        self._lsh = MinHashLSH(threshold=threshold, num_perm=128)
        self._texts: list[str] = []
        self.sets = {cutoff: Union(size) for cutoff in CUTOFFS}

    def place(self, folded: str) -> None:
        place, hashes = len(self._texts), self._hashes(num_perm=128)
        hashes.update_batch([folded[i : i + 2].encode() for i in range(max(1, len(folded) - 1))])
        for other in self._lsh.query(hashes):
            alike = fuzz.ratio(self._texts[other], folded)
            for cutoff, union in self.sets.items():
                if alike >= cutoff:
                    union.join(place, other)
        self._lsh.insert(place, hashes)
        self._texts.append(folded)


def single_link(folded: Sequence[str]) -> dict[int, list[int]]:
    """Everything that rapidfuzz finds alike, chained, for each cutoff."""
    alike = process.cdist(
        folded, folded, scorer=fuzz.ratio, score_cutoff=CUTOFFS[0], dtype=np.uint8, workers=1
    )
    rows, columns = np.nonzero(np.triu(alike, 1))
    values, found = alike[rows, columns], {}
    for cutoff in CUTOFFS:
        union, enough = Union(len(folded)), values >= cutoff
        for a, b in zip(rows[enough].tolist(), columns[enough].tolist(), strict=True):
            union.join(a, b)
        found[cutoff] = union.roots()
    return found


def told(what: str, figure: str, note: str = "") -> None:
    print(f"  {what:<44}{figure:>18}   {note}", flush=True)


def quality(name: str, labelled: Labelled) -> None:
    """Pair F1 and BCubed F of each way, and the time a message took."""
    texts, true = labelled
    print(f"{name}, {len(texts):,} messages: pair F1 / BCubed F")

    def row(what: str, clusters: Sequence[Any], took: float, setting: str) -> None:
        figures = f"{pair_f1(clusters, true):.3f} / {bcubed_f(clusters, true):.3f}"
        told(what, figures, f"{took / len(texts) * 1e6:,.0f} us a message; {setting}")

    began = time.process_time()
    placed = Clusterer().place_batch([str(n) for n in range(len(texts))], texts)
    row("ours", [p.cluster_id for p in placed], time.process_time() - began, "as it ships")
    folded = [fold(text) for text in texts]
    began = time.process_time()
    linked = single_link(folded)
    took = time.process_time() - began
    cutoff = max(CUTOFFS, key=lambda c: pair_f1(linked[c], true))
    row("single-link over cdist(ratio)", linked[cutoff], took, f"cutoff {cutoff}, the best of {len(CUTOFFS)}")
    if not DATASKETCH:
        told("MinHash LSH", "missing", "datasketch is not installed")
        return
    best: tuple[float, list[int], float, str] = (-1.0, [], 0.0, "")
    for threshold in THRESHOLDS:
        hashes, began = MinHashes(threshold, len(texts)), time.process_time()
        for text in folded:
            hashes.place(text)
        took = time.process_time() - began
        for cutoff, union in hashes.sets.items():
            roots = union.roots()
            setting = f"{threshold}, cutoff {cutoff}, the best of {len(THRESHOLDS) * len(CUTOFFS)}"
            best = max(best, (pair_f1(roots, true), roots, took, setting))
    row("MinHash LSH, verified by rapidfuzz", *best[1:])


def place(clusterer: Clusterer, lines: Sequence[bytes]) -> list[str]:
    """From bytes to clusters; returns the ids of the new ones."""
    new = []
    for first in range(0, len(lines), AT_ONCE):
        batch = [msgspec.json.decode(line, type=Line) for line in lines[first : first + AT_ONCE]]
        placed = clusterer.place_batch([m.id for m in batch], [m.text for m in batch])
        new += [p.cluster_id for p in placed if p.is_new]
    return new


def speed(size: int) -> None:
    """A quarter of the messages are variants of what is held, the others found clusters; those are forgotten
    again after each run."""
    sentences, clusterer = Sentences(), Clusterer()
    patterns = [sentences.pattern() for _ in range(size)]
    clusterer.place_batch([str(n) for n in range(size)], patterns)
    print(f"{len(clusterer):,} exemplars held, {MESSAGES:,} messages of 80 characters")
    told("bytes of arrays an exemplar", f"{clusterer.nbytes / len(clusterer):,.0f}")
    times, cleaning, forgetting, texts = [], [], [], [""]
    for run in range(REPEATS):
        texts = [sentences.message(patterns)[0] for _ in range(MESSAGES)]
        lines = [msgspec.json.encode(Line(f"{run}-{n}", text)) for n, text in enumerate(texts)]
        began = time.process_time()
        new = place(clusterer, lines)
        times.append(time.process_time() - began)
        began = time.process_time()
        fold_batch(clean_batch(texts))
        cleaning.append(time.process_time() - began)
        began = time.process_time()
        for cluster_id in new:
            clusterer.forget(cluster_id)
        forgetting.append((time.process_time() - began) / max(1, len(new)))
    ours = MESSAGES / min(times)
    told(
        "bytes to clusters, in batches",
        f"{ours:,.0f}/s",
        f"of it normalise and fold {min(cleaning) / MESSAGES * 1e6:.1f} us a message",
    )
    told("forget one cluster", f"{min(forgetting) * 1e6:.0f} us")
    if size <= MOST_BRUTE:
        against(ours, [fold(text) for text in patterns], [fold(text) for text in texts])


def against(ours: float, held: Sequence[str], folded: Sequence[str]) -> None:
    """The baselines' speed with the same texts held."""
    began = time.process_time()
    process.cdist(folded[:FEW], held, scorer=fuzz.ratio, score_cutoff=60, workers=1)
    cdist = FEW / (time.process_time() - began)
    told("against cdist(ratio) of a message and all", f"x{ours / cdist:,.0f}", f"{cdist:,.0f}/s")
    if not DATASKETCH:
        told("against MinHash LSH", "missing", "datasketch is not installed")
    elif len(held) <= MOST_HASHED:
        hashes, few = MinHashes(0.4, len(held) + len(folded)), folded[: len(folded) // 4]
        for text in held:
            hashes.place(text)
        began = time.process_time()
        for text in few:
            hashes.place(text)
        lsh = len(few) / (time.process_time() - began)
        told("against MinHash LSH, verified by rapidfuzz", f"x{ours / lsh:,.0f}", f"{lsh:,.0f}/s")


def resident() -> float:
    """Memory of this process now, in MiB; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        return 0.0


def stream(count: int) -> None:
    """Messages of which three in five are of some campaign (one for each fifty messages), the others are each
    their own."""
    sentences, clusterer = Sentences(11), Clusterer()
    campaigns = [sentences.pattern() for _ in range(count // 50)]
    clusterer.place("warm", campaigns[0])
    before, took, placed = resident(), 0.0, 0

    def messages() -> Iterator[str]:
        for n in range(count):
            if n % 5 < 3:
                text = campaigns[(n * 7919) % len(campaigns)]
                yield text[:-4] + str(n % 9_973)
            else:
                yield sentences.pattern()

    source = messages()
    while batch := list(islice(source, AT_ONCE)):
        began = time.process_time()
        clusterer.place_batch([str(placed + n) for n in range(len(batch))], batch)
        took += time.process_time() - began
        placed += len(batch)
    print(f"A stream of {count:,} messages, nothing forgotten")
    told("clusters", f"{len(clusterer):,}", f"arrays {clusterer.nbytes / 2**20:,.0f} MiB")
    told("memory of the process", f"{resident():,.0f} MiB", f"{before:,.0f} MiB before the first message")
    told("on average", f"{count / took:,.0f}/s")


if __name__ == "__main__":
    Clusterer().place("warm", "预热一下，法人信息到期")
    stream(STREAM)
    for name, labelled in SETS.items():
        quality(name, labelled())
    for number in HELD:
        speed(number)

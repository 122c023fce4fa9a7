"""How fast messages are matched, at 1,000, 10,000 and 100,000 patterns, against rapidfuzz over the same
normalised texts in the same run.

Prints a block for each size. "Found" is the share of forwarded messages whose own pattern is named; "as by
brute force" the share of messages known to an exhaustive scoring of all patterns that get the same answer
from the index. Trust the ratios: machines are noisy. One thread throughout.
"""

import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
from rapidfuzz import fuzz, process

from bench._sentences import Sentences
from patterns.matching import Library
from patterns.model import Pattern
from patterns.search.pattern_index import Index
from patterns.signals.verdict_rules import KNOWN
from patterns.text.normalise import clean_batch, fold, fold_batch

SIZES = (1_000, 10_000, 100_000)
MESSAGES, SINGLE, ADDED = 8_192, 2_000, 20
BRUTE = {1_000: 64, 10_000: 24, 100_000: 6}
"""Messages for the baselines, which take from a millisecond to a second each."""
CUTOFF = 80


def seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """The best of some runs."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def told(what: str, figure: str, baseline: str = "") -> None:
    print(f"  {what:<44}{figure:>18}   {baseline}")


def library_of(texts: Sequence[str]) -> Library:
    return Library(Pattern(f"p{n}", "OTHER", f"p{n}", text) for n, text in enumerate(texts))


def found(answers: Sequence[str | None], places: Sequence[int]) -> float:
    """Share of the messages that hold a pattern whose answer is that pattern."""
    right = [answer == f"p{place}" for answer, place in zip(answers, places, strict=True) if place >= 0]
    return sum(right) / max(1, len(right))


def single(library: Library, texts: Sequence[str]) -> tuple[float, float]:
    """Median and 99th percentile of one message at a time, in microseconds."""
    times = []
    for text in texts[:SINGLE]:
        began = time.perf_counter()
        library.match([text])
        times.append((time.perf_counter() - began) * 1e6)
    return statistics.median(times), float(np.percentile(times, 99))


def as_brute_force(index: Index, texts: Sequence[str]) -> float:
    """Share of the messages that are known when every pattern is scored whose answer is the same from the
    index."""
    folded = fold_batch(clean_batch(texts))
    quick, exact = index.search(folded), index.search(folded, exhaustive=True)
    known = exact.scores >= KNOWN
    return float(((quick.slots == exact.slots) & (quick.scores >= KNOWN))[known].mean())


def adding(library: Library, sentences: Sentences) -> float:
    """Median time until one pattern more is live, in milliseconds."""
    times = []
    for n in range(ADDED):
        pattern = Pattern(f"new{n}", "OTHER", "new", sentences.pattern())
        began = time.perf_counter()
        library.add(pattern)
        assert library.match([pattern.text])[0].pattern_id == pattern.pattern_id
        times.append((time.perf_counter() - began) * 1e3)
    return statistics.median(times)


def measure(size: int) -> None:
    sentences = Sentences()
    patterns = [sentences.pattern() for _ in range(size)]
    texts, places = zip(*(sentences.message(patterns) for _ in range(MESSAGES)), strict=True)
    library = library_of(patterns)
    print(f"{size:,} patterns, {MESSAGES:,} messages of {statistics.mean(map(len, texts)):.0f} characters")
    told("build", f"{seconds(lambda: library_of(patterns), 2):.2f} s")
    told("memory of the index", f"{library.index.nbytes / 2**20:.0f} MiB")
    library.match(texts)
    ours = MESSAGES / seconds(lambda: library.match(texts))
    cleaning = seconds(lambda: fold_batch(clean_batch(texts))) / MESSAGES * 1e6
    told(
        "normalise and match, in batches",
        f"{ours:,.0f}/s",
        f"of it normalise and fold {cleaning:.1f} us a message",
    )
    told("one message at a time, p50 and p99", "{:.0f} / {:.0f} us".format(*single(library, texts)))
    told("found", f"{found([v.pattern_id for v in library.match(texts)], places):.3f}")
    told("as by brute force", f"{as_brute_force(library.index, texts):.4f}")
    told("add one pattern and match it", f"{adding(library, sentences):.1f} ms")
    folded, few = [fold(p) for p in patterns], [fold(t) for t in texts[: BRUTE[size]]]

    def by_wratio() -> list[str | None]:
        hits = (process.extractOne(t, folded, scorer=fuzz.WRatio, score_cutoff=CUTOFF) for t in few)
        return [f"p{hit[2]}" if hit else None for hit in hits]

    wratio = len(few) / seconds(by_wratio, 1)
    told(
        "against extractOne(WRatio)",
        f"x{ours / wratio:,.0f}",
        f"{wratio:,.1f}/s, found {found(by_wratio(), places[: len(few)]):.3f}",
    )
    for scorer in (fuzz.partial_ratio, fuzz.ratio):
        cdist = len(few) / seconds(
            lambda s=scorer: process.cdist(few, folded, scorer=s, score_cutoff=CUTOFF, workers=1), 1
        )
        told(f"against cdist({scorer.__name__})", f"x{ours / cdist:,.0f}", f"{cdist:,.1f}/s")


if __name__ == "__main__":
    library_of(["预热"]).match(["预热"])
    for number in SIZES:
        measure(number)

"""What one report's text costs, step by step, and how many times that a nasty text costs.

Reports are taken in batches of 256 as by the stage: matched, then each is searched for entities, assessed and
masked. Of a nasty text (10,000 characters) the ratio to the usual report counts, in time of this thread;
tests/faults holds it below 20. One thread throughout; machines are noisy, trust the ratios.
"""

import time
from collections.abc import Callable

from bench._nasty import LENGTH, NASTY
from consumers.live_library import fraud_types, seed_patterns
from patterns.data.everyday_messages import EVERYDAY
from patterns.entities.find import found_in
from patterns.entities.redact import hide_in
from patterns.matching import Library
from patterns.text.normalise import Cleaned, Normalised, clean_batch
from patterns.text.slots import example
from patterns.triage import assess_in

BATCH = 256
LIBRARY = Library(seed_patterns())
TYPES = tuple(fraud_types().values())
SCAMS = [example(pattern.text) for pattern in seed_patterns()]
REPORTS = [text for pair in zip(SCAMS, EVERYDAY[::5], strict=False) for text in pair][:BATCH]


def seconds(work: Callable[[], object], repeats: int = 7) -> float:
    """The best of some runs, in time of this thread."""
    times = []
    for _ in range(repeats):
        began = time.thread_time()
        work()
        times.append(time.thread_time() - began)
    return min(times)


def normalised(texts: list[str]) -> tuple[Cleaned, list[Normalised]]:
    cleaned = clean_batch(texts)
    return cleaned, [cleaned.normalised(i, len(text)) for i, text in enumerate(texts)]


def steps(texts: list[str]) -> dict[str, float]:
    """Seconds of each step for all texts."""
    cleaned, norms = normalised(texts)
    found = [found_in(norm) for norm in norms]
    signs = cleaned.signs.tolist()
    each = list(zip(texts, signs, norms, found, strict=True))
    return {
        "match": seconds(lambda: LIBRARY.match(texts)),
        "normalise": seconds(lambda: normalised(texts)),
        "entities": seconds(lambda: [found_in(norm) for norm in norms]),
        "assess": seconds(lambda: [assess_in(t, s, n.text, f.entities, TYPES) for t, s, n, f in each]),
        "mask": seconds(lambda: [hide_in(t, f) for t, _, _, f in each]),
    }


def main() -> None:
    steps(REPORTS)
    usual = {name: took / len(REPORTS) for name, took in steps(REPORTS).items()}
    whole = sum(usual.values())
    told = ", ".join(f"{name} {took * 1e6:.0f}" for name, took in usual.items())
    print(f"a usual report: {whole * 1e6:.0f} us ({told})")
    ratios = {name: sum(steps([(piece * LENGTH)[:LENGTH]]).values()) / whole for name, piece in NASTY.items()}
    for name, ratio in sorted(ratios.items(), key=lambda item: -item[1]):
        print(f"  {name:<20}x{ratio:.1f}")


if __name__ == "__main__":
    main()

"""How well a judge does on examples that it has not learned from, and how another differs on them. Pure."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from consumers.judging import is_like, judged_texts
from consumers.learning.examples import Example
from consumers.learning.senders import sender_of
from patterns.judgement.judge import Judge, Judgement

HONEST = ("notice", "warning", "advert", "chat")
"""Voices whose text must not be taken for fraud. A question quotes what it asks about, and is left out."""


class Figures(NamedTuple):
    """How many of how many: each name with (hits, of)."""

    frauds_seen: tuple[int, int]
    honest_called: dict[str, tuple[int, int]]
    voices_right: tuple[int, int]
    types_right: tuple[int, int]
    types_wrong: tuple[int, int]
    """Named, and another: where the type is unclear it is not named."""


class Moved(NamedTuple):
    """One held-out example that two judges take differently."""

    example: Example
    before: str
    after: str


class Comparison(NamedTuple):
    """What another judge changes on the same held-out examples."""

    before: Figures
    after: Figures
    honest: dict[str, tuple[int, int]]
    """Honest texts now taken for fraud and not before, by voice, with how many there are."""
    senders: dict[str, tuple[int, int]]
    """The same, by who sends them."""
    cleared: int
    """Honest texts taken for fraud before and no more."""
    missed: tuple[Example, ...]
    """Frauds seen before and no more."""
    found: int
    """Frauds seen now and not before."""
    called: tuple[Example, ...]
    types: dict[tuple[str, str], int]
    """(type before, type after) of frauds whose named type differs; "" where it is unclear."""


def is_honest(x: Example) -> bool:
    """Whether calling it a fraud would wrong somebody."""
    return x.voice in HONEST and not x.is_fraud


def seen_by(judge: Judge, examples: Sequence[Example]) -> list[Judgement]:
    """What a judge makes of the examples' texts."""
    return judged_texts(judge, [x.text for x in examples])


def figures(examples: Sequence[Example], judged: Sequence[Judgement]) -> Figures:
    """The figures of one judge."""
    pairs = list(zip(examples, judged, strict=True))
    frauds = [(x, j) for x, j in pairs if x.is_fraud]
    typed = [(x, j) for x, j in frauds if x.type]
    return Figures(
        _share(frauds, lambda x, j: is_like(j)),
        {
            voice: _share([(x, j) for x, j in pairs if x.voice == voice and is_honest(x)], _is_called)
            for voice in HONEST
        },
        _share(pairs, lambda x, j: j.voice == x.voice),
        _share(typed, lambda x, j: j.fraud_type == x.type),
        _share(typed, lambda x, j: j.fraud_type not in {None, x.type}),
    )


def _is_called(_: Example, judged: Judgement) -> bool:
    return is_like(judged)


def _share(
    pairs: Sequence[tuple[Example, Judgement]], holds: Callable[[Example, Judgement], bool]
) -> tuple[int, int]:
    return sum(holds(x, j) for x, j in pairs), len(pairs)


def compare(
    examples: Sequence[Example], before: Sequence[Judgement], after: Sequence[Judgement]
) -> Comparison:
    """What changes on ``examples`` when the judge of ``after`` comes for that of ``before``."""
    rows = list(zip(examples, map(is_like, before), map(is_like, after), strict=True))
    honest = [row for row in rows if is_honest(row[0])]
    frauds = [row for row in rows if row[0].is_fraud]
    return Comparison(
        figures(examples, before),
        figures(examples, after),
        _newly(honest, lambda x: x.voice),
        _newly(honest, lambda x: sender_of(x.text)),
        sum(was and not now for _, was, now in honest),
        tuple(x for x, was, now in frauds if was and not now),
        sum(now and not was for _, was, now in frauds),
        tuple(x for x, was, now in honest if now and not was),
        _types_moved(examples, before, after),
    )


def _newly(
    rows: Iterable[tuple[Example, bool, bool]], by: Callable[[Example], str]
) -> dict[str, tuple[int, int]]:
    """How many of each kind are called now and were not, with how many there are."""
    count, called = Counter[str](), Counter[str]()
    for x, was, now in rows:
        count[by(x)] += 1
        called[by(x)] += now and not was
    return {name: (called[name], of) for name, of in sorted(count.items())}


def _types_moved(
    examples: Sequence[Example], before: Sequence[Judgement], after: Sequence[Judgement]
) -> dict[tuple[str, str], int]:
    found = defaultdict[tuple[str, str], int](int)
    for x, was, now in zip(examples, before, after, strict=True):
        if x.is_fraud and was.fraud_type != now.fraud_type:
            found[was.fraud_type or "", now.fraud_type or ""] += 1
    return dict(sorted(found.items(), key=lambda row: (-row[1], row[0])))


def counts_by_voice(examples: Iterable[Example]) -> dict[str, int]:
    """How many examples each voice has, the most first."""
    return dict(Counter(x.voice for x in examples).most_common())


def figure_lines(found: Figures) -> Iterator[str]:
    """The figures in words."""
    yield f"frauds that the reporter is told of    {of(found.frauds_seen)}"
    for voice, share in found.honest_called.items():
        yield f"{f'honest {voice} taken for fraud':<38} {of(share)}"
    yield f"voice right                            {of(found.voices_right)}"
    yield f"fraud type named rightly               {of(found.types_right)}"
    yield f"fraud type named wrongly               {of(found.types_wrong)}"


def of(share: tuple[int, int]) -> str:
    """(3, 40) as "3 of 40 (7.5 %)"."""
    hits, total = share
    return f"{hits} of {total} ({100 * hits / total:.1f} %)" if total else "none to look at"

"""The judge in force, and what a report is: its known pattern, its voice, its type, how suspicious it is.

The same functions serve the live stage, ``fenghuo assess`` and ``fenghuo backtest``.
"""

from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple

from patterns.judgement.judge import Judge, Judgement
from patterns.judgement.readings import other_readings
from patterns.judgement.weights import read
from patterns.matching import Library
from patterns.model import Pattern, Verdict
from patterns.text.normalise import clean_batch

Called = Literal["known", "suggested", "like", "none"]

LIKE = 0.55
"""Suspicion from which a reporter is told that it is very like a fraud though no pattern fits: about one
everyday message in a hundred."""
_SPEAKS_OF_FRAUD = frozenset(("bait", "story", "victim"))


class Assessed(NamedTuple):
    """One text as the room sees it."""

    verdict: Verdict
    pattern: Pattern | None
    judgement: Judgement

    @property
    def called(self) -> Called:
        """What the reporter may be told: a known pattern, one like it, a fraud by its words, or nothing."""
        if self.verdict.band != "none":
            return self.verdict.band
        return "like" if is_like(self.judgement) else "none"

    @property
    def fraud_type(self) -> str | None:
        """The type of the pattern that it is, or is like; else the judge's, None where that is unclear."""
        if self.pattern is not None and self.verdict.band != "none":
            return self.pattern.fraud_type
        return self.judgement.fraud_type


def is_like(judged: Judgement) -> bool:
    """Whether a text without a pattern is so suspicious that its reporter is told so."""
    return judged.suspicion >= LIKE and judged.voice in _SPEAKS_OF_FRAUD


@cache
def shipped_judge() -> Judge:
    """The judge whose weights ship with ``patterns``."""
    return Judge(read(files("patterns").joinpath("judgement", "shipped.weights").read_bytes()))


def assess_all(
    match: Callable[[Sequence[str]], list[tuple[Verdict, Pattern | None]]], judge: Judge, texts: Sequence[str]
) -> list[Assessed]:
    """Every text against the library and before the judge, in order."""
    judged = judge.judge(clean_batch(texts))
    for n, readings in other_readings(texts):
        again = max(judge.judge(clean_batch(readings)), key=lambda x: x.suspicion)
        if again.suspicion > judged[n].suspicion:
            judged[n] = again
    return [Assessed(*found, own) for found, own in zip(match(texts), judged, strict=True)]


def matcher(library: Library) -> Callable[[Sequence[str]], list[tuple[Verdict, Pattern | None]]]:
    """A library as `assess_all` asks it."""
    return library.matched

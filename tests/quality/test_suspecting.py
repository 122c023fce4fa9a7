"""How well the judge knows what no pattern fits: on seeds in disguise, on honest look-alikes, on the quarter
of the labelled texts that nothing was learned from.

The floors are under what holds, not goals; what they leave out is told by its id alone.
"""

from functools import cache

import numpy as np
import pytest

from consumers.judging import judged_texts, shipped_judge
from consumers.learning.examples import Example, shipped_texts
from patterns.judgement.judge import Judgement
from tests.quality.test_recognising import texts

LOOKED_AT, DRAFTED = -0.3, 0.2
"""Suspicion from which several reports are looked at, and drafted."""


@cache
def aside() -> tuple[tuple[Example, Judgement], ...]:
    """The labelled texts that are set aside, each with what the judge makes of it."""
    kept = [x for x in shipped_texts() if x.set_aside]
    return tuple(zip(kept, judged_texts(shipped_judge(), [x.text for x in kept]), strict=True))


def share(found: list[bool]) -> float:
    return sum(found) / len(found)


def area(fraud: list[float], honest: list[float]) -> float:
    """Probability that a fraud is more suspicious than an honest text: the area under the curve."""
    both = np.array([*fraud, *honest])
    ranks = both.argsort().argsort() + 1
    return float((ranks[: len(fraud)].sum() - len(fraud) * (len(fraud) + 1) / 2) / len(fraud) / len(honest))


@pytest.mark.parametrize(("folder", "most"), [("near_misses", 0.10), ("twins", 0.20)])
def test_few_honest_texts_would_be_drafted(folder: str, most: float) -> None:
    judged = judged_texts(shipped_judge(), [x.text for x in texts(folder)])
    wrong = [x.id for x, j in zip(texts(folder), judged, strict=True) if j.suspicion >= DRAFTED]
    assert len(wrong) <= most * len(judged), wrong


@pytest.mark.parametrize(("folder", "least"), [("variants", 0.8), ("rewritten", 0.8)])
def test_most_scams_are_looked_at_without_their_pattern(folder: str, least: float) -> None:
    judged = judged_texts(shipped_judge(), [x.text for x in texts(folder)])
    assert share([j.evidence >= LOOKED_AT for j in judged]) >= least


def test_fraud_is_told_from_honest_texts_of_kinds_that_were_never_seen() -> None:
    fraud = [j.suspicion for x, j in aside() if x.is_fraud]
    honest = [j.suspicion for x, j in aside() if not x.is_fraud and x.voice != "victim"]
    assert len(fraud) > 900 and len(honest) > 800
    assert area(fraud, honest) >= 0.92


@pytest.mark.parametrize(("voice", "least"), [("bait", 0.78), ("story", 0.75)])
def test_most_frauds_of_unseen_kinds_are_looked_at_from_one_report(voice: str, least: float) -> None:
    assert share([j.evidence >= LOOKED_AT for x, j in aside() if x.voice == voice]) >= least


@pytest.mark.parametrize(
    ("voice", "most"), [("notice", 0.18), ("advert", 0.3), ("chat", 0.2), ("question", 0.6)]
)
def test_few_honest_voices_of_unseen_kinds_are_suspicious(voice: str, most: float) -> None:
    found = [j.suspicion >= DRAFTED for x, j in aside() if x.voice == voice and x.matter != "fraud"]
    assert found and share(found) <= most


def test_the_voice_of_unseen_kinds_is_mostly_right() -> None:
    assert share([x.voice == j.voice for x, j in aside()]) >= 0.78


def test_a_type_that_is_named_is_mostly_right_and_the_right_one_is_mostly_among_three() -> None:
    typed = [(x, j) for x, j in aside() if x.type and x.is_fraud]
    named = [x.type == j.fraud_type for x, j in typed if j.fraud_type]
    assert share(named) >= 0.72 and len(named) >= 0.35 * len(typed)
    assert share([x.type in dict(j.likely_types) for x, j in typed]) >= 0.78

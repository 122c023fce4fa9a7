"""How well a report is judged that no pattern fits: could it be bait, and of which type."""

import pytest

from consumers.live_library import fraud_types, seed_patterns
from patterns.matching import Library
from patterns.text.slots import example
from patterns.triage import assess
from tests.quality.test_recognising import texts

TYPES = tuple(fraud_types().values())
TYPE_OF = {pattern.pattern_id: pattern.fraud_type for pattern in seed_patterns()}


def nearest(library: Library, text: str) -> list[tuple[str, float]]:
    """The type and the score of the most alike pattern."""
    verdict, pattern = library.matched([text])[0]
    return [(pattern.fraud_type, verdict.score)] if pattern is not None else []


@pytest.mark.parametrize(("folder", "share"), [("near_misses", 0.08), ("twins", 0.04)])
def test_few_honest_texts_are_suspicious(folder: str, share: float) -> None:
    wrong = [text.id for text in texts(folder) if assess(text.text).suspicious]
    assert len(wrong) <= share * len(texts(folder)), wrong


@pytest.mark.parametrize(("folder", "share"), [("variants", 0.75), ("rewritten", 0.9)])
def test_most_scams_that_are_not_recognised_are_suspicious(folder: str, share: float) -> None:
    right = [text.id for text in texts(folder) if assess(text.text).suspicious]
    assert len(right) >= share * len(texts(folder))


@pytest.mark.parametrize(("folder", "share"), [("variants", 0.95), ("rewritten", 0.7)])
def test_the_type_is_that_of_the_seed(folder: str, share: float) -> None:
    library = Library(seed_patterns())
    right = [
        text.id
        for text in texts(folder)
        if assess(text.text, TYPES, nearest(library, text.text)).fraud_type == TYPE_OF[text.of]
    ]
    assert len(right) >= share * len(texts(folder))


def test_the_type_of_a_seed_is_guessed_without_it() -> None:
    library, wrong, before = Library(seed_patterns()), [], None
    for pattern in seed_patterns():
        library.change([before] if before else [], [pattern.pattern_id])
        text = example(pattern.text)
        if assess(text, TYPES, nearest(library, text)).fraud_type != pattern.fraud_type:
            wrong.append(pattern.pattern_id)
        before = pattern
    assert len(wrong) <= 0.2 * len(TYPE_OF), wrong

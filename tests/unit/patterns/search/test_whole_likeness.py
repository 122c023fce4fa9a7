"""The laws of likeness of whole messages: which candidate is chosen, and what its score gains."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz import fuzz

from consumers.live_library import seed_patterns
from patterns.data.everyday_messages import EVERYDAY
from patterns.search.pattern_index import Index, empty_index
from patterns.search.whole_likeness import WORTH_COMPARING, Chosen, choose
from patterns.text.normalise import Folded, clean_batch, fold_batch
from patterns.text.slots import example, filled

TEXTS = [filled(pattern.text) for pattern in seed_patterns()][::3]
EXAMPLES = [example(pattern.text) for pattern in seed_patterns()][::3]
LIFT, CHANCE, LEAST_BITS, LEAST_CODES = 0.4, 40.0, 25.0, 9


def folded_of(texts: Sequence[str]) -> Folded:
    return fold_batch(clean_batch(texts, marks=True))


FOLDED = folded_of(TEXTS)
INDEX: Index = empty_index().with_change(FOLDED, range(len(TEXTS)), ())


def chosen(texts: Sequence[str]) -> Chosen:
    folded = folded_of(texts)
    return choose(INDEX.candidates(folded), folded, INDEX.hooked, FOLDED.string)


MIXED = [
    *EXAMPLES, *(text[: len(text) // 2] for text in EXAMPLES), *EVERYDAY[::40], "", "转账", "🙂",
    *(a[: len(a) // 2] + b[len(b) // 2 :] for a, b in zip(EXAMPLES, EXAMPLES[3:], strict=False)),
]  # fmt: skip


def test_candidates_come_in_order_of_rank_and_each_once() -> None:
    candidates = INDEX.candidates(folded_of(MIXED))
    for slots, ranks in zip(candidates.slots.tolist(), candidates.ranks.tolist(), strict=True):
        held = [slot for slot in slots if slot >= 0]
        assert slots[: len(held)] == held and len(set(held)) == len(held)
        assert ranks[: len(held)] == sorted(ranks[: len(held)], reverse=True)


def test_the_one_chosen_has_the_most_of_rank_and_likeness() -> None:
    folded = folded_of(MIXED)
    candidates, found = INDEX.candidates(folded), chosen(MIXED)
    for i, slot in enumerate(found.hit.slots.tolist()):
        held = [s for s in candidates.slots[i].tolist() if s >= 0]
        looked = bool(held) and candidates.scores[i, 0] >= WORTH_COMPARING
        likeness = [fuzz.ratio(folded.string(i), FOLDED.string(s)) if looked else 0.0 for s in held]
        worth = [float(r) + x / 2 for r, x in zip(candidates.ranks[i], likeness, strict=False)]
        assert slot == (held[int(np.argmax(worth))] if held else -1)


@given(st.lists(st.sampled_from(MIXED), min_size=1, max_size=3).map("，".join))
@settings(max_examples=60, deadline=None)
def test_likeness_lifts_a_score_and_never_lowers_it(text: str) -> None:
    found, folded = chosen([text]), folded_of([text])
    score, lifted = float(found.hit.scores[0]), float(found.lifted[0])
    assert score <= lifted <= 100
    if lifted > score:
        alike = fuzz.ratio(folded.string(0), FOLDED.string(int(found.hit.slots[0])))
        assert abs(lifted - min(100, score + LIFT * (alike - CHANCE))) < 0.01
        assert found.hit.shared[0, 0] >= LEAST_BITS and folded.codes.size >= LEAST_CODES


def test_a_message_of_a_few_characters_is_not_lifted() -> None:
    short = [text[:6] for text in EXAMPLES]
    found = chosen(short)
    assert np.allclose(found.lifted, found.hit.scores)


def test_the_answer_for_a_message_does_not_depend_on_its_batch() -> None:
    together = chosen(MIXED)
    alone = [chosen([text]) for text in MIXED]
    assert together.hit.slots.tolist() == [int(x.hit.slots[0]) for x in alone]
    assert together.lifted.tolist() == [float(x.lifted[0]) for x in alone]

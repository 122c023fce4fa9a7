"""What a reading may do, over every reading there can be."""

from itertools import product
from typing import get_args

import pytest

from consumers.live_library import fraud_types
from consumers.second_reader.lifting import MARK, Lifted, Tier, can_lift, lifted
from consumers.second_reader.reading import Reading, answer_values
from fenghuo.domain.events import ScamStage
from patterns.judgement.labels import ACTS, MATTERS, STAGES, VOICES

TIERS: tuple[Tier, ...] = get_args(Tier)
UP = list(ScamStage)
STATES = list(product(TIERS, UP))
VALUES = answer_values(fraud_types())
SLOTS = (("", "", (), ""), ("police", "investigation", ("money", "room"), "call"))
READINGS = [
    Reading(voice, kind, stage, matter, *slots)  # type: ignore[arg-type]
    for voice, kind, stage, matter, slots in product(
        VOICES, (None, *fraud_types()), STAGES, MATTERS, SLOTS
    )
]  # fmt: skip
OUTCOMES = [
    (tier, stage, reading, lifted(tier, stage, reading)) for tier, stage in STATES for reading in READINGS
]


def test_the_stages_of_texts_are_those_of_reports() -> None:
    assert tuple(STAGES) == tuple(x.value for x in UP) == ("received", "in_contact", "money_moving", "paid")


def test_no_reading_drafts() -> None:
    assert {(tier, after.tier) for tier, _, _, after in OUTCOMES} == {
        ("none", "none"), ("none", "watch"), ("watch", "watch"), ("draft", "draft"),
    }  # fmt: skip


def test_no_reading_lowers_a_tier_or_a_stage() -> None:
    lowered = [
        x for x in OUTCOMES
        if TIERS.index(x[3].tier) < TIERS.index(x[0]) or UP.index(x[3].stage) < UP.index(x[1])
    ]  # fmt: skip
    assert lowered == []


def test_no_reading_raises_a_stage_beyond_money_moving() -> None:
    assert {after.stage for _, stage, _, after in OUTCOMES if after.stage is not stage} == {
        ScamStage.IN_CONTACT, ScamStage.MONEY_MOVING,
    }  # fmt: skip


def test_what_is_to_be_drafted_is_left_as_it_is() -> None:
    assert [x for x in OUTCOMES if x[0] == "draft" and x[3] != Lifted(x[0], x[1])] == []


def test_only_a_victims_own_words_make_a_report_urgent() -> None:
    urgent = {
        (reading.voice, reading.matter)
        for _, stage, reading, after in OUTCOMES
        if after.stage is ScamStage.MONEY_MOVING is not stage
    }
    assert urgent == {("victim", "fraud")}


def test_what_is_honest_by_the_reading_changes_nothing() -> None:
    honest = ("warning", "notice", "advert", "chat")
    assert [x for x in OUTCOMES if x[2].voice in honest and x[3] != Lifted(x[0], x[1])] == []


def test_what_is_neither_fraud_nor_an_emergency_by_the_reading_changes_nothing() -> None:
    other = ("service", "other")
    assert [x for x in OUTCOMES if x[2].matter in other and x[3] != Lifted(x[0], x[1])] == []


def test_an_emergency_is_looked_at_and_raises_no_stage_of_a_scam() -> None:
    after = {x[3][:2] for x in OUTCOMES if (x[0], x[2].matter, x[2].voice) == ("none", "emergency", "victim")}
    assert after == {("watch", stage) for stage in UP}


def test_evidence_stands_by_each_change_and_by_nothing_else() -> None:
    assert [x for x in OUTCOMES if bool(x[3].evidence) == (x[3][:2] == x[:2])] == []


def test_evidence_is_marked_and_has_words_of_our_own_alone() -> None:
    """ "none" is how the model says that there is nothing to say."""
    words = {f"{MARK}.{field}.{x}" for field, of in VALUES.items() for x in of if x != "none"}
    words |= {f"{MARK}.act.{x}" for x in ACTS}
    assert {x for *_, after in OUTCOMES for x in after.evidence} <= words


@pytest.mark.parametrize(("tier", "stage"), STATES)
def test_no_reading_leaves_a_report_as_it_is(tier: Tier, stage: ScamStage) -> None:
    assert lifted(tier, stage, None) == Lifted(tier, stage)


@pytest.mark.parametrize(("tier", "stage"), STATES)
def test_asking_is_worth_it_exactly_where_some_reading_changes_something(
    tier: Tier, stage: ScamStage
) -> None:
    changes = any(after.evidence for t, s, _, after in OUTCOMES if (t, s) == (tier, stage))
    assert can_lift(tier, stage) == changes


def test_reading_twice_is_as_reading_once() -> None:
    again = [x for x in OUTCOMES if lifted(x[3].tier, x[3].stage, x[2])[:2] != x[3][:2]]
    assert again == []


def test_a_story_of_fraud_is_lifted_to_be_looked_at_with_what_the_model_found() -> None:
    told = Reading("story", "KEFU", "paid", "fraud", "customer_service", "refund", ("screen",), "call")
    assert lifted("none", ScamStage.RECEIVED, told) == Lifted(
        "watch", ScamStage.IN_CONTACT,
        ("model.voice.story", "model.matter.fraud", "model.fraud_type.KEFU", "model.stage.paid",
         "model.who.customer_service", "model.pretext.refund", "model.way.call", "model.act.screen"),
    )  # fmt: skip

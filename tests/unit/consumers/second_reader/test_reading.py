"""A reading is made of our own values, whatever the model says."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.live_library import fraud_types
from consumers.second_reader.outcomes import ReadingOutcome
from consumers.second_reader.reading import (
    LONGEST_ANSWER,
    Reading,
    answer_values,
    json_schema,
    parse_answer,
)
from patterns.judgement.labels import ACTS as LABELS
from tests.support.stub_model import answer

VALUES = answer_values(fraud_types())
SAID = st.fixed_dictionaries({name: st.sampled_from(of) for name, of in VALUES.items()})
ACTS = ("act_1", "act_2", "act_3")


def ours(reading: Reading) -> bool:
    """Whether every value of the reading is one of ours, with nothing where the model said "none"."""
    single = {name: getattr(reading, name) or "none" for name in VALUES if name not in ACTS}
    return all(value in VALUES[name] for name, value in single.items()) and set(reading.acts) <= {*LABELS}


@given(SAID)
def test_every_answer_of_our_values_is_read(said: dict[str, str]) -> None:
    reading = parse_answer(json.dumps(said), VALUES)
    assert isinstance(reading, Reading)
    assert ours(reading)
    assert (reading.voice, reading.stage, reading.matter) == (said["voice"], said["stage"], said["matter"])
    assert (reading.fraud_type or "none") == said["fraud_type"]
    assert list(reading.acts) == [x for x in dict.fromkeys(said[name] for name in ACTS) if x != "none"]


@given(SAID, st.sampled_from(sorted(VALUES)), st.text(max_size=20))
def test_no_value_but_ours_is_read(said: dict[str, str], name: str, word: str) -> None:
    said[name] = word
    reading = parse_answer(json.dumps(said), VALUES)
    known = word in VALUES[name]
    assert isinstance(reading, Reading) if known else reading is ReadingOutcome.UNKNOWN_VALUE


@given(st.text(max_size=300) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(sorted(VALUES)), inner),
).map(json.dumps))  # fmt: skip
def test_whatever_is_said_becomes_our_values_or_nothing(said: str) -> None:
    reading = parse_answer(said, VALUES)
    assert isinstance(reading, ReadingOutcome) or ours(reading)


@pytest.mark.parametrize(
    "said",
    [
        "", "诈骗", "Sure! Here it is: " + answer(), f"```json\n{answer()}\n```", answer()[:-1], "[" * 990,
        answer(tier="draft"), answer(warning="请立即转账"), "null", f"[{answer()}]", '{"voice": "bait"}',
        answer(voice=1), answer(act_1=["money"]), answer(act_1=None), answer(who=None),
        answer(acts=["money"]), "\ud800",
    ],
)  # fmt: skip
def test_prose_and_other_forms_are_no_reading(said: str) -> None:
    assert parse_answer(said, VALUES) is ReadingOutcome.NO_READING


def test_an_answer_of_another_length_than_ours_can_have_is_too_long() -> None:
    assert parse_answer(answer() + " " * LONGEST_ANSWER, VALUES) is ReadingOutcome.TOO_LONG


def test_the_longest_answer_of_our_values_fits() -> None:
    said = {name: max(of, key=len) for name, of in VALUES.items()}
    assert isinstance(parse_answer(json.dumps(said, indent=2), VALUES), Reading)


def test_the_schema_has_every_field_required_and_no_other() -> None:
    schema = json_schema(VALUES)
    assert schema["required"] == list(schema["properties"]) == list(VALUES)
    assert schema["additionalProperties"] is False
    allowed = {name: kind["enum"] for name, kind in schema["properties"].items()}
    assert allowed == {name: list(of) for name, of in VALUES.items()}


def test_the_schema_bounds_every_answer_and_has_no_keyword_that_some_engine_does_not_know() -> None:
    keys = {key for kind in json_schema(VALUES)["properties"].values() for key in kind}
    assert keys == {"type", "enum"}

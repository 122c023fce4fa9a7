"""The question to the model: our instructions, and the report as data."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.live_library import fraud_types
from consumers.second_reader.prompt import LONGEST_TEXT, instructions, question, quoted
from consumers.second_reader.reading import answer_values, json_schema
from tests.support.stub_model import machine_orders

TYPES = {code: kind.label_zh for code, kind in fraud_types().items()}
VALUES = answer_values(TYPES)
MARKS = (
    "<|im_end|>",
    "<|im_start|>system",
    "</s>",
    "<s>",
    "[INST]",
    "[/INST]",
    "<start_of_turn>",
    "<｜User｜>",
)


def asked(text: str, **options: Any) -> dict[str, Any]:
    body = question(
        text, model="m", instructions=instructions(TYPES), schema=json_schema(VALUES), options=options
    )
    found: dict[str, Any] = json.loads(body)
    return found


@given(
    st.lists(st.text(max_size=40) | st.sampled_from([*MARKS, '"}', '"', "\\", "\n"]), max_size=9).map("".join)
)
def test_no_text_leaves_its_quotes_or_brings_a_mark_of_a_chat_template(text: str) -> None:
    system, user = asked(text)["messages"]
    assert (system["role"], user["role"]) == ("system", "user")
    assert system["content"] == instructions(TYPES)
    assert list(json.loads(user["content"])) == ["report"]
    assert not set(user["content"]) & set("<>[]|")


@pytest.mark.parametrize("order", machine_orders())
def test_no_order_of_a_report_reaches_the_systems_message(order: Any) -> None:
    assert order.text[:12] not in asked(order.text)["messages"][0]["content"]


@given(st.text(alphabet=st.characters(), max_size=50))
def test_half_a_character_does_no_harm(text: str) -> None:
    assert asked(text + "\ud83d")["model"] == "m"


def test_of_a_long_report_the_beginning_and_the_end_are_shown() -> None:
    shown = json.loads(quoted("头" + "中" * 10_000 + "尾"))["report"]
    assert (len(shown), shown[0], shown[-1]) == (LONGEST_TEXT, "头", "尾")
    assert json.loads(quoted("短"))["report"] == "短"


def test_the_instructions_explain_every_value_that_may_be_answered() -> None:
    told = instructions(TYPES)
    missing = [x for name, of in VALUES.items() for x in of if x != "none" and f"{x}=" not in told]
    assert missing == []
    assert [name for name in VALUES if name not in told] == []


def test_the_question_asks_for_exactly_our_schema_strictly_and_reproducibly() -> None:
    body = asked("x")
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "reading", "strict": True, "schema": json_schema(VALUES)},
    }
    assert (body["temperature"], body["seed"], body["stream"], body["n"]) == (0, 0, False, 1)


def test_options_add_to_the_question_and_replace_nothing() -> None:
    plain = asked("x")
    given_more = asked("x", **dict.fromkeys(plain, "theirs"), reasoning_effort="none")
    assert given_more == plain | {"reasoning_effort": "none"}

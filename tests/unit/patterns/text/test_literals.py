"""The laws of the literals that expressions need: no text is passed over that an expression matches."""

import json
import re
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.live_library import seed_patterns
from patterns.data.cues import THEMES
from patterns.data.everyday_messages import EVERYDAY
from patterns.data.hook_phrases import SPOKEN
from patterns.entities.expressions import rules
from patterns.signals.money_moving import _MOVING
from patterns.text.literals import Literals, needed
from patterns.text.normalise import clean
from patterns.text.slots import example

QUALITY = Path(__file__).parents[3] / "quality"
EXPRESSIONS = (
    *(regex.pattern for _, regex in rules()),
    *(cue.rule for cue in THEMES),
    *(rule for _, _, rule in SPOKEN),
    *_MOVING,
)


@cache
def texts() -> tuple[str, ...]:
    lines = [line for path in sorted(QUALITY.glob("*/*.jsonl")) for line in path.open(encoding="utf-8")]
    found = [*EVERYDAY, *(example(p.text) for p in seed_patterns()), *(json.loads(x)["text"] for x in lines)]
    return tuple(map(clean, found))


@pytest.mark.parametrize(
    ("expression", "literals"),
    [
        ("abc", {"abc"}),
        ("ab|cd", {"ab", "cd"}),
        ("a[xy]b", {"axb", "ayb"}),
        ("ab?c", {"abc", "ac"}),
        ("(?<!z)ab(?=c)", {"ab"}),
        (r"^ab$", {"ab"}),
        (r"\d+ab.*c", {"ab"}),
        ("(?:abc)+x?", {"abc"}),
        ("a{0,3}bc", {"bc"}),
        (r"(?:ab|\d)c", {"c"}),
        (r"ab|\d", set()),
        (r"\d{3}", set()),
        ("a*", set()),
        ("", set()),
        ("(?P<kind>ab|abc)", {"ab"}),
    ],
)
def test_what_an_expression_needs(expression: str, literals: set[str]) -> None:
    assert needed(expression) == literals


def passed_over(text: str, expressions: tuple[str, ...] = EXPRESSIONS) -> list[str]:
    held = set(scan_of(expressions).held(text))
    return [x for n, x in enumerate(expressions) if n not in held and re.search(x, text)]


@cache
def scan_of(expressions: tuple[str, ...]) -> Literals:
    return Literals([needed(x) for x in expressions])


def test_no_text_of_ours_is_passed_over() -> None:
    assert [(text, missed) for text in texts() if (missed := passed_over(text))] == []


PIECES = st.sampled_from(
    sorted({x for e in EXPRESSIONS for x in needed(e)} | set("一的1a.:：@ 元号转账加微信"))
)


@given(st.lists(PIECES, max_size=12).map("".join))
@settings(max_examples=200, deadline=None)
def test_no_text_of_their_own_words_is_passed_over(text: str) -> None:
    assert passed_over(text) == []


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_what_a_short_expression_matches_holds_what_it_needs(data: st.DataObject) -> None:
    expression = data.draw(st.sampled_from(EXPRESSIONS))
    text = data.draw(st.from_regex(re.compile(expression, re.ASCII)))
    if re.search(expression, text):
        literals = needed(expression)
        assert not literals or any(literal in text for literal in literals)


WORDS = st.text("ab转账", min_size=1, max_size=4)


@given(st.lists(st.frozensets(WORDS, max_size=4), max_size=8), st.text("ab转账\ud800\U00020000", max_size=30))
@settings(max_examples=300, deadline=None)
def test_the_groups_held_are_those_with_a_literal_in_the_text(
    groups: list[frozenset[str]], text: str
) -> None:
    literals = Literals(groups)
    held = [n for n, group in enumerate(groups) if not group or any(word in text for word in group)]
    assert literals.held(text) == held and len(literals) == len(groups)
    ends = [sum(any(text[: i + 1].endswith(w) for w in group) for group in groups) for i in range(len(text))]
    assert literals.counts(text).tolist() == ends

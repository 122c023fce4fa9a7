"""What is done to save time changes no answer: each short cut against the long way."""

import json
import re
from functools import cache
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.live_library import fraud_types, seed_patterns
from patterns import triage
from patterns.data.cues import CIRCLED, THEMES
from patterns.data.everyday_messages import EVERYDAY
from patterns.data.hook_phrases import HOTLINE_RULE
from patterns.entities.checks import accept
from patterns.entities.expressions import rules
from patterns.entities.find import find, found_in
from patterns.entities.redact import hide, hide_in
from patterns.signals.verdict_rules import _SHORT_NUMBER
from patterns.text.normalise import clean, clean_batch, sound
from patterns.text.slots import example

QUALITY = Path(__file__).parents[2] / "quality"
TYPES = tuple(fraud_types().values())


@cache
def texts() -> tuple[str, ...]:
    lines = [line for path in sorted(QUALITY.glob("*/*.jsonl")) for line in path.open(encoding="utf-8")]
    return (*EVERYDAY, *(example(p.text) for p in seed_patterns()), *(json.loads(x)["text"] for x in lines))


def longest_run(text: str) -> int:
    return max(map(len, re.findall("[0-9]+", text)), default=0)


def every_span(text: str) -> list[tuple[str, int, int, str]]:
    """The spans of all rules, each tried."""
    taken, found = bytearray(len(text)), []
    for rule, regex in rules():
        for match in regex.finditer(text):
            span = accept(rule.kind, match, text, taken) if rule.run <= longest_run(text) else None
            if span is not None and not any(taken[span[1] : span[2]]):
                taken[span[1] : span[2]] = b"\x01" * (span[2] - span[1])
                found.append(span)
    return sorted(found, key=lambda span: span[1])


def test_entities_are_those_that_all_rules_would_find() -> None:
    for text in map(clean, texts()):
        kinds = [(kind, value) for kind, _, _, value in every_span(text)]
        assert [(e.kind, e.value) for e in find(text)] == kinds, text


def test_themes_and_phrases_are_those_that_all_rules_would_find() -> None:
    phrases = {phrase for kind in TYPES for phrase in map(clean, kind.cues)}
    for text in map(clean, texts()):
        told = triage.told_in(text, TYPES)
        assert told.themes == [cue for cue in THEMES if re.search(cue.rule, text)]
        assert len(told.phrases) == sum(phrase in text for phrase in phrases)


def test_a_text_that_was_read_once_gets_the_answers_of_one_that_is_read_for_each() -> None:
    batch = list(texts())[::5]
    cleaned = clean_batch(batch)
    for i, text in enumerate(batch):
        norm = cleaned.normalised(i, len(text))
        found = found_in(norm)
        assert found.entities == find(text) and found.read == len(text)
        assert hide_in(text, found) == hide(text)
        signs = cleaned.signs[i].tolist()
        assert triage.assess_in(text, signs, norm.text, found.entities, TYPES) == triage.assess(text, TYPES)


ACCOUNTS = st.lists(
    st.sampled_from([*"加佳嶶微信扣qvx:+ 为。", "ab12", "zhang", "_9", "wx", "123456"]), max_size=8
).map("".join)


@given(ACCOUNTS)
@settings(max_examples=300, deadline=None)
def test_no_account_is_passed_over(text: str) -> None:
    norm = clean(text)
    spoken = triage._spoken_account().search(sound(norm.replace("为", " ")))
    assert triage._names_an_account(norm) == (spoken is not None)


@given(st.text("打电询客服热线举报1234 ", max_size=14))
@settings(max_examples=300, deadline=None)
def test_no_hotline_is_passed_over(text: str) -> None:
    assert re.search(_SHORT_NUMBER, text) or not re.search(HOTLINE_RULE, text)


@given(st.tuples(*[st.integers(0, 6)] * 5), st.text("①②a字", max_size=6))
@settings(max_examples=300, deadline=None)
def test_no_disguise_is_passed_over(signs: tuple[int, ...], raw: str) -> None:
    han, hidden, dressed, odd, traditional = signs
    mixed = traditional / 2 if traditional * 4 < han + 1 else 0
    listed = len(re.findall(CIRCLED, raw))
    disguised = hidden > 1 or hidden + dressed - listed + odd + mixed >= triage._FULL_DISGUISE
    assert triage._disguised(raw, signs) == disguised


def test_types_are_told_apart_by_identity_and_kept_once() -> None:
    triage._words.cache_clear()
    for _ in range(3):
        triage.told_in("转账", tuple(fraud_types().values()))
    assert triage._words.cache_info().misses == 1

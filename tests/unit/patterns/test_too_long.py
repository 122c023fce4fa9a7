"""The laws of texts that are too long or hold too much: what is not read is hidden, and said to be."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patterns.data.placeholders import UNREAD
from patterns.entities.find import MOST_OF_A_RULE, find, found_in
from patterns.entities.redact import mask
from patterns.kernels.text import LONGEST
from patterns.signals.telling_part import JUDGED, telling_part
from patterns.text.normalise import fold_with_offsets, normalise
from patterns.triage import assess

LIGATURE = "\ufdfa"
"""One character that stands for eighteen."""
BAIT = "请把钱转到安全账户，全程保密，共享屏幕"


@pytest.mark.parametrize("text", [LIGATURE * 10_000, "㌀" * 10_000, "字" * (LONGEST + 1), "a" * 30_000])
def test_a_normalised_text_is_no_longer_than_it_may_be(text: str) -> None:
    norm = normalise(text)
    assert LONGEST - 18 < len(norm.text) <= LONGEST
    assert norm.read < len(text)
    assert norm.text == normalise(text[: norm.read]).text, "what is cut is cut between two raw characters"
    assert norm.offsets.tolist() == normalise(text[: norm.read]).offsets.tolist()


def test_a_text_of_the_greatest_length_is_read_whole() -> None:
    text = "字" * LONGEST
    assert normalise(text).text == text and normalise(text).read == LONGEST
    assert mask(text) == text


@given(
    st.text(st.sampled_from([LIGATURE, "㍿", "ﬃ", "a", "字", "\u200b"]), max_size=60), st.integers(0, 9_990)
)
@settings(max_examples=60, deadline=None)
def test_the_map_of_a_cut_text_fits_what_was_read(tail: str, before: int) -> None:
    text = "字" * before + tail
    for norm in (normalise(text), fold_with_offsets(text)):
        offsets = norm.offsets.tolist()
        assert offsets == sorted(offsets) and len(offsets) == len(norm.text) + 1
        assert offsets[-1] <= len(text)
    assert normalise(normalise(text).text).text == normalise(text).text


def test_what_was_not_read_is_hidden_and_people_see_how_much() -> None:
    text = LIGATURE * 600 + "电话13800138000"
    norm = normalise(text)
    shown = mask(text)
    assert shown.endswith(UNREAD.format(len(text) - norm.read))
    assert "13800138000" not in shown and find(text) == ()


def test_a_text_with_too_many_numbers_is_read_as_far_as_they_were_looked_at() -> None:
    text = "，".join(f"电话138{n:08}" for n in range(3 * MOST_OF_A_RULE))
    found = found_in(normalise(text))
    assert len(found.entities) == MOST_OF_A_RULE and found.read < len(text)
    shown = mask(text)
    assert shown.endswith(UNREAD.format(len(text) - found.read))
    assert not any(f"138{n:08}" in shown for n in range(3 * MOST_OF_A_RULE))


@pytest.mark.parametrize("at", [0, 3_000, 8_000])
def test_of_a_long_text_the_part_is_judged_that_tells_the_most(at: int) -> None:
    padding = "今天天气很好大家都出来走走吧" * 700
    text = padding[:at] + BAIT + padding[at : at + 9_000 - at]
    part = telling_part(text)
    assert BAIT in part and len(part) == JUDGED
    assert set(assess(text).cues) >= {"safe_account", "screen"}


def test_a_text_that_is_not_long_is_judged_whole() -> None:
    text = ("今天天气很好" * 200)[:JUDGED]
    assert telling_part(text) == text

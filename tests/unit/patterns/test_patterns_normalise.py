"""The laws of undoing disguises."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patterns.normalise import clean, fold, fold_with_offsets, normalise

ODD = "１３8０零一幺①➊⑴🅥ѵｖ威信抠/。、 -.*\u200b\u202e\ufe0f\u20e3亻言禾刂詳証comgs微x加\n5六七"
texts = st.text(max_size=80) | st.text(alphabet=ODD, max_size=60)


@given(texts)
@settings(max_examples=300, deadline=None)
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(text).text
    assert normalise(once).text == once


@given(texts)
@settings(max_examples=300, deadline=None)
def test_the_map_has_a_place_in_the_raw_text_for_every_character_and_never_goes_back(text: str) -> None:
    for mapped in (normalise(text), fold_with_offsets(text)):
        assert len(mapped.offsets) == len(mapped.text) + 1
        assert list(mapped.offsets) == sorted(mapped.offsets)
        assert all(0 <= i <= len(text) for i in mapped.offsets)


@given(texts)
@settings(max_examples=300, deadline=None)
def test_the_fast_way_and_the_mapped_way_agree(text: str) -> None:
    assert clean(text) == normalise(text).text
    assert fold(text) == fold_with_offsets(text).text


@pytest.mark.parametrize(
    ("disguised", "plain"),
    [
        ("１３８Ｗ", "138w"),
        ("1️⃣3️⃣8️⃣", "138"),
        ("①➋❸⓸⑴🄌", "123410"),
        ("аррӏе", "apple"),
        ("收\u200b\u2060到", "收到"),
        ("詳入看領取帳號", "详入看领取账号"),
        ("認証", "认证"),
        ("薇亻言", "微信"),
        ("加V信", "加微信"),
        ("禾刂息", "利息"),
        ("电话一三八零零一三八零零零", "电话13800138000"),
        ("1 3 8-0013*8000", "13800138000"),
        ("gs。com", "gs.com"),
    ],
)
def test_a_disguise_is_undone(disguised: str, plain: str) -> None:
    assert normalise(disguised).text == plain


@pytest.mark.parametrize("text", ["2025-06-12 09:30", "一、二、三", "今天一点到三点", "12 34", "3.5折"])
def test_ordinary_numbers_are_left_alone(text: str) -> None:
    assert normalise(text).text == text


def test_a_span_of_the_normalised_text_covers_its_raw_characters() -> None:
    raw = "电话１ 3８-0013*8000。"
    norm = normalise(raw)
    start = norm.text.index("138")
    low, high = norm.span(start, start + 11)
    assert raw[low:high] == "１ 3８-0013*8000"


def test_homophones_links_and_numbers_fold_alike() -> None:
    assert fold("请转帐300元到 https://a.example.com/1") == fold("请轉账８８元到 b.example.net")


def test_text_without_words_folds_to_nothing() -> None:
    assert fold("") == fold("！？…😀") == ""


def test_lone_surrogates_and_long_texts_are_taken() -> None:
    assert normalise("a\ud800b").text == "ab"
    assert len(fold("好" * 10_000)) == 10_000

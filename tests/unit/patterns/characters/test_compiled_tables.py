"""The laws of the tables of characters."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patterns.characters.character_facts import is_han, plain, split, syllables
from patterns.characters.compiled_tables import (
    CLOSE,
    DIGITS,
    DRESSED,
    GAP,
    HAN,
    HIDDEN,
    LINK,
    ODD,
    OPEN,
    PLAIN,
    SYLLABLE,
    TABLED,
    TLDS,
    TRADITIONAL,
    CharacterTables,
    characters,
    characters_and_marks,
    word_number,
)

FIRST_LEVEL = [
    char
    for row in range(0xB0, 0xD8)
    for cell in range(0xA1, 0xFF)
    for char in bytes((row, cell)).decode("gb2312", "ignore")
]


@pytest.fixture(scope="module")
def chars() -> CharacterTables:
    return characters()


@pytest.fixture(scope="module")
def forms() -> dict[str, str]:
    """Every character that has a table entry and is no mark, and its plain form."""
    codes = set(range(TABLED)) - set(range(0xD800, 0xE000)) - set(range(LINK, GAP + 1))
    return {chr(code): plain(chr(code)) for code in sorted(codes)}


def test_the_tables_are_built_once(chars: CharacterTables) -> None:
    assert characters() is chars


def test_a_plain_form_is_plain(forms: dict[str, str]) -> None:
    parts = {part for form in forms.values() for part in form}
    assert [part for part in parts if plain(part) != part] == []


def test_what_people_write_plainly_is_plain() -> None:
    printable = [chr(code) for code in range(32, 127)]
    assert [char for char in printable if plain(char) != char.lower()] == []
    assert [char for char in "。、“”【】《》—·" if plain(char) != char] == []
    assert [char for char in FIRST_LEVEL if plain(char) != char] == ["乾", "帐"], "干 and 账 stand for them"


def test_the_tables_hold_the_plain_forms(chars: CharacterTables, forms: dict[str, str]) -> None:
    for char, form in forms.items():
        single = int(chars.single[ord(char)])
        if len(form) > 1:
            place = int(np.searchsorted(chars.several, ord(char)))
            kept = chars.several_text[chars.several_start[place] : chars.several_start[place + 1]]
            assert (single, chars.several[place], "".join(map(chr, kept))) == (1, ord(char), form)
        else:
            assert single == (ord(form) if form else 0)


def test_a_character_without_care_is_replaced_and_nothing_else(chars: CharacterTables) -> None:
    careless = chars.care == 0
    assert (chars.single[careless] > 1).all()
    assert (chars.dress[careless] == PLAIN).all()
    assert (chars.half[careless] == 0).all()
    assert chars.care[[ord(c) for c in "的一，。a1"]].tolist() == [0] * 6
    assert chars.care[[ord(c) for c in "亻①\u200b證"]].all()


def test_invisible_characters_leave_nothing(forms: dict[str, str], chars: CharacterTables) -> None:
    hidden = [char for char in forms if unicodedata.category(char) == "Cf"]
    assert len(hidden) > 30
    assert {forms[char] for char in hidden} == {""}
    dressed = {char for char in hidden if chars.dress[ord(char)] != HIDDEN}
    assert dressed == {"\ufeff", "\u200d"}, "a byte order mark and the joiner of emoji are no disguise"


@pytest.mark.parametrize(
    ("char", "dress"),
    [
        *((char, PLAIN) for char in "的a1，×💰😀A莪尕亍"),
        *((char, HIDDEN) for char in "\u200b\u202e\u00ad"),
        *((char, DRESSED) for char in "①⓪Ⓥ𝐖ѵ√аᴠ"),
        *((char, ODD) for char in "恏琓収"),
        *((char, TRADITIONAL) for char in "證單錢"),
    ],
)
def test_a_disguise_has_its_dress(char: str, dress: int, chars: CharacterTables) -> None:
    assert chars.dress[ord(char)] == dress


def test_a_zero_of_dates_is_no_disguise(chars: CharacterTables) -> None:
    assert chars.dress[ord("〇")] == PLAIN, "二〇二五年"


def test_every_first_level_character_has_a_syllable_of_its_own_code(chars: CharacterTables) -> None:
    assert len(FIRST_LEVEL) == 3755
    assert [char for char in FIRST_LEVEL if not syllables().get(ord(char), "").isalpha()] == []
    codes = {char: int(chars.fold[ord(char)]) for char in FIRST_LEVEL}
    assert min(codes.values()) >= SYLLABLE
    by_syllable: dict[str, set[int]] = {}
    for char, code in codes.items():
        by_syllable.setdefault(syllables()[ord(char)], set()).add(code)
    assert [s for s, found in by_syllable.items() if len(found) != 1] == []
    assert len({code for found in by_syllable.values() for code in found}) == len(by_syllable) > 390


def test_syllables_are_toneless_letters() -> None:
    wrong = {s for s in syllables().values() if not (s.isascii() and s.islower())}
    assert all(set(s) & set("êŋḿńň") for s in wrong), wrong
    assert syllables()[ord("绿")] == "lv" and syllables()[ord("女")] == "nv"


def test_syllables_take_no_code_of_a_mark_a_letter_or_another_character(chars: CharacterTables) -> None:
    spoken = {int(chars.fold[code]) for code in syllables() if code < TABLED} - {0}
    others = {int(code) for n, code in enumerate(chars.fold) if n not in syllables()}
    assert min(spoken) == SYLLABLE and max(spoken) < 0x6000
    assert spoken & others == set()


@pytest.mark.parametrize(
    ("rare", "usual"), ["莪我", "沵你", "渞首", "伱你", "恏好", "琓完", "佬老", "氺水", "囬回"]
)
def test_a_rare_character_sounds_as_the_usual_one_in_it(rare: str, usual: str) -> None:
    assert syllables()[ord(plain(rare))] == syllables()[ord(usual)]


@pytest.mark.parametrize(("rare", "part"), ["钭斗", "沌屯", "涮刷", "抻申"])
def test_a_rare_character_with_several_sounds_takes_the_one_of_the_usual_character_in_it(
    rare: str, part: str
) -> None:
    assert syllables()[ord(rare)] == syllables()[ord(part)]


@pytest.mark.parametrize("char", "妈枫蚂岗玛鲤萧")
def test_a_usual_character_keeps_its_own_sound(char: str) -> None:
    assert syllables()[ord(char)] != "nv"
    assert syllables()[ord(char)] in {"ma", "feng", "gang", "li", "xiao"}


def test_split_characters_are_first_level_and_no_half_of_their_own(chars: CharacterTables) -> None:
    pairs = split()
    assert len(pairs) > 500
    assert set(pairs.values()) <= set(FIRST_LEVEL)
    assert [halves for halves in pairs if len(halves) != 2 or any(plain(h) != h for h in halves)] == []
    assert chars.halves.tolist() == sorted((ord(a) << 32) | ord(b) for a, b in pairs)
    whole = dict(zip(chars.halves.tolist(), chars.wholes.tolist(), strict=True))
    assert {f"{chr(k >> 32)}{chr(k & 0xFFFFFFFF)}": chr(v) for k, v in whole.items()} == pairs
    assert {chr(code) for code in np.flatnonzero(chars.half)} == {halves[0] for halves in pairs}


@pytest.mark.parametrize(
    ("halves", "whole"),
    [
        ("亻言", "信"), ("钅戋", "钱"), ("禾刂", "利"), ("讠正", "证"), ("木又", "权"), ("走召", "超"),
        ("氵先", "洗"), ("扌丁", "打"),
    ],
)  # fmt: skip
def test_a_split_character_is_known(halves: str, whole: str) -> None:
    assert split()[halves] == whole


@pytest.mark.parametrize("words", ["女子", "日月", "口人", "水工", "人言", "金钱", "言正"])
def test_two_words_side_by_side_are_no_split_character(words: str) -> None:
    assert words not in split()


def test_digits_have_their_values(chars: CharacterTables) -> None:
    assert [int(chars.digit[ord(c)]) for c in "0129零一九幺壹玖两"] == [0, 1, 2, 9, 0, 1, 9, 1, 1, 9, 2]
    assert {char: str(chars.digit[ord(char)]) for char in DIGITS} == DIGITS


def test_marks_stand_for_themselves_in_patterns_and_are_dropped_in_messages(chars: CharacterTables) -> None:
    marked = characters_and_marks()
    for code in range(LINK, GAP + 1):
        assert marked.single[code] == marked.fold[code] == code
        assert chars.single[code] == 0
    assert (chars.fold[ord("【")], chars.fold[ord("】")]) == (OPEN, CLOSE)


def test_what_says_nothing_folds_to_a_space_and_every_letter_to_itself(chars: CharacterTables) -> None:
    assert {int(chars.fold[ord(c)]) for c in "，。!? …·😀"} == {32}
    assert [chr(chars.fold[ord(c)]) for c in "azéя"] == list("azéя")


def test_tables_that_are_searched_by_halves_ascend(chars: CharacterTables) -> None:
    for table in (chars.several, chars.halves, chars.tlds, chars.spoken):
        assert (np.diff(table.astype(np.int64)) > 0).all()
    assert len(chars.tlds) == len(TLDS) == len(set(TLDS))
    assert len(chars.spoken) == len(chars.spoken_fold)


def test_letters_that_spell_a_syllable_fold_as_its_characters(chars: CharacterTables) -> None:
    spoken = dict(zip(chars.spoken.tolist(), chars.spoken_fold.tolist(), strict=True))
    for word, char in (("shua", "刷"), ("dan", "单"), ("zhuang", "装"), ("lv", "绿")):
        assert spoken[word_number(word)] == chars.fold[ord(char)]


@given(st.text("abcdefghijklmnopqrstuvwxyz", max_size=12), st.text("abcdefghijklmnopqrstuvwxyz", max_size=12))
@settings(max_examples=200, deadline=None)
def test_two_words_have_two_numbers_that_an_array_holds(one: str, other: str) -> None:
    assert (word_number(one) == word_number(other)) == (one == other)
    assert word_number(one) < 2**63


def test_han_is_what_has_readings(chars: CharacterTables) -> None:
    assert is_han("的") and is_han("㐀") and is_han("𠀀") and is_han("豈")
    assert not any(map(is_han, "aア，1가"))
    assert all(chars.kind[ord(c)] & HAN for c in FIRST_LEVEL)

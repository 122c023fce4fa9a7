"""Tables of characters for the compiled loops: the plain form, the folded code and the disguise of each.
Built once per process from `sources`."""

import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from patterns.arrays import I64, U8, U16, U32
from patterns.characters.character_facts import (
    EMOJI,
    HAN_BLOCKS,
    forget,
    levels,
    own,
    plain,
    simplified,
    split,
    syllables,
)

TABLED = 0x30000
"""Code points below have an entry; nobody writes those above (tags are dropped, the rest is kept)."""

LINK, HANDLE, NUMBER, GAP, ORNAMENT, OPEN, CLOSE = range(0xE000, 0xE007)
"""Folded codes that stand for a link, an account or long number, a short number, the slot of a pattern, a
row of ornaments, and the brackets about a sender's name."""
SYLLABLE = 0x4E00
"""Folded code of the first syllable; the others follow in the order of their first character."""
_SIGNS = {"【": OPEN, "】": CLOSE, **dict.fromkeys("亻讠钅扌氵纟忄犭饣礻衤刂冫'’`", 0)}
"""Folded codes of signs, of lone halves and of apostrophes; 0: nothing at all."""

DIGITS = dict(zip("零一二三四五六七八九幺壹贰叁肆伍陆柒捌玖两", "012345678911234567892", strict=True))
TLDS = (
    "com cn net org top vip cc xyz info club shop site icu app live ink win me io tv fun pro work ltd co uk"
    " us ru de online store link click buzz life wang asia biz mobi gov edu in to ly tk ml ga cf pw la hk tw"
    " jp sg my example"
).split()
"""Ends that make words joined by dots a link; anything else needs a digit, a path or a second dot."""
TLD_WORDS = frozenset(
    "app live in me my to it is link fun work life click store online win pro tv la us sg id".split()
)
"""Those that follow an hour as a word (8点app)."""

DIGIT, LETTER, HAN_DIGIT, HAN, PRINTABLE, JOINS, WATCHED = 1, 2, 4, 8, 16, 32, 64
"""Bits of `CharacterTables.kind`, for normalised characters; JOINS: may stand between the digits of one
number; WATCHED: may begin another name for an account, or be meant for something else."""
_WATCHED = "微威薇徽溦葳崴嶶维vw/\\扣抠蔻叩筘邱秋球咖+。点丶ol"

PLAIN, HIDDEN, DRESSED, ODD, TRADITIONAL = range(5)
"""Values of `CharacterTables.dress`, for raw characters: invisible; a fancy form or look-alike; Han that
GB 2312 lacks; traditional form of a first-level one."""


class CharacterTables(NamedTuple):
    """The tables, indexed by code point below TABLED unless noted."""

    single: U32
    """Plain form; 0: dropped; 1: several characters, see `several`."""
    several: U32
    """Code points with several plain characters, ascending; those of several[i] are
    several_text[several_start[i]:several_start[i + 1]]."""
    several_start: I64
    several_text: U32
    kind: U8
    dress: U8
    care: U8
    """Whether the plain form of a raw character is not enough: it has none or several, is disguised, or a
    half."""
    fold: U16
    """Folded code of a normalised character; 32 for what says nothing; 0 for nothing at all (a lone
    radical)."""
    halves: I64
    """First half << 32 | second half of a split character, ascending, and the whole in `wholes`."""
    wholes: U32
    half: U8
    """Whether the character is the first half of a split one."""
    digit: U8
    """Value of a digit, ASCII or Han."""
    tlds: I64
    """Ends of links as `word_number`, ascending; `plain_tlds`: those that are no words."""
    plain_tlds: I64
    spoken: I64
    """Syllables in letters as `word_number`, ascending, and their folded codes in `spoken_fold`."""
    spoken_fold: U16


def word_number(word: str) -> int:
    """A word of at most twelve letters a to z as one number, in base 27."""
    number = 0
    for char in word:
        number = number * 27 + ord(char) - 96
    return number


def _fold_codes() -> dict[str, int]:
    """Syllable to folded code."""
    order = dict.fromkeys(syllables()[code] for code in sorted(syllables()))
    return {syllable: SYLLABLE + n for n, syllable in enumerate(order)}


def _folds(codes: dict[str, int]) -> U16:
    fold = np.full(TABLED, 32, np.uint16)
    for code in range(TABLED):
        if not 0x3400 <= code < 0xE000 and chr(code).isalpha():
            fold[code] = code if code < SYLLABLE else 0x6000 + code % 0x4000
    fold[0x25A0:0x27C0] = ORNAMENT
    fold[LINK : GAP + 1] = np.arange(LINK, GAP + 1)
    for low, high in HAN_BLOCKS:
        fold[low:high] = 0x6000 + np.arange(low, high) % 0x4000
    for code, syllable in syllables().items():
        if code < TABLED:
            fold[code] = codes[syllable]
    for char, folded in _SIGNS.items():
        fold[ord(char)] = folded
    return fold


def _dresses() -> U8:
    dress = np.zeros(TABLED, np.uint8)
    dress[0xD800:0xE000] = HIDDEN
    for code in range(TABLED):
        if not 0x3400 <= code < 0xE000 and unicodedata.category(chr(code)) == "Cf":
            dress[code] = HIDDEN
    for char in "\ufeff\u200d":
        dress[ord(char)] = PLAIN
    for char in own().keys() - EMOJI.keys() - {"×", "〇"}:
        dress[ord(char)] = DRESSED
    dress[0x2460:0x2500] = dress[0x1D400:0x1D800] = dress[0x20E3] = DRESSED
    for low, high in HAN_BLOCKS:
        dress[low:high] = ODD
    first, second = levels()
    for char, simple in simplified().items():
        if simple in first:
            dress[ord(char)] = TRADITIONAL
    dress[[ord(char) for char in (*first, *second)]] = PLAIN
    return dress


def _kinds() -> U8:
    kind = np.zeros(TABLED, np.uint8)
    kind[33:127] |= PRINTABLE
    kind[48:58] |= DIGIT
    kind[97:123] |= LETTER
    for low, high in HAN_BLOCKS:
        kind[low:high] |= HAN
    for chars, bit in ((DIGITS, HAN_DIGIT), (" -*._·~—|", JOINS), (_WATCHED, WATCHED)):
        kind[[ord(char) for char in chars]] |= bit
    return kind


def _pairs(values: Iterable[tuple[int, int]], first: type, second: type) -> tuple[Any, Any]:
    """Two arrays of pairs, ascending by the first."""
    ordered = sorted(values)
    return np.array([a for a, _ in ordered], first), np.array([b for _, b in ordered], second)


@cache
def characters() -> CharacterTables:
    """The tables; about a second, once per process."""
    forms = ["" if 0xD800 <= code < 0xE000 else plain(chr(code)) for code in range(TABLED)]
    several = [code for code, form in enumerate(forms) if len(form) > 1]
    single = np.array([0 if not f else 1 if len(f) > 1 else ord(f) for f in forms], np.uint32)
    codes, dress = _fold_codes(), _dresses()
    halves, wholes = _pairs(
        (((ord(two[0]) << 32) | ord(two[1]), ord(whole)) for two, whole in split().items()),
        np.int64,
        np.uint32,
    )
    spoken, spoken_fold = _pairs(
        ((word_number(s), code) for s, code in codes.items() if s.isascii() and s.isalpha() and len(s) > 1),
        np.int64, np.uint16,
    )  # fmt: skip
    half, digit = np.zeros(TABLED, np.uint8), np.zeros(TABLED, np.uint8)
    half[halves >> 32] = 1
    for char, value in {**DIGITS, **{str(n): str(n) for n in range(10)}}.items():
        digit[ord(char)] = int(value)
    becomes_half = half[np.minimum(single, TABLED - 1)] > 0
    kind, fold = _kinds(), _folds(codes)
    forget()
    care = ((single < 2) | (dress > 0) | (half > 0) | becomes_half).astype(np.uint8)
    return CharacterTables(
        single=single, care=care, dress=dress, kind=kind, fold=fold, half=half, digit=digit,
        several=np.array(several, np.uint32),
        several_start=np.cumsum([0] + [len(forms[code]) for code in several]).astype(np.int64),
        several_text=np.array([ord(c) for code in several for c in forms[code]], np.uint32),
        halves=halves, wholes=wholes, spoken=spoken, spoken_fold=spoken_fold,
        tlds=np.array(sorted(map(word_number, TLDS)), np.int64),
        plain_tlds=np.array(sorted(word_number(tld) for tld in TLDS if tld not in TLD_WORDS), np.int64),
    )  # fmt: skip


@cache
def characters_and_marks() -> CharacterTables:
    """The tables for the text of patterns, in which the marks of slots stay; in a message they are dropped,
    so that no sender passes them off as ours."""
    tables = characters()
    single, care = tables.single.copy(), tables.care.copy()
    single[LINK : GAP + 1], care[LINK : GAP + 1] = np.arange(LINK, GAP + 1), 0
    return tables._replace(single=single, care=care)

"""Undo disguises: raw text to normalised text with a map back, and to the folded form used for comparing.

`normalise` keeps words readable (entities are found in it); `fold` keeps only what survives evasion: every
Han character becomes one representative of its toneless syllable; links, numbers and handles become one mark.
The steps and their order: UTS 39 and evasions that were measured.
"""

import re
import unicodedata
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from opencc import OpenCC
from pypinyin.constants import PINYIN_DICT

NORMALISER = "n1"
"""Version of both forms. Change it with the tables or rules below: stored folds become stale."""

LINK_MARK, NUMBER_MARK, HANDLE_MARK = "\ue000", "\ue001", "\ue002"
MARKS = LINK_MARK + NUMBER_MARK + HANDLE_MARK


@dataclass(frozen=True, slots=True)
class Normalised:
    """`text`, and for each character and the end its index in the raw text: len(offsets) == len(text) + 1."""

    text: str
    offsets: "array[int]"

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Raw span of text[start:end], with what was dropped behind the last character (keycaps, joiners)."""
        if end <= start:
            return self.offsets[start], self.offsets[start]
        return self.offsets[start], max(self.offsets[end - 1] + 1, self.offsets[end])


# ---------------------------------------------------------------- characters

_LOOKALIKES = {  # Cyrillic, Greek, small capitals, Lisu, Cherokee that pass for Latin (a subset of UTS 39)
    "a": "аαᴀɑꓮᎪ",
    "b": "ьвʙꓐᏴ",
    "c": "сϲᴄꓚᏟ",
    "d": "ԁᴅꓓᎠ",
    "e": "еεᴇꓰᎬ",
    "f": "ꜰꓝϝ",
    "g": "ɡɢԍꓖᏀ",
    "h": "һʜнꓧᎻ",
    "i": "іιɪıꓲᎥ",
    "j": "јϳᴊꓙᎫ",
    "k": "кκᴋꓗᏦ",
    "l": "ⅼʟӏꓡᏞ",
    "m": "мᴍꓟᎷ",
    "n": "ոɴпꓠ",
    "o": "оοσօᴏꓳ",
    "p": "рρᴘꓑᏢ",
    "q": "ԛ",
    "r": "гʀꓣᏒ",
    "s": "ѕꜱꓢᏚ",
    "t": "тτᴛꓔᎢ",
    "u": "υцᴜꓴս",
    "v": "ѵνᴠꓦᏙ",
    "w": "ѡωᴡꓪᎳԝ",
    "x": "хχ×ꓫ",
    "y": "уγʏꓬ",
    "z": "ᴢꓜᏃ",
}
_VARIANTS = {
    "収": "收",
    "査": "查",
    "帯": "带",
    "戸": "户",
    "対": "对",
    "両": "两",
    "単": "单",
    "発": "发",
    "銭": "钱",
    "帳": "账",
    "帐": "账",
    "徴": "征",
    "囬": "回",
    "刋": "刊",
    "従": "从",
    "変": "变",
    "氺": "水",
    "関": "关",
    "➕": "加",
    "✚": "加",
    "〇": "零",
}
_DIGIT_RUNS = (
    (0x2460, 1, 20),
    (0x2474, 1, 20),
    (0x2488, 1, 20),
    (0x24F5, 1, 10),
    (0x2776, 1, 10),
    (0x2780, 1, 10),
    (0x278A, 1, 10),
    (0x24EB, 11, 20),
)
_LETTER_RUNS = (0x249C, 0x24B6, 0x24D0, 0x1F110, 0x1F130, 0x1F150, 0x1F170, 0x1F1E6)
_DROPPED = {"Cf", "Cs", "Co", "Mn", "Me", "Cc"}
_HAN_BLOCKS = ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0xF900, 0xFB00), (0x20000, 0x2A6E0))


def is_han(char: str) -> bool:
    """Whether the character is a Chinese character of the blocks that have readings."""
    return any(low <= ord(char) < high for low, high in _HAN_BLOCKS)


@cache
def _simplified() -> dict[str, str]:
    traditional = [chr(code) for low, high in _HAN_BLOCKS for code in range(low, high)]
    simple = OpenCC("t2s").convert("\n".join(traditional)).split("\n")
    return {a: b for a, b in zip(traditional, simple, strict=True) if a != b}


@cache
def _own_table() -> dict[str, str]:
    table = dict(_VARIANTS)
    for latin, others in _LOOKALIKES.items():
        table.update(dict.fromkeys(others, latin))
    for start, first, last in _DIGIT_RUNS:
        table.update({chr(start + n - first): str(n) for n in range(first, last + 1)})
    for start in _LETTER_RUNS:
        table.update({chr(start + n): chr(ord("a") + n) for n in range(26)})
    table.update({"⓪": "0", "⓿": "0", "🄋": "0", "🄌": "0"})
    return table


def _once(char: str) -> str:
    own = _own_table().get(char)
    if own is not None:
        return own
    if unicodedata.category(char) in _DROPPED:
        return " " if char in "\t\n\r\v\f\x1e\x85" else ""
    base = unicodedata.normalize("NFKD", char)
    if len(base) > 1 and base[0].isascii() and base[0].isalpha():
        char = "".join(c for c in base if not unicodedata.combining(c))
    else:
        char = unicodedata.normalize("NFKC", char)
    return "".join(_simplified().get(c, c) for c in char.lower())


def _clean(char: str) -> str:
    """The fixed point of the character rules (each may open the way for another)."""
    text = char
    for _ in range(6):
        new = "".join(_once(c) for c in text)
        if new == text:
            break
        text = new
    return " " if text.isspace() else text


class _Characters(dict[int, str]):
    """Code point to replacement, filled as characters are met (a str.translate table)."""

    def __missing__(self, code: int) -> str:
        value = self[code] = _clean(chr(code))
        return value


@cache
def _characters() -> _Characters:
    return _Characters()


# ---------------------------------------------------------------- runs of characters

Edit = tuple[int, int, str]

_SPLIT = {
    "亻言": "信",
    "亻主": "住",
    "亻介": "价",
    "亻專": "传",
    "亻专": "传",
    "亻尔": "你",
    "亻弋": "代",
    "亻也": "他",
    "禾刂": "利",
    "禾斗": "科",
    "禾兑": "税",
    "钅艮": "银",
    "钅戋": "钱",
    "钅失": "铁",
    "讠正": "证",
    "讠人": "认",
    "讠舌": "话",
    "讠寸": "讨",
    "讠青": "请",
    "扌丁": "打",
    "扌支": "技",
    "扌斤": "折",
    "扌殳": "投",
    "氵去": "法",
    "氵气": "汽",
    "纟工": "红",
    "纟合": "给",
    "纟及": "级",
    "犭王": "狂",
    "饣官": "馆",
    "忄夬": "快",
    "贝长": "账",
    "贝戋": "贱",
    "贝攵": "败",
    "氵主": "注",
    "亻牛": "件",
    "亻左": "佐",
    "亻呆": "保",
    "亻木": "休",
}
_DIGITS = dict(zip("零一二三四五六七八九幺壹贰叁肆伍陆柒捌玖两", "012345678911234567892", strict=True))
_D = "[0-9" + "".join(_DIGITS) + "]"
_TLDS = "com|cn|net|org|top|vip|cc|xyz|info|club|shop|site|icu|app|live|ink|win|me|io|tv|fun|pro|work|ltd"


@cache
def _rules() -> tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Iterator[Edit]]], ...]:
    return (
        (re.compile("|".join(_SPLIT)), lambda m: iter([(m.start(), m.end(), _SPLIT[m[0]])])),
        (
            re.compile(r"(?<=[a-z0-9])[。点丶](?=(?:" + _TLDS + r")(?![a-z]))"),
            lambda m: iter([(m.start(), m.end(), ".")]),
        ),
        (
            re.compile(r"[威薇徽溦葳崴嶶维薇]信|微[芯伈]|[\\\\、]?/信|(?<![a-z0-9])(?:v信|[vw]x(?![a-z]))"),
            lambda m: iter([(m.start(), m.end(), "微信")]),
        ),
        (re.compile(r"扣扣|抠抠|蔻蔻"), lambda m: iter([(m.start(), m.end(), "qq")])),
        (re.compile(_D + r"(?:[ \-*._·~—|]{0,2}" + _D + ")+"), _number_edits),
    )


@cache
def _group() -> re.Pattern[str]:
    return re.compile(_D + "+")


def _number_edits(match: re.Match[str]) -> Iterator[Edit]:
    """Close up the digit groups of one run that together make a phone, a card or a spelled-out number.

    A closed group is never closed again (all its groups were tried at the first pass): idempotent.
    """
    groups = [
        (m.start(), m.end(), "".join(_DIGITS.get(c, c) for c in m[0])) for m in _group().finditer(match[0])
    ]
    base, i = match.start(), 0
    while i < len(groups):
        j = _closing(groups, i)
        if j > i:
            digits = "".join(g[2] for g in groups[i:j])
            places = [p for a, b, _ in groups[i:j] for p in range(a, b)]
            yield from _close(match[0], base, places, digits)
        i = max(j, i + 1)


def _close(run: str, base: int, places: list[int], digits: str) -> Iterator[Edit]:
    for n, (place, digit) in enumerate(zip(places, digits, strict=True)):
        end = places[n + 1] if n + 1 < len(places) else place + 1
        if run[place:end] != digit:
            yield base + place, base + end, digit


def _closing(groups: list[tuple[int, int, str]], i: int) -> int:
    """Index behind the last group to close with group i, or i for none."""
    joined, best = "", i
    for j in range(i, min(len(groups), i + 19)):
        if len(groups[j][2]) > 8 and j > i:
            break
        joined += groups[j][2]
        if len(joined) > 19:
            break
        if len(joined) == 11 and joined[0] == "1" and joined[1] > "2":
            return j + 1
        if _card_shape([g[2] for g in groups[i : j + 1]]) and luhn(joined):
            best = j + 1
    if best > i:
        return best
    j = i
    while j < len(groups) and len(groups[j][2]) == 1 and j - i < 19:
        j += 1
    if j - i >= 7:
        return j
    return i + 1 if len(groups[i][2]) >= 7 else i


def _card_shape(groups: list[str]) -> bool:
    return (
        len(groups) >= 4
        and all(len(g) == 4 for g in groups[:-1])
        and len(groups[-1]) <= 7
        and len(groups[0]) == 4
    )


def luhn(digits: str) -> bool:
    """Whether a string of decimal digits passes the Luhn check (ISO/IEC 7812-1 annex B)."""
    total = 0
    for n, char in enumerate(reversed(digits)):
        value = ord(char) - 48
        if n % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


def _edits(
    text: str, pattern: re.Pattern[str], edit: Callable[[re.Match[str]], Iterator[Edit]]
) -> list[Edit]:
    return [e for m in pattern.finditer(text) for e in edit(m)]


def _apply(text: str, edits: list[Edit]) -> str:
    pieces, last = [], 0
    for start, end, new in edits:
        pieces += [text[last:start], new]
        last = end
    return "".join(pieces) + text[last:]


def _apply_offsets(offsets: "array[int]", edits: list[Edit]) -> "array[int]":
    out, last = array("I"), 0
    for start, end, new in edits:
        out.extend(offsets[last:start])
        out.extend([offsets[start]] * len(new))
        last = end
    out.extend(offsets[last:])
    return out


def clean(text: str) -> str:
    """`normalise(text).text`, without the map: for the hot path."""
    text = text.translate(_characters())
    for pattern, edit in _rules():
        edits = _edits(text, pattern, edit)
        if edits:
            text = _apply(text, edits)
    return text


def normalise(text: str) -> Normalised:
    """Normalised text with its map into the raw text. Any str is taken; normalising twice changes nothing."""
    table, out, offsets = _characters(), [], array("I")
    for index, char in enumerate(text):
        new = table[ord(char)]
        out.append(new)
        offsets.extend([index] * len(new))
    offsets.append(len(text))
    norm = "".join(out)
    for pattern, edit in _rules():
        edits = _edits(norm, pattern, edit)
        if edits:
            norm, offsets = _apply(norm, edits), _apply_offsets(offsets, edits)
    return Normalised(norm, offsets)


# ---------------------------------------------------------------- folding


@cache
def _masks() -> re.Pattern[str]:
    return re.compile(
        r"(?P<link>(?:[a-z]{3,8}://|www\.)[!-~]+|(?<![a-z0-9.\-@])(?:[a-z0-9\-]{1,63}(?:\.|\[\.\])){1,6}[a-z]{2,18}"
        r"(?![a-z0-9])(?:[:/?][!-~]*)?)"
        r"|(?P<number>[0-9]+(?:[.,:\-/][0-9]+)*%?(?![a-z_]))"
        r"|(?P<handle>(?<![a-z0-9_\-])[a-z_\-]*[0-9][a-z0-9_\-]*)"
    )


def _mask(match: re.Match[str]) -> Iterator[Edit]:
    mark = {"link": LINK_MARK, "number": NUMBER_MARK, "handle": HANDLE_MARK}[match.lastgroup or "handle"]
    yield match.start(), match.end(), mark


@cache
def _syllables() -> dict[int, str]:
    """Code point of a Han character to the first character (by code point) of its toneless syllable."""
    first: dict[str, str] = {}
    table: dict[int, str] = {}
    for code in sorted(PINYIN_DICT):
        reading = PINYIN_DICT[code].split(",")[0]
        plain = "".join(c for c in unicodedata.normalize("NFD", reading) if not unicodedata.combining(c))
        table[code] = first.setdefault(plain, chr(code))
    return table


class _Folds(dict[int, str]):
    """Code point of a normalised character to its folded form; what says nothing, a space or nothing."""

    def __missing__(self, code: int) -> str:
        value = self[code] = self._fold(chr(code))
        return value

    @staticmethod
    def _fold(char: str) -> str:
        if char in MARKS or char == "'":
            return char
        if char in "亻讠钅扌氵纟忄犭饣礻衤刂冫":
            return ""
        if is_han(char):
            return _syllables().get(ord(char), char)
        return char if char.isalpha() else " "


@cache
def _folds() -> _Folds:
    return _Folds()


@cache
def _gaps() -> re.Pattern[str]:
    """Runs of marks, and spaces: one space stays between two Latin words, none beside Chinese or a mark."""
    return re.compile(rf"([{MARKS}])[{MARKS} ]++| ++(?![a-z'])|(?<![a-z' ]) ++|(?P<words>  ++)")


def _gap_edit(match: re.Match[str]) -> Iterator[Edit]:
    yield match.start(), match.end(), match[1] or (" " if match["words"] else "")


def fold(text: str) -> str:
    """The form that texts are compared in. Any str is taken; empty means there is nothing to compare."""
    return fold_clean(clean(text))


def fold_clean(norm: str) -> str:
    """`fold` of a text that is normalised already."""
    folded = _apply(norm, _edits(norm, _masks(), _mask)).translate(_folds())
    return _apply(folded, _edits(folded, _gaps(), _gap_edit))


def fold_with_offsets(text: str) -> Normalised:
    """`fold(text)` with its map into the raw text: for showing evidence, some two times slower."""
    norm = normalise(text)
    edits = _edits(norm.text, _masks(), _mask)
    masked, offsets = _apply(norm.text, edits), _apply_offsets(norm.offsets, edits)
    pieces = [_folds()[ord(c)] for c in masked]
    kept = array("I", [offsets[i] for i, piece in enumerate(pieces) for _ in piece] + [offsets[-1]])
    folded = "".join(pieces)
    edits = _edits(folded, _gaps(), _gap_edit)
    return Normalised(_apply(folded, edits), _apply_offsets(kept, edits))


def sound(norm: str) -> str:
    """Normalised text with each Han character as its toneless syllable; everything else stays."""
    table = _syllables()
    return "".join(table.get(ord(c), c) if is_han(c) else c for c in norm)

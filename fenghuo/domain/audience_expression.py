"""The audience of a warning as a person writes it: 镇=东湖镇,西岭街道 且 标签=商户; read and written back.

Fields in Chinese or English, values with commas between them, 且/and, 或/or, 非/not, parentheses, 全部/all.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from fenghuo.domain.channels import CHANNEL_NAMES
from fenghuo.errors import Refused

MAX_LENGTH = 500
"""Characters of an expression."""
MAX_DEPTH = 20
"""Parentheses and negations within each other."""

FIELDS = {
    "town": ("镇", "街镇", "镇街", "街道"),
    "station": ("派出所", "所"),
    "tag": ("标签",),
    "group": ("群", "群编号", "群名"),
    "owner": ("群主", "负责人"),
    "channel": ("通道",),
}
"""Each field with its Chinese names, the first of which is shown."""
TAG_NAMES = {
    "business": ("商户", "商家", "企业"),
    "residents": ("业主", "居民"),
    "parents": ("家长",),
    "elders": ("老年", "老人", "老年人"),
    "students": ("学生",),
    "workers": ("务工", "员工"),
}
"""Tags with other names; any further tag is called what it is."""


@dataclass(frozen=True, slots=True)
class Everyone:
    """Every group."""


@dataclass(frozen=True, slots=True)
class Is:
    """Groups whose ``field`` (of FIELDS) is one of ``values``."""

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Not:
    of: "Condition"


@dataclass(frozen=True, slots=True)
class All:
    of: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    of: "tuple[Condition, ...]"


Condition: TypeAlias = Everyone | Is | Not | All | AnyOf

_MESSAGES = {
    "too_long": (
        "太长了：最多 {limit} 个字，现在有 {found} 个。请删减，或分成几条预警",
        "too long: at most {limit} characters, there are {found}; shorten it or make several warnings",
    ),
    "too_deep": (
        "第 {n} 个字：括号和“非”套得太深，最多 {limit} 层。请改得简单些",
        "character {n}: more than {limit} parentheses and nots within each other; make it simpler",
    ),
    "condition": (
        "第 {n} 个字“{found}”：这里要写条件，例如 镇=东湖镇",
        "character {n}, '{found}': a condition is wanted here, such as town=东湖镇",
    ),
    "end": (
        "写到第 {n} 个字就断了：后面还要一个条件，例如 镇=东湖镇",
        "it breaks off at character {n}: a condition is wanted there, such as town=东湖镇",
    ),
    "field": (
        "第 {n} 个字：没有叫“{found}”的字段。可以用：{known}",
        "character {n}: there is no field '{found}'; known: {known}",
    ),
    "value": (
        "第 {n} 个字：“{found}”后面要写内容，例如 镇=东湖镇；几个之间用逗号",
        "character {n}: a value is wanted after '{found}', such as town=东湖镇; commas between several",
    ),
    "quote": (
        "第 {n} 个字：引号没有关上",
        "character {n}: a quote is opened and not closed",
    ),
    "unclosed": (
        "第 {n} 个字的括号没有关上：请补上右括号",
        "the parenthesis at character {n} is not closed: add the other one",
    ),
    "extra": (
        "第 {n} 个字“{found}”接不上：两个条件之间写 且 或 或，几个值之间用逗号",
        "character {n}, '{found}' does not follow: write and / or between conditions, commas between values",
    ),
}


class ExpressionError(Refused):
    """An expression that cannot be read: ``code``, ``at`` (the character, the first being 1) and what to do.

    ``str(error)`` is Chinese; ``message(language)`` is in "zh" or "en".
    """

    def __init__(self, code: str, at: int, **values: object) -> None:
        self.code = code
        self.at = at
        self._values = {"n": at, **values}
        super().__init__(self.message("zh"))

    def message(self, language: str) -> str:
        known = "、".join(x[0] for x in FIELDS.values()) if language == "zh" else ", ".join(FIELDS)
        return _MESSAGES[self.code][language != "zh"].format(known=known, **self._values)


_FIELD_OF = {name: field for field, names in FIELDS.items() for name in (field, *names)}
_NAMED = "|".join(sorted(map(re.escape, _FIELD_OF), key=len, reverse=True))
_IS = r"\s*(!=|≠|[=＝:：])"
_FIELD = re.compile(rf"({_NAMED}){_IS}", re.IGNORECASE)
_OTHER_FIELD = re.compile(rf"([^\s=＝:：!≠()（）,，、]{{1,20}}){_IS}")
_AND = re.compile(r"并且|且|&&?|and(?!\w)", re.IGNORECASE)
_OR = re.compile(r"或者|或|\|\|?|or(?!\w)", re.IGNORECASE)
_NOT = re.compile(r"非|not(?!\w)|!", re.IGNORECASE)
_EVERYONE = re.compile(r"全部|所有|(?:all|everyone)(?!\w)", re.IGNORECASE)
_OPEN, _CLOSE = re.compile(r"[(（]"), re.compile(r"[)）]")
_SPACE, _COMMA = re.compile(r"\s*"), re.compile(r"\s*[,，、]\s*")
_NEXT = rf"(?:并且|或者|[且或])\s*(?:非\s*)?[(（]?\s*(?:{_NAMED})\s*[=＝:：≠]"
"""A connector without a space before it: 镇=东湖镇且标签=商户."""
_BARE = re.compile(rf"(?:(?!{_NEXT})[^\s,，、()（）\"“”「」=＝!≠&|])+", re.IGNORECASE)
_QUOTED = re.compile(r'"((?:[^"]|"")+)"|“([^”]+)”|「([^」]+)」')
_PLAIN = re.compile(r"[\w.@#/-]+")
_WORDS = frozenset({"and", "or", "not", "且", "并且", "或", "或者", "非"})

_OTHER_NAMES = {
    "tag": {alias: tag for tag, names in TAG_NAMES.items() for alias in names},
    "channel": {alias: name for name, names in CHANNEL_NAMES.items() for alias in names},
}


def canonical(field: str, value: str) -> str:
    """The value as it is stored: business for 商户."""
    names = _OTHER_NAMES.get(field)
    return value if names is None else names.get(value, value.casefold())


def parse(text: str) -> Condition:
    """The condition that ``text`` expresses, in its simplest form; an empty text is everyone. Raises
    ExpressionError."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError("too_long", MAX_LENGTH, limit=MAX_LENGTH, found=len(text))
    reader = _Reader(text)
    if reader.at_end():
        return Everyone()
    found = reader.either(0)
    if not reader.at_end():
        raise ExpressionError("extra", reader.at + 1, found=reader.ahead())
    return found


class _Reader:
    """Reads one expression from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.at = 0

    def at_end(self) -> bool:
        self._take(_SPACE)
        return self.at >= len(self._text)

    def ahead(self) -> str:
        return self._text[self.at : self.at + 8]

    def either(self, depth: int) -> Condition:
        parts = [self._both(depth)]
        while self._word(_OR):
            parts.append(self._both(depth))
        return _joined(AnyOf, parts)

    def _both(self, depth: int) -> Condition:
        parts = [self._one(depth)]
        while self._word(_AND):
            parts.append(self._one(depth))
        return _joined(All, parts)

    def _one(self, depth: int) -> Condition:
        if self.at_end():
            raise ExpressionError("end", self.at)
        if depth > MAX_DEPTH:
            raise ExpressionError("too_deep", self.at + 1, limit=MAX_DEPTH)
        if field := self._take(_FIELD):
            found = Is(_FIELD_OF[field[1].lower()], self._values(field[0], _FIELD_OF[field[1].lower()]))
            return Not(found) if field[2] in ("!=", "≠") else found
        if self._take(_EVERYONE):
            return Everyone()
        if self._take(_NOT):
            return _opposite(self._one(depth + 1))
        begun = self.at
        if self._take(_OPEN):
            inner = self.either(depth + 1)
            if not self._word(_CLOSE):
                if self.at_end():
                    raise ExpressionError("unclosed", begun + 1)
                raise ExpressionError("extra", self.at + 1, found=self.ahead())
            return inner
        if other := self._take(_OTHER_FIELD):
            raise ExpressionError("field", begun + 1, found=other[1])
        raise ExpressionError("condition", begun + 1, found=self.ahead())

    def _values(self, after: str, field: str) -> tuple[str, ...]:
        found = [self._value(after, field)]
        while self._take(_COMMA):
            found.append(self._value(after, field))
        return tuple(dict.fromkeys(found))

    def _value(self, after: str, field: str) -> str:
        self._take(_SPACE)
        begun = self.at
        if quoted := self._take(_QUOTED):
            plain = next(x for x in quoted.groups() if x is not None).replace('""', '"').strip()
            if plain:
                return canonical(field, plain)
        elif self.ahead()[:1] in ('"', "“", "「"):
            raise ExpressionError("quote", self.at + 1)
        elif (bare := self._take(_BARE)) and bare[0].casefold() not in _WORDS:
            return canonical(field, bare[0])
        raise ExpressionError("value", begun + 1, found=after.strip())

    def _word(self, pattern: re.Pattern[str]) -> bool:
        self._take(_SPACE)
        return self._take(pattern) is not None

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self._text, self.at)
        if found:
            self.at = found.end()
        return found


def _joined(kind: type[All] | type[AnyOf], parts: Iterable[Condition]) -> Condition:
    """The parts as one condition of ``kind``: deduplicated, parts of the same kind flattened, a single part
    as it is."""
    flat: dict[Condition, None] = {}
    for part in parts:
        flat |= dict.fromkeys(part.of if isinstance(part, kind) else (part,))
    return kind(tuple(flat)) if len(flat) > 1 else next(iter(flat))


def _opposite(of: Condition) -> Condition:
    return of.of if isinstance(of, Not) else Not(of)


def to_text(condition: Condition, language: str = "zh") -> str:
    """The expression in the words of "zh" or "en". ``parse`` reads it as the same condition, but it may be
    longer than what a person wrote: keep what was written."""
    both, either, no, all_ = (" 且 ", " 或 ", "非 ", "全部") if language == "zh" else (
        " and ", " or ", "not ", "all")  # fmt: skip

    def inner(of: Condition, *looser: type) -> str:
        return f"({written(of)})" if isinstance(of, looser) else written(of)

    def written(of: Condition) -> str:
        if isinstance(of, Everyone):
            return all_
        if isinstance(of, Is):
            name = FIELDS[of.field][0] if language == "zh" else of.field
            return f"{name}={','.join(_quoted(named(of.field, x, language)) for x in of.values)}"
        if isinstance(of, Not):
            return no + inner(of.of, All, AnyOf)
        if isinstance(of, All):
            return both.join(inner(x, AnyOf) for x in of.of)
        return either.join(written(x) for x in of.of)

    return written(condition)


def named(field: str, value: str, language: str) -> str:
    """A stored value of ``field`` as a person reads it: 商户 for business."""
    names = {"tag": TAG_NAMES, "channel": CHANNEL_NAMES}.get(field, {})
    return names[value][0] if language == "zh" and value in names else value


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value) and value.casefold() not in _WORDS and not set(value) & set("且或"):
        return value
    return '"' + value.replace('"', '""') + '"'

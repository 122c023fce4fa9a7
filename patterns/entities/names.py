"""Find who is named in a text: persons, schools and classes, shops, firms, banks and registered domains.

For a person to tick off before a warning goes out, and to hide persons and schools from screens. What is
common (冒充客服, 某公司, 正规药店) is nobody's name. A surname with a title alone (王警官) is too easily
somebody's office, and is not reported.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from patterns.data.organisations import (
    BANKS,
    BRANCHES,
    FIRM_ENDS,
    FORMAL,
    FORTUNATE,
    FUNCTION,
    GENERIC,
    LOCAL_BANKS,
    NO_PLACE,
    NOT_FORTUNATE,
    PLACES,
    SCHOOL_ENDS,
    SCHOOL_NAMES,
    SHOP_ENDS,
)
from patterns.data.trusted import SUFFIXES
from patterns.entities.find import find_in
from patterns.entities.identifiers import registrable
from patterns.entities.masking import split_link
from patterns.entities.persons import without_title
from patterns.text.normalise import Normalised, normalise

Kind = Literal["person", "school", "shop", "firm", "bank", "domain"]
Span = tuple[Kind, int, int]
"""Offsets into the normalised text."""


@dataclass(frozen=True, slots=True)
class Named:
    """A name; `start` and `end` are offsets into the RAW text, `value` is cleaned: a domain is the registered
    one."""

    kind: Kind
    start: int
    end: int
    value: str


_H = "\u4e00-\u9fff"
_N = "0-9一二三四五六七八九十"
_CLASS = rf"(?:[{_N}]年级|[高初][一二三123])?(?:\(?[{_N}]{{1,2}}\)?班|[大中小][{_N}]?班)"
_GRADE_AND_CLASS = rf"(?:[{_N}]年级|[高初][一二三123])\(?[{_N}]{{1,2}}\)?班"
_SHORTEST, _LONGEST = 2, 10


@cache
def _compiled(rule: str) -> re.Pattern[str]:
    return re.compile(rule)


def find_names(text: str) -> tuple[Named, ...]:
    """Names of a raw text in order of place; they never overlap (of two, the one that begins first)."""
    norm = normalise(text)
    found, last = list[Named](), 0
    for named in sorted(_all(norm), key=lambda x: (x.start, -x.end)):
        if named.start >= last:
            found.append(named)
            last = named.end
    return tuple(found)


def _all(norm: Normalised) -> Iterator[Named]:
    armed = norm.text.replace("[.]", ".").replace("hxxp", "http")
    yield from _persons_and_domains(norm)
    if armed != norm.text:
        yield from _defanged(norm)
    for kind, start, end in (*_schools(norm.text), *_banks(norm.text), *_shops_and_firms(norm.text)):
        yield Named(kind, *norm.span(start, end), norm.text[start:end])


def _persons_and_domains(norm: Normalised) -> Iterator[Named]:
    for entity in find_in(norm):
        if entity.kind == "person" and (name := without_title(entity.value)):
            yield Named("person", entity.start, entity.end, name)
        if entity.kind == "url" and (domain := _registered(entity.value)):
            yield Named("domain", entity.start, entity.end, domain)


def _registered(link: str) -> str | None:
    host = split_link(link)[1].partition(":")[0]
    name = registrable(host)
    return None if name is None or name.endswith(tuple(SUFFIXES)) else name


def _defanged(norm: Normalised) -> Iterator[Named]:
    rule = r"(?:h(?:xx|tt)ps?://)?[a-z0-9\-]{1,63}(?:\[\.\][a-z0-9\-]{1,63}){1,6}"
    for match in _compiled(rule).finditer(norm.text):
        if domain := _registered(match[0].replace("[.]", ".")):
            yield Named("domain", *norm.span(*match.span()), domain)


# ---------------------------------------------------------------- schools


def _schools(norm: str) -> Iterator[Span]:
    """A school with a name of its own or with a class; a grade with its class alone."""
    last = 0
    for match in _compiled(rf"(?:{SCHOOL_ENDS})(?P<class>(?:的)?{_CLASS})?").finditer(norm):
        start = _school_begins(norm, match.start(), last)
        if start < match.start():
            yield "school", start, match.end()
            last = match.end()
        elif match["class"]:
            yield "school", match.start(), match.end()
            last = match.end()
    for match in _compiled(_GRADE_AND_CLASS).finditer(norm):
        yield "school", *match.span()


def _school_begins(norm: str, end: int, low: int) -> int:
    """Where the name in front of 小学 begins; `end` itself if there is none."""
    left = norm[max(low, end - 12) : end]
    match = _compiled(rf"([{_H}]{{2,6}}?[{PLACES}])?(?:{SCHOOL_NAMES}){{1,2}}$").search(left)
    if match is None:
        match = _compiled(rf"[{_H}]{{1,5}}[{PLACES}]$").search(left)
        if match is None or left[-2:] in NO_PLACE:
            return end
    begins = end - len(left) + match.start()
    return begins + _function_words(norm[begins:end])


def _function_words(name: str) -> int:
    """How many characters of the left are no part of the name (我女儿在东湖 -> 东湖)."""
    match = _compiled(rf".*(?:[{FUNCTION}儿子女]|冒充|假冒|自称)(?=.)").match(name)
    return match.end() if match else 0


# ---------------------------------------------------------------- banks, shops, firms


def _banks(norm: str) -> Iterator[Span]:
    """A bank, with its branch if that is named; a local bank or a branch with the name of its place."""
    branch = rf"(?:[{_H}]{{2,5}}?(?:{BRANCHES}))"
    rule = (
        rf"(?:中国)?(?P<bank>{BANKS})(?:股份有限公司)?{branch}?"
        rf"|[{_H}]{{2,5}}?(?:{LOCAL_BANKS}|{BRANCHES}){branch}?"
    )
    for match in _compiled(rule).finditer(norm):
        if match["bank"]:
            yield "bank", *match.span()
            continue
        end = _compiled(f"{LOCAL_BANKS}|{BRANCHES}").search(match[0])
        name = match[0][: end.start() if end else 0]
        skipped = _function_words(name + "行")
        if len(name) - skipped >= _SHORTEST and not _compiled(COMMON_RULE).search(name[skipped:]):
            yield "bank", match.start() + skipped, match.end()


def _shops_and_firms(norm: str) -> Iterator[Span]:
    kinds: tuple[tuple[Kind, str], ...] = (("shop", SHOP_ENDS), ("firm", FIRM_ENDS))
    for kind, ends in kinds:
        last = 0
        for match in _compiled(f"(?:{ends})+").finditer(norm):
            start = _name_begins(norm, match.start(), last)
            last = match.end()
            skipped = _common_words(norm[start : match.start()], match[0])
            if skipped is not None:
                yield kind, start + skipped, match.end()


def _name_begins(norm: str, end: int, low: int) -> int:
    start = end
    while start > max(low, end - _LONGEST) and _part_of_name(norm[start - 1]):
        start -= 1
    return start


def _part_of_name(char: str) -> bool:
    return "\u4e00" <= char <= "\u9fff" and char not in FUNCTION


def _common_words(left: str, end: str) -> int | None:
    """How many characters before 超市 or 公司 go before the name; None if there is no name."""
    own = _compiled(COMMON_RULE).sub(lambda match: " " * len(match[0]), left)
    if "某" in left:
        return None
    if end.endswith(tuple(FORMAL)) and own.strip():
        return len(own) - len(own.lstrip())
    name = _compiled(
        rf"[{FORTUNATE_RULE}]{{2,}}|[老小阿][{_H}]|[{_H}]{{1,4}}[街路巷村镇](?<!街道)(?<!道路)"
    ).search(own)
    return None if name is None else name.start()


COMMON_RULE = f"(?:{'|'.join(sorted(set(f'{GENERIC}|{NOT_FORTUNATE}'.split('|')), key=len, reverse=True))})"
"""The common words, longer ones first."""
FORTUNATE_RULE = "".join(sorted(FORTUNATE))

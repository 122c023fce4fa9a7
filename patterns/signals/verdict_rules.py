"""Decide what a likeness means: a known scam, one that a person should look at, or the honest original.

A genuine notice and the scam that imitates it share most of their words, and a warning quotes the whole scam,
so likeness alone is not enough. The rules look at the hook (where the victim is led), at known-good names in
its place, and at signs of quotation and advice.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from math import log
from typing import NamedTuple

from patterns.data.hook_phrases import (  # fmt: skip
    ASKED,
    HOTLINE_RULE,
    IN_APP,
    LINK_RULE,
    NEGATORS,
    NO_REFUSAL,
    NUMBER_RULE,
    OFFICIAL,
    QUOTED,
    REFUSED,
    SPOKEN,
    STRONG_ADVICE,
    TOLD_BEHIND,
    WEAK_ADVICE,
)
from patterns.data.trusted import PROGRAMS
from patterns.entities.accounts import names_account
from patterns.entities.identifiers import is_hotline, is_known_good, is_tld
from patterns.text.normalise import clean, sound

SMALL_LIBRARY, LARGE_LIBRARY = 800, 2_000
"""Patterns up to which the one, and from which the other threshold counts."""
KNOWN_IN_SMALL, KNOWN = 33.0, 38.0
"""Score from which a message is the pattern, in a small and in a large library: the best of many chance
likenesses grows with the logarithm of how many there are."""
GREY = 8.0
"""So many points below that a message is suggested."""
ALIGNED = 75.0
"""Partial ratio of rapidfuzz from which a suggested message is known too: a short, slightly reworded piece of
the pattern."""
WHOLE = 88.0
"""Score, by information alone, from which the message contains the whole pattern: an added hotline or refusal
changes nothing."""
NEAR_COPY = 70.0
"""Score from which a message is known even without a recognised hook, unless it says something honest."""
DISGUISED = 3
"""Characters that are invisible, fancy, odd, or traditional among simplified ones, from which a text is in
disguise."""
MUCH_LATIN = 280.0
"""Bits of a pattern in Latin letters from which it is more than a few words that many senders use."""


class Bands(NamedTuple):
    """Scores from which a message is known, and suggested."""

    known: float
    suggested: float


STRICTEST = Bands(KNOWN, KNOWN - GREY)
"""The bands of a large library, and in any library those of a pattern that leads nowhere or is in Latin
letters: it has nothing that its honest twins lack."""


def bands(size: int) -> Bands:
    """The bands of a library of `size` patterns."""
    place = log(max(size, 1) / SMALL_LIBRARY) / log(LARGE_LIBRARY / SMALL_LIBRARY)
    known = KNOWN_IN_SMALL + (KNOWN - KNOWN_IN_SMALL) * min(max(place, 0.0), 1.0)
    return Bands(known, known - GREY)


def tells_enough_in_latin(score: float, bits: float) -> bool:
    """Whether a score by information alone makes a message known as a pattern of `bits` in Latin letters that
    leads nowhere: for these there are no words of hooks, so the likeness must tell more."""
    return score >= (KNOWN if bits >= MUCH_LATIN else NEAR_COPY)


@cache
def _compiled(rule: str) -> re.Pattern[str]:
    return re.compile(rule)


def _alternation(rules: Iterable[tuple[str, str, str]]) -> re.Pattern[str]:
    """One expression that tries a rule only at one of its first characters."""
    rules = list(rules)
    gate = "".join(starts for _, starts, _ in rules)
    return re.compile(
        f"(?=[{gate}])(?:"
        + "|".join(f"(?P<{kind}>(?=[{starts}])(?:{rule}))" for kind, starts, rule in rules)
        + ")"
    )


@cache
def _spoken() -> re.Pattern[str]:
    return _alternation(SPOKEN)


@cache
def _sounded() -> re.Pattern[str]:
    """The spoken rules by sound: a disguised text is searched by sound."""
    return _alternation((kind, sound(starts), sound(rule)) for kind, starts, rule in SPOKEN)


@cache
def _programs() -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, PROGRAMS)))


class Hooks(NamedTuple):
    """The kinds of hook that a text asks for, and those that it advises against or denies asking for."""

    asked: frozenset[str]
    refused: frozenset[str]


def _is_refused(norm: str, start: int, end: int) -> bool:
    before = norm[max(0, start - 24) : start + 1]
    if _compiled(NEGATORS).search(before):
        meant = _compiled(NO_REFUSAL).sub("", before)
        if _compiled(REFUSED).search(meant):
            return True
    return _compiled(TOLD_BEHIND).match(norm, end, end + 14) is not None


def _armed(norm: str) -> str:
    """The text with its defanged links restored: a pattern learned from an alert has defanged ones."""
    return norm.replace("[.]", ".").replace("hxxp", "http") if "[.]" in norm else norm


def _links(norm: str) -> Iterator[re.Match[str]]:
    """Everything that looks like a link, in a tenth of the time of `entities.find`."""
    if "." in norm or "://" in norm:
        for match in _compiled(LINK_RULE).finditer(norm):
            if not _ends_a_sentence(match, norm):
                yield match


def _ends_a_sentence(match: re.Match[str], norm: str) -> bool:
    """Whether what looks like a link are two words of Latin text with no space behind the stop
    (thank you.we are)."""
    first, dot, last = match[0].partition(".")
    words = dot and first.isalpha() and last.isalpha() and not is_tld(last)
    return (
        bool(words) and norm[match.start() - 1 : match.start()] == " " == norm[match.end() : match.end() + 1]
    )


def leads_away(norm: str) -> bool:
    """Whether a normalised text holds a link to nobody known good, or an account: the plainest of hooks."""
    norm = _armed(norm)
    return names_account(norm) or any(
        not is_known_good(match[0]) and not _is_refused(norm, *match.span()) for match in _links(norm)
    )


def hooks(norm: str) -> Hooks:
    """The hooks of a normalised text; known-good sites, numbers and programs are none."""
    norm = _programs().sub("官", _armed(norm))
    asked, refused = set[str](), set[str]()
    if names_account(norm):
        asked.add("account")
    for match in _links(norm):
        if not is_known_good(match[0]):
            (refused if _is_refused(norm, *match.span()) else asked).add("link")
    for match in _compiled(NUMBER_RULE).finditer(norm):
        if not is_hotline(match[0].replace("-", "")):
            asked.add("number")
    for match in _spoken().finditer(norm):
        kind = match.lastgroup or ""
        (refused if _is_refused(norm, *match.span()) else asked).add(kind)
    if not asked and not refused:
        plain = _compiled(
            r"致电|来电|拨打|打?电话|(?<=[\u4e00-\u9fff])[^\u4e00-\u9fffa-z0-9,。;!?]+(?=[\u4e00-\u9fff])"
        ).sub("", norm)
        asked.update(match.lastgroup or "" for match in _sounded().finditer(sound(plain)))
    return Hooks(frozenset(asked), frozenset(refused))


def _names_a_hotline(norm: str) -> bool:
    if _compiled(_SHORT_NUMBER).search(norm) is None:
        return False
    return any(is_hotline(match[1] or match[2]) for match in _compiled(HOTLINE_RULE).finditer(norm))


_SHORT_NUMBER = r"\d{3}"


def names_known_good(norm: str) -> bool:
    """Whether a normalised text names an official site, number, program or counter."""
    norm = _armed(norm)
    return (
        _compiled(OFFICIAL).search(norm) is not None
        or _programs().search(norm) is not None
        or _compiled(IN_APP).search(norm) is not None
        or any(is_known_good(match[0]) for match in _links(norm))
        or _names_a_hotline(norm)
    )


def is_disguised(signs: Sequence[int]) -> bool:
    """Whether characters are written as only who evades a filter writes them; `signs` as in `Cleaned`."""
    han, hidden, dressed, odd, traditional = signs[:5]
    mixed = traditional if 2 * traditional <= han else 0
    return hidden + dressed + odd + mixed >= DISGUISED


def is_advice(norm: str) -> bool:
    """Whether a normalised text warns of fraud (and may quote it): a strong sign, or three weak ones."""
    strong, weak = _compiled(STRONG_ADVICE), _compiled(WEAK_ADVICE)
    return strong.search(norm) is not None or len(set(weak.findall(norm))) >= 3


LEAST_QUOTED, QUOTED_SHARE = 12, 0.7
"""Characters of a quotation that is more than a name, and the share of the evidence that stands in it."""


def quotes_to_warn(raw: str, evidence: tuple[int, int]) -> bool:
    """Whether the evidence stands in quotation marks, and what stands outside of them warns and does not
    ask."""
    start, end = evidence
    for match in _compiled(QUOTED).finditer(raw):
        inside = min(end, match.end()) - max(start, match.start())
        if inside >= max(LEAST_QUOTED, QUOTED_SHARE * (end - start)):
            outside = clean(f"{raw[: match.start()]}\n{raw[match.end() :]}")
            return not _compiled(ASKED).search(outside) and any(
                _compiled(rule).search(outside) for rule in (STRONG_ADVICE, WEAK_ADVICE)
            )
    return False

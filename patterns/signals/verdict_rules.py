"""Decide what a likeness means: a known scam, one that a person should look at, or the honest original.

A genuine notice and the scam that imitates it share most of their words, and a warning quotes the whole scam,
so likeness alone is not enough. The rules look at the hook (where the victim is led), at known-good names in
its place, and at signs of quotation and advice.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

from patterns.data.hook_phrases import (  # fmt: skip
    HANDLE_RULE,
    HOTLINE_RULE,
    LINK_RULE,
    NEGATORS,
    NO_REFUSAL,
    NUMBER_RULE,
    OFFICIAL,
    REFUSED,
    SPOKEN,
    STRONG_ADVICE,
    TOLD_BEHIND,
    WEAK_ADVICE,
)
from patterns.entities.identifiers import is_hotline, is_known_good
from patterns.text.normalise import sound

KNOWN = 38.0
"""Score from which a message is the pattern."""
ALIGNED = 75.0
"""Partial ratio of rapidfuzz from which a suggested message is known too: a short, slightly reworded piece of
the pattern."""
WHOLE = 88.0
"""Score from which the message contains the whole pattern: an added hotline or refusal changes nothing."""
NEAR_COPY = 70.0
"""Score from which a message is known even without a recognised hook, unless it says something honest."""
SUGGESTED = 30.0
"""Score from which a message is suggested."""


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
    return _compiled(LINK_RULE).finditer(norm) if "." in norm or "://" in norm else iter(())


def leads_away(norm: str) -> bool:
    """Whether a normalised text holds a link to nobody known good, or an account: the plainest of hooks."""
    norm = _armed(norm)
    return _compiled(HANDLE_RULE).search(norm) is not None or any(
        not is_known_good(match[0]) and not _is_refused(norm, *match.span()) for match in _links(norm)
    )


def hooks(norm: str) -> Hooks:
    """The hooks of a normalised text; known-good sites and numbers are none."""
    norm = _armed(norm)
    asked, refused = set[str](), set[str]()
    if _compiled(HANDLE_RULE).search(norm):
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


def names_known_good(norm: str) -> bool:
    """Whether a normalised text names an official site, number, program or counter."""
    norm = _armed(norm)
    return (
        _compiled(OFFICIAL).search(norm) is not None
        or any(is_known_good(match[0]) for match in _links(norm))
        or any(is_hotline(match[1] or match[2]) for match in _compiled(HOTLINE_RULE).finditer(norm))
    )


def is_advice(norm: str) -> bool:
    """Whether a normalised text warns of fraud (and may quote it): a strong sign, or three weak ones."""
    strong, weak = _compiled(STRONG_ADVICE), _compiled(WEAK_ADVICE)
    return strong.search(norm) is not None or len(set(weak.findall(norm))) >= 3

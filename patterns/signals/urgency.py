"""What a text says of its teller's trouble: money going or gone, an emergency, a matter that is no fraud.

Words and expressions are signs, and signs have points; above a limit the text is told by somebody in trouble.
A bait that tells its victim to do the same things, a warning, an old case, a drill and a joke have signs
against them. The points come from a logistic regression on three quarters of `patterns/texts`, rounded.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from operator import add
from typing import NamedTuple

from patterns.data.emergency_words import AGAINST, SIGNS, STRONG, WEAK
from patterns.data.service_words import SERVICE
from patterns.data.trouble_rules import ACTS, QUOTED
from patterns.data.trouble_words import TROUBLE
from patterns.data.urgency_points import EMERGENCY_POINTS, PAIRS, SERVICE_POINTS, TROUBLE_POINTS
from patterns.signals.money_moving import money_is_moving

LONGEST = 800
"""Characters that are looked at: who is in trouble says so in fewer, and padding must cost nothing."""
RULES_CAN_GIVE, RULES_CAN_TAKE = 50, 5
"""What the expressions can add to the points of the words: below it they are not tried."""
_RULES_GIVE_LONG = 35
"""The same for a long text, whose words say more and whose expressions cost more."""
WITHOUT_ACT = 12
"""Points that are needed where nothing is said to be done."""
PAYING_ALONE = -14
"""Points from which a plain sentence of paying (`money_is_moving`) is enough."""
_LONG, _VERY_LONG, _SHORT = 80, 180, 24
_CALLS = {"fire": ("119",), "gas": ("119",), "medical": ("120",), "trapped": ("119", "110"),
          "drowning": ("120", "110"), "accident": ("120", "110"), "despair": ("110", "12356")}  # fmt: skip
_BEFORE = tuple("despair fire gas medical drowning trapped violence missing accident threat".split())
"""Kinds of emergency; of equals, the first is named."""
_OUTSIDE = frozenset(
    {
        *("to_you", "warns", "crowd", "bulletin", "offer", "not_done", "asks", "news"),
        *(f"{way}.{kind}" for way in ("strong", "weak") for kind in STRONG),
        *(f"against.{name}" for name in AGAINST),
    }
)
"""Signs that count outside quotation marks only: a victim quotes the fraudster."""
_STILL_MOVING = frozenset(
    "paying_now at_door urging teller held child self_moving card_phone line_open film".split()
)
_GONE = frozenset("gone_money handed loss_sum moved_sum pays gone paid taken".split())
_DONE = frozenset(
    "gone_money handed self_moving card_phone paying_now at_door held film child teller codes urging loss_sum"
    " moved_sum pays remote isolated blackmail coerced cannot_stop frozen".split()
)
"""Something is done, or is being done."""
_TELLING = frozenset(
    "paid taken gone code_told remote isolated coerced blackmail card_held courier cannot_stop bank valuables"
    " line_open frozen scammed service.thing".split()
)
"""Signs without a word of which, or of danger, nothing is urgent, nor for an office."""
_MARKS = tuple(zip("我俺咱?请他她", "me me me asking please he he".split(), strict=True))
_DANGERS = frozenset(f"{way}.{kind}" for way in ("strong", "weak") for kind in STRONG)


class Urgency(NamedTuple):
    """What the words say; `stage` is received, in_contact, money_moving or paid.

    `matter`: emergency, service or other, None where the words do not tell. `emergency`: its kind.
    `trouble`: told by somebody in trouble, or by their people: never clustered, quoted or drafted from.
    `reasons`: the signs. `calls`: the numbers to call at once, the first one first.
    """

    stage: str = "received"
    matter: str | None = None
    emergency: str | None = None
    trouble: bool = False
    reasons: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()


CALM = Urgency()


class _Key(NamedTuple):
    """What two characters may begin: a word that they are, longer words; each with its sign."""

    signs: tuple[tuple[str, str], ...]
    longer: tuple[tuple[str, str], ...]


@cache
def _index() -> dict[str, _Key]:
    """All words by their first two characters; those of one character by that."""
    found: dict[str, list[tuple[str, str]]] = {}
    for sign, words in _all_words():
        for word in dict.fromkeys(words.split()):
            found.setdefault(word[:2], []).append((word, sign))
    return {
        key: _Key(tuple(x for x in words if x[0] == key), tuple(x for x in words if x[0] != key))
        for key, words in found.items()
    }


def _all_words() -> Iterable[tuple[str, str]]:
    yield from TROUBLE.items()
    yield from ((f"strong.{kind}", words) for kind, words in STRONG.items())
    yield from ((f"weak.{kind}", words) for kind, words in WEAK.items())
    yield from ((f"sign.{name}", words) for name, words in SIGNS.items())
    yield from ((f"against.{name}", words) for name, words in AGAINST.items())
    yield from ((f"service.{name}", words) for name, words in SERVICE.items())


@cache
def _keys() -> frozenset[str]:
    return frozenset(_index())


@cache
def _telling_keys() -> frozenset[str]:
    """The beginnings of words without one of which nothing is urgent, nor for an office."""
    return frozenset(word[:2] for sign, words in _all_words() if _tells(sign) for word in words.split())


def _tells(sign: str) -> bool:
    return sign in _TELLING or sign in _DANGERS


@cache
def _compiled(rule: str) -> re.Pattern[str]:
    return re.compile(rule)


def _word_signs(norm: str, outer: str, keys: Iterable[str]) -> dict[str, int]:
    """The signs whose words the text has, each with how many; `keys`: how its words may begin."""
    index, found = _index(), dict[str, int]()
    for key in keys:
        here, longer = index[key]
        for word, sign in here:
            if outer is norm or word in (outer if sign in _OUTSIDE else norm):
                found[sign] = found.get(sign, 0) + 1
        for word, sign in longer:
            if word in (outer if sign in _OUTSIDE else norm):
                found[sign] = found.get(sign, 0) + 1
    return found


def _beginnings(norm: str) -> frozenset[str]:
    return _keys() & set(map(add, norm, norm[1:]))


def _length_signs(norm: str, outer: str) -> set[str]:
    signs = {"long"} if len(norm) > _LONG else set()
    if len(norm) > _VERY_LONG:
        signs.add("very_long")
    if len(norm) < _SHORT:
        signs.add("short")
    if outer is not norm:
        signs.add("quotes")
    for mark, sign in _MARKS:
        if mark in outer:
            signs.add(sign)
    return signs


def _points(signs: Iterable[str], table: Mapping[str, int]) -> int:
    get = table.get
    return table[""] + sum([get(sign, 0) for sign in signs])


def _pair_points(signs: set[str]) -> int:
    return sum([points for (one, other), points in PAIRS.items() if one in signs and other in signs])


def urgency(norm: str) -> Urgency:
    """What a normalised text says of its teller's trouble. Pure; the work is bounded by `LONGEST`."""
    norm = norm[:LONGEST]
    keys = _beginnings(norm)
    if keys.isdisjoint(_telling_keys()):
        return CALM
    outer = _outer(norm)
    words = _word_signs(norm, outer, keys | (_keys() & set(norm)))
    signs = {*words, *_length_signs(norm, outer), *_kinds(words)}
    give = RULES_CAN_GIVE if len(norm) <= _LONG else _RULES_GIVE_LONG
    if _points(signs, TROUBLE_POINTS) > -give or (
        _points(signs, EMERGENCY_POINTS) > -RULES_CAN_TAKE and not signs.isdisjoint(_DANGERS)
    ):
        signs |= _acts(norm, outer)
        kind, stage = _emergency(words, signs), _stage(signs)
        if kind is not None or stage in ("money_moving", "paid"):
            matter = "emergency" if kind else None
            return Urgency(stage, matter, kind, True, _reasons(signs, kind), _calls(kind, stage))
    matter = "service" if _points(signs, SERVICE_POINTS) >= 0 else None
    return Urgency(_stage(signs), matter)


def _stage(signs: set[str]) -> str:
    points = _points(signs, TROUBLE_POINTS) + _pair_points(signs)
    acts = signs & _DONE
    if points > (0 if acts else WITHOUT_ACT) or ("pays" in acts and points > PAYING_ALONE):
        return "money_moving" if acts & _STILL_MOVING or not signs & _GONE else "paid"
    return "in_contact" if {"stranger", "me"} <= signs else "received"


def _emergency(words: Mapping[str, int], signs: set[str]) -> str | None:
    """The kind of the emergency, by the points of its words; of equals the first of `_BEFORE`."""
    if _points(signs, EMERGENCY_POINTS) <= 0:
        return None
    weights = {
        kind: 20 * words.get(f"strong.{kind}", 0) + 10 * words.get(f"weak.{kind}", 0)
        for kind in _BEFORE
        if f"strong.{kind}" in words or f"weak.{kind}" in words
    }
    return max(weights, key=lambda kind: weights[kind]) if weights else None


def _reasons(signs: set[str], kind: str | None) -> tuple[str, ...]:
    """The emergency first, then the acts, the heaviest first."""
    acts = sorted(signs & _DONE, key=lambda sign: (-TROUBLE_POINTS.get(sign, 0), sign))
    return (*([kind] if kind else ()), *acts)


def _calls(kind: str | None, stage: str) -> tuple[str, ...]:
    calls = _CALLS.get(kind, ("110",)) if kind else ()
    return tuple(dict.fromkeys((*calls, *(("110",) if stage in ("money_moving", "paid") else ()))))


def all_signs(norm: str) -> tuple[dict[str, int], set[str]]:
    """(the words' signs with their counts, all signs), expressions included: for fitting the points."""
    norm = norm[:LONGEST]
    outer = _outer(norm)
    words = _word_signs(norm, outer, _beginnings(norm) | (_keys() & set(norm)))
    return words, {*words, *_length_signs(norm, outer), *_kinds(words), *_acts(norm, outer)}


def _outer(norm: str) -> str:
    """The text without what stands in quotation marks; the very same object where there are none."""
    return _compiled(QUOTED).sub(" ", norm) if "“" in norm or '"' in norm or "「" in norm else norm


def _acts(norm: str, outer: str) -> set[str]:
    found = {sign for sign, rule in ACTS.items() if _compiled(rule).search(outer)}
    if money_is_moving(norm, False):
        found.add("pays")
    return found


def _kinds(words: Mapping[str, int]) -> set[str]:
    """How many words of danger there are."""
    strong = sum(count for sign, count in words.items() if sign.startswith("strong."))
    weak = sum(count for sign, count in words.items() if sign.startswith("weak."))
    found = {"strong2"} if strong > 1 else set()
    if weak > 1:
        found.add("weak2")
    if weak and strong:
        found.add("both")
    return found

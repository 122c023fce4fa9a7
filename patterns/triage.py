"""Assess one message without any pattern: its cues of fraud, a guess at its type, how dangerous it is.

Weights are for ranking on a desk, not probabilities.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from operator import is_
from typing import NamedTuple

from patterns.data.cues import CIRCLED, DEADLINE, HOOKS, QUESTION, SHORT_LINK, SIGNS, THEMES, THREAT, Cue
from patterns.data.hook_phrases import WEAK_ADVICE
from patterns.entities.entity import Entity
from patterns.entities.find import find_in
from patterns.entities.identifiers import is_known_good
from patterns.model import FraudType
from patterns.signals.telling_part import telling_part
from patterns.signals.urgency import Urgency, urgency
from patterns.signals.verdict_rules import hooks, is_advice, names_known_good
from patterns.text.literals import Literals, needed
from patterns.text.normalise import clean, clean_batch, sound


@dataclass(frozen=True, slots=True)
class Assessment:
    """`danger` is 0 to 100; `suspicious` means that it could be bait: it leads somewhere, or asks for money
    or secrets, as honest messages seldom do. `borderline` means suspicious or just short of it: several such
    reports together are evidence, one alone is not."""

    fraud_type: str | None
    cues: tuple[str, ...]
    danger: int
    money_moving: bool
    suspicious: bool
    borderline: bool
    points: int
    """Of `suspicious` and `borderline`: ten or more, nine; none counts in advice."""


_FULL_DISGUISE = 3
"""So many dressed characters (a traditional one among simplified ones is half of one)."""
_SUSPICIOUS = 10
"""Points from which a text could be bait. All points come from a logistic regression on half of the seeds and
honest texts, rounded and adjusted by hand: what leads away counts, what honest messages say too does not."""
_BORDERLINE = 9
"""Points of a text that leads to a number or an account, and shows no other cue."""
_REMARK = 30
"""Characters up to which a text is a remark rather than bait."""
_MORE_THAN_A_REMARK, _KNOWN_GOOD, _REFUSES, _WARNS, _ASKS = 5, 4, 3, 3, 2
_MOVING_WEIGHT = 40
_LONGEST_HOST = 64


@cache
def _compiled(rule: str) -> re.Pattern[str]:
    return re.compile(rule)


@cache
def _spoken_account() -> re.Pattern[str]:
    """An invitation to add an account, in whatever characters sound alike (佳嶶 zhang_1987, 扣1234567).

    为, which sounds like 微, is no disguise of it: a code is 为640287.
    """
    add, we, letter, q = sound("加"), sound("微"), sound("信"), sound("扣")
    handle = r"[^a-z0-9\n]{0,4}(?=[a-z0-9_\-]*\d)[a-z0-9_\-]{6,20}"
    return re.compile(
        rf"(?:{add}.{{0,2}}{we}|{we}.?{letter}|[{q}{we}{letter}]|(?<![a-z0-9])(?:v|q|vx|wx|qq)[:+ ])"
        rf"(?:{handle}|[^a-z0-9\n]{{0,3}}[a-z]{{6,20}}(?![a-z]))"
    )


def _disguised(raw: str, signs: Sequence[int]) -> bool:
    """Whether characters are disguised in a way that only evading a filter explains; `signs` as in `Cleaned`.

    A circled number on its own is an item of a list; somebody who writes traditional characters writes many.
    """
    han, hidden, dressed, odd, traditional = signs[:5]
    if hidden + dressed + odd + traditional < 2:
        return False
    listed = len(_compiled(CIRCLED).findall(raw))
    mixed = traditional / 2 if traditional * 4 < han + 1 else 0
    return hidden > 1 or hidden + dressed - listed + odd + mixed >= _FULL_DISGUISE


_ACCOUNTS = frozenset(("wechat", "qq", "qq_group", "handle", "wallet"))
_ACCOUNT_NAME = r"[a-z0-9_\-]{6}"


def _names_an_account(norm: str) -> bool:
    if _compiled(_ACCOUNT_NAME).search(norm) is None:
        return False
    return _spoken_account().search(sound(norm.replace("为", " "))) is not None


def _has_short_link(norm: str) -> bool:
    """Whether a short link, with what touches it, leads to nobody known good."""
    return any(not is_known_good(_whole_link(norm, *m.span())) for m in _compiled(SHORT_LINK).finditer(norm))


def _whole_link(norm: str, start: int, end: int) -> str:
    left = _compiled(r"[a-z0-9.\-:/]*$").search(norm[max(0, start - _LONGEST_HOST) : start])
    right = _compiled(r"[a-z0-9.\-:/]*").match(norm[end : end + _LONGEST_HOST])
    return f"{left[0] if left else ''}{norm[start:end]}{right[0] if right else ''}"


def signs_in(raw: str, dress: Sequence[int], norm: str, entities: tuple[Entity, ...]) -> list[str]:
    """What beside words tells of bait: links, accounts, disguise, a threat with its deadline."""
    signs = []
    kinds = {e.kind for e in entities}
    short = "." in norm and _has_short_link(norm)
    if short or any(e.kind == "url" and not is_known_good(e.value) for e in entities):
        signs.append("link")
    if not kinds.isdisjoint(_ACCOUNTS) or _names_an_account(norm):
        signs.append("account")
    if "invite_code" in kinds:
        signs.append("invite_code")
    if _disguised(raw, dress):
        signs.append("disguise")
    if _compiled(THREAT).search(norm) and _compiled(DEADLINE).search(norm):
        signs.append("threat_deadline")
    return signs


# ---------------------------------------------------------------- the type

_UNLIKE = 10.0
"""Up to this score the most alike pattern is chance: it says nothing of the type."""
_LIKENESS_WEIGHT = 0.5
"""What each point of likeness above that weighs, in characters of phrases."""


class _ById:
    """Fraud types as the key of a cache, told apart by identity: to hash their texts takes longer than to use
    them."""

    def __init__(self, types: tuple[FraudType, ...]) -> None:
        self.types = types

    def __hash__(self) -> int:
        return hash(tuple(map(id, self.types)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _ById) or len(other.types) != len(self.types):
            return False
        return all(map(is_, self.types, other.types))


@dataclass(frozen=True, slots=True)
class _Words:
    """What themes and phrases need, for one scan: first the themes, then the phrases of all types, cleaned,
    with the weight of each and the types that it points to."""

    literals: Literals
    weights: tuple[tuple[float, tuple[str, ...]], ...]


@lru_cache(maxsize=8)
def _words(key: _ById) -> _Words:
    found: dict[str, list[str]] = {}
    for kind in key.types:
        for phrase in dict.fromkeys(map(clean, kind.cues)):
            found.setdefault(phrase, []).append(kind.code)
    weights = tuple((len(phrase) / len(codes), tuple(codes)) for phrase, codes in found.items())
    needs = [needed(cue.rule) for cue in THEMES]
    return _Words(Literals([*needs, *((phrase,) for phrase in found)]), weights)


class WordsFound(NamedTuple):
    """The themes of a text in their order, and what each phrase found weighs for which types."""

    themes: list[Cue]
    phrases: list[tuple[float, tuple[str, ...]]]


def told_in(norm: str, types: tuple[FraudType, ...] = ()) -> WordsFound:
    """The themes of a normalised text and the phrases of the types in it."""
    words = _words(_ById(types))
    held = words.literals.held(norm)
    themes = [THEMES[n] for n in held if n < len(THEMES) and _compiled(THEMES[n].rule).search(norm)]
    return WordsFound(themes, [words.weights[n - len(THEMES)] for n in held if n >= len(THEMES)])


def _guess(told: WordsFound, nearest: Iterable[tuple[str, float]]) -> str | None:
    """The type with the most weight; of equals, the one met first.

    A phrase weighs its length, shared among the types that it points to.
    """
    scores = defaultdict[str, float](float)
    for cue in told.themes:
        for place, code in enumerate(cue.types):
            scores[code] += cue.weight / 20 - place / 10
    for weight, codes in told.phrases:
        for code in codes:
            scores[code] += weight
    for code, score in nearest:
        if score > _UNLIKE:
            scores[code] += _LIKENESS_WEIGHT * (score - _UNLIKE)
    return max(scores, key=lambda code: scores[code]) if scores else None


def assess(
    text: str, types: Iterable[FraudType] = (), nearest: Iterable[tuple[str, float]] = ()
) -> Assessment:
    """Cues, likely type, danger, whether money is moving, and whether the text could be bait at all.

    The guess at the type uses the phrases of `types`, and `nearest`: (type, score 0 to 100) of the most
    similar patterns, whatever their band.
    """
    cleaned = clean_batch((text,))
    norm = cleaned.normalised(0, len(text))
    return assess_in(text, cleaned.signs[0].tolist(), norm.text, find_in(norm), tuple(types), nearest)


def assess_in(  # noqa: PLR0917 - what is known of the text, then what is asked
    raw: str,
    dress: Sequence[int],
    norm: str,
    entities: tuple[Entity, ...],
    types: tuple[FraudType, ...] = (),
    nearest: Iterable[tuple[str, float]] = (),
    said: Urgency | None = None,
) -> Assessment:
    """As `assess`, for a text that was normalised and whose entities were found already; `dress` as the signs
    in `Cleaned`, `said` what its words say of trouble, if that is known. Of a long text the part is judged
    that tells the most."""
    norm = telling_part(norm)
    told = told_in(norm, types)
    asked, refused = hooks(norm)
    signs = signs_in(raw, dress, norm, entities)
    advice = is_advice(norm)
    moving = (said or urgency(norm)).stage in ("money_moving", "paid")
    found = [(cue.weight, cue.points) for cue in told.themes]
    found += [HOOKS[kind] for kind in sorted(asked)] + [SIGNS[sign] for sign in signs]
    advice = advice and not moving
    danger = min(100, sum(weight for weight, _ in found) + (_MOVING_WEIGHT if moving else 0))
    points = sum(point for _, point in found) + _bearing(norm, bool(refused))
    suspicious = points >= _SUSPICIOUS and not advice
    return Assessment(
        fraud_type=_guess(told, nearest),
        cues=tuple(dict.fromkeys([*(cue.name for cue in told.themes), *signs, *sorted(asked)])),
        danger=danger if suspicious or moving else danger // 3,
        money_moving=moving,
        suspicious=suspicious,
        borderline=points >= _BORDERLINE and not advice,
        points=min(points, 0) if advice else points,
    )


def _bearing(norm: str, refuses: bool) -> int:
    """Points for the text as a whole: more if it is longer than a remark, fewer if it speaks honestly."""
    return (
        _MORE_THAN_A_REMARK * (len(norm) > _REMARK)
        - _KNOWN_GOOD * names_known_good(norm)
        - _REFUSES * refuses
        - _WARNS * (_compiled(WEAK_ADVICE).search(norm) is not None)
        - _ASKS * (_compiled(QUESTION).search(norm) is not None)
    )

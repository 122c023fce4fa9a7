"""Assess one message without any pattern: its cues of fraud, a guess at its type, how dangerous it is.

Weights are for ranking on a desk, not probabilities.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from patterns.data.cues import CIRCLED, DEADLINE, HOOKS, QUESTION, SHORT_LINK, SIGNS, THEMES, THREAT, Cue
from patterns.data.hook_phrases import WEAK_ADVICE
from patterns.entities.entity import Entity
from patterns.entities.find import find_in
from patterns.entities.identifiers import is_known_good
from patterns.model import FraudType
from patterns.signals.urgency import urgency
from patterns.signals.verdict_rules import hooks, is_advice, names_known_good
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
    listed = len(_compiled(CIRCLED).findall(raw))
    mixed = traditional / 2 if traditional * 4 < han + 1 else 0
    return hidden > 1 or hidden + dressed - listed + odd + mixed >= _FULL_DISGUISE


def _signs(raw: str, dress: Sequence[int], norm: str, entities: tuple[Entity, ...]) -> list[str]:
    signs = []
    if any(e.kind == "url" and not is_known_good(e.value) for e in entities) or _compiled(SHORT_LINK).search(
        norm
    ):
        signs.append("link")
    if any(
        e.kind in ("wechat", "qq", "qq_group", "handle", "wallet") for e in entities
    ) or _spoken_account().search(sound(norm.replace("为", " "))):
        signs.append("account")
    if any(e.kind == "invite_code" for e in entities):
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


@lru_cache(maxsize=8)
def _phrases(types: tuple[FraudType, ...]) -> dict[str, tuple[str, ...]]:
    """The phrases of all types, cleaned, each with the types that it points to."""
    found: dict[str, list[str]] = {}
    for kind in types:
        for phrase in dict.fromkeys(map(clean, kind.cues)):
            found.setdefault(phrase, []).append(kind.code)
    return {phrase: tuple(codes) for phrase, codes in found.items()}


def _guess(
    themes: Sequence[Cue], norm: str, types: tuple[FraudType, ...], nearest: Iterable[tuple[str, float]]
) -> str | None:
    """The type with the most weight; of equals, the one met first.

    A phrase weighs its length, shared among the types that it points to.
    """
    scores = defaultdict[str, float](float)
    for cue in themes:
        for place, code in enumerate(cue.types):
            scores[code] += cue.weight / 20 - place / 10
    for phrase, codes in _phrases(types).items():
        if phrase in norm:
            for code in codes:
                scores[code] += len(phrase) / len(codes)
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
    themes = [cue for cue in THEMES if _compiled(cue.rule).search(norm.text)]
    asked, refused = hooks(norm.text)
    signs = _signs(text, cleaned.signs[0].tolist(), norm.text, find_in(norm))
    advice = is_advice(norm.text)
    moving = urgency(norm.text).stage in ("money_moving", "paid")
    found = [(cue.weight, cue.points) for cue in themes]
    found += [HOOKS[kind] for kind in sorted(asked)] + [SIGNS[sign] for sign in signs]
    advice = advice and not moving
    danger = min(100, sum(weight for weight, _ in found) + (_MOVING_WEIGHT if moving else 0))
    points = sum(point for _, point in found) + _bearing(norm.text, bool(refused))
    suspicious = points >= _SUSPICIOUS and not advice
    return Assessment(
        fraud_type=_guess(themes, norm.text, tuple(types), nearest),
        cues=tuple(dict.fromkeys([*(cue.name for cue in themes), *signs, *sorted(asked)])),
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

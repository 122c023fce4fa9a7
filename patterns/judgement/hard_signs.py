"""The hard signs of bait: where it leads, and how it is disguised. Rules, which no learning replaces.

A sign of its own proves nothing; it lifts what the judge reads in the words.
"""

import re
from collections.abc import Sequence
from functools import cache

from patterns.data.cues import CIRCLED, DEADLINE, SHORT_LINK, THREAT
from patterns.entities.entity import Entity
from patterns.entities.identifiers import is_known_good
from patterns.text.normalise import sound

_FULL_DISGUISE = 3
"""So many dressed characters (a traditional one among simplified ones is half of one)."""
LIFTS = {"link": 0.3, "account": 0.3, "invite_code": 0.3, "disguise": 1.2, "threat_deadline": 0.2}
"""What each sign adds to the log-odds that fraud is at work."""


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


def hard_signs(raw: str, dress: Sequence[int], norm: str, entities: tuple[Entity, ...]) -> tuple[str, ...]:
    """The signs of a text: link, account, invite_code, disguise, threat_deadline (see `LIFTS`).

    `dress` is the text's row of `Cleaned.signs`, `norm` its normalised form, `entities` those found in it.
    """
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
    return tuple(signs)

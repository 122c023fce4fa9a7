"""Why a text is suspicious, in Chinese words that a person can read."""

from collections.abc import Iterable

from patterns.judgement.judge import Judge, Judgement
from patterns.judgement.labels import ACTS, PRETEXTS, VOICES, WHO
from patterns.text.normalise import Cleaned

MOST_PHRASES = 3
_CLAIMED = frozenset("seller buyer landlord recruiter investment_teacher game_player lover doctor".split())
"""Whom anybody may claim to be: nobody in particular is impersonated."""


def slots_in_words(who: str, pretext: str, acts: Iterable[str]) -> tuple[str, ...]:
    """The slots as ready phrases: 冒充客服, 以会员扣费为由, 要求共享屏幕. Words of our own tables only."""
    said = (f"自称{WHO[who]}" if who in _CLAIMED else f"冒充{WHO[who]}",) if who in WHO else ()
    if who == "stranger":
        said = ()
    why = (f"以{PRETEXTS[pretext]}为由",) if pretext in PRETEXTS else ()
    return (*said, *why, *(f"要求{ACTS[act]}" for act in acts if act in ACTS))


def reasons(judge: Judge, judged: Judgement, cleaned: Cleaned, i: int) -> tuple[str, ...]:
    """The voice, what is told, and the telling words of text i, which must be masked: people see them."""
    text, slots = cleaned.string(i), judged.slots
    spans = judge.telling(cleaned, i, MOST_PHRASES)
    words = "、".join(f"“{text[start:end].strip()}”" for start, end in spans if text[start:end].strip())
    said = (f"可疑的话：{words}",) if words else ()
    return (f"像{VOICES[judged.voice]}", *slots_in_words(slots.who, slots.pretext, slots.acts), *said)

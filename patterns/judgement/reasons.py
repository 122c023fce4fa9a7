"""Why a text is suspicious, in Chinese words that a person can read."""

from patterns.judgement.judge import Judge, Judgement
from patterns.judgement.labels import ACTS, PRETEXTS, VOICES, WHO
from patterns.text.normalise import Cleaned

MOST_PHRASES = 3


def told_in_words(judged: Judgement) -> tuple[str, ...]:
    """The slots as ready phrases: 冒充客服, 以会员扣费为由, 要求共享屏幕. Words of our own tables only."""
    slots = judged.slots
    who = (f"冒充{WHO[slots.who]}",) if slots.who else ()
    pretext = (f"以{PRETEXTS[slots.pretext]}为由",) if slots.pretext else ()
    return (*who, *pretext, *(f"要求{ACTS[act]}" for act in slots.acts))


def reasons(judge: Judge, judged: Judgement, cleaned: Cleaned, i: int) -> tuple[str, ...]:
    """The voice, what is told, and the telling words of text i, which must be masked: people see them."""
    text = cleaned.string(i)
    spans = judge.telling(cleaned, i, MOST_PHRASES)
    words = "、".join(f"“{text[start:end].strip()}”" for start, end in spans if text[start:end].strip())
    said = (f"可疑的话：{words}",) if words else ()
    return (f"像{VOICES[judged.voice]}", *told_in_words(judged), *said)

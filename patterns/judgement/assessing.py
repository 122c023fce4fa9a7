"""What the words and the cues of a text say together."""

from collections.abc import Sequence

from patterns.entities.find import Found, found_in_all
from patterns.judgement.judge import Judge, Judgement
from patterns.judgement.readings import other_orders, undisguised
from patterns.signals.urgency import Urgency
from patterns.signals.verdict_rules import is_advice
from patterns.text.normalise import Cleaned, clean_batch
from patterns.triage import Assessment, assess_in

_DISGUISE_LIFT = 0.6
"""What a full disguise adds to the log-odds: only who evades a filter wears one."""
_ADVICE_PRICE = 2.0
"""What a warning of fraud takes off them: it quotes bait. Bait that borrows a word of warning has more."""
_FEWEST_HAN, _UNREADABLE = 0.3, -0.1
"""A text with a smaller share of Chinese characters is not judged harmless by words that were never learned:
its suspicion is at least this, and its cues decide."""


def assessed(
    judge: Judge,
    texts: Sequence[str],
    cleaned: Cleaned,
    found: Sequence[Found] = (),
    said: Sequence[Urgency] = (),
) -> list[Judgement]:
    """A judgement for each text, in order: by its words as they are, or as a disguised one is meant, with the
    points of its cues. `cleaned` is the batch of `texts`, `found` what was found in each and `said` what
    its words say of trouble, if that is known."""
    judged = judge.judge(cleaned)
    han, signs = cleaned.signs[:, 0].tolist(), cleaned.signs.tolist()
    for n, (text, here) in enumerate(zip(texts, found or found_in_all(texts, cleaned), strict=True)):
        norm = cleaned.string(n)
        seen = assess_in(text, signs[n], norm, here.entities, said=said[n] if said else None)
        best = max((judged[n], *_judged(judge, _readings(text, norm, seen))), key=lambda x: x.suspicion)
        suspicion = best.suspicion + _DISGUISE_LIFT * _is_disguised(seen)
        suspicion -= _ADVICE_PRICE * is_advice(norm)
        if han[n] < _FEWEST_HAN * len(norm):
            suspicion = max(suspicion, _UNREADABLE)
        judged[n] = best._replace(suspicion=suspicion, points=seen.points)
    return judged


def _is_disguised(seen: Assessment) -> bool:
    return "disguise" in seen.cues


def _readings(text: str, norm: str, seen: Assessment) -> tuple[str, ...]:
    return (*other_orders(text), *((undisguised(norm),) if _is_disguised(seen) else ()))


def _judged(judge: Judge, readings: tuple[str, ...]) -> list[Judgement]:
    return judge.judge(clean_batch(readings)) if readings else []

"""What the words and the hard signs of a text say together."""

from collections.abc import Sequence

from patterns.entities.entity import Entity
from patterns.judgement.hard_signs import LIFTS, hard_signs
from patterns.judgement.judge import Judge, Judgement
from patterns.judgement.readings import other_orders, undisguised
from patterns.text.normalise import Cleaned, clean_batch


def assessed(
    judge: Judge, texts: Sequence[str], cleaned: Cleaned, entities: Sequence[tuple[Entity, ...]]
) -> list[Judgement]:
    """A judgement for each text, in order: by its words as they are, or as a disguised one is meant, lifted
    by its hard signs. `cleaned` is the batch of `texts`, `entities` those of each."""
    judged = judge.judge(cleaned)
    dress = cleaned.signs.tolist()
    for n, text in enumerate(texts):
        norm = cleaned.string(n)
        signs = hard_signs(text, dress[n], norm, entities[n])
        readings = other_orders(text)
        if "disguise" in signs:
            readings = (*readings, undisguised(norm))
        best = max((judged[n], *_judged(judge, readings)), key=lambda x: x.suspicion)
        judged[n] = best._replace(suspicion=best.suspicion + sum(LIFTS[sign] for sign in signs))
    return judged


def _judged(judge: Judge, readings: tuple[str, ...]) -> list[Judgement]:
    return judge.judge(clean_batch(readings)) if readings else []

"""Judge what a message is, from weights learned from texts: its voice, what fraud it is about, how far that
has come, and the slots of its story.

The judge knows nothing of known patterns and counts nobody: it reads one text. A text in which nothing is
known (another script, a few signs) is judged by the bias alone, which calls it harmless.
"""

from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np

from patterns.arrays import F32, I64
from patterns.judgement.labels import Matter, Speaker, TextStage
from patterns.judgement.weights import Weights
from patterns.kernels import judge as kernels
from patterns.text.normalise import Cleaned

_LONG, _WINDOW, _STEP = 120, 72, 36
"""Characters from which a text is judged by its most suspicious window too, and the windows' size and step:
one sentence of bait may hide in long everyday talk."""
_MOST_WINDOWS = 40
"""Windows of one text: of a longer text only the first and the last ones are read."""
_QUOTES = frozenset(("warning", "notice"))
"""Voices that quote bait to warn of it: a window of theirs says nothing of its own."""
_TYPE_FLOOR, _TYPE_MARGIN = 0.30, 0.10
"""The share that a type needs, and by how much it leads the next, to be named."""
_POINT_LIFT, _BORDERLINE, _LEAST_LIFT, _MOST_LIFT = 0.2, 9, -0.5, 1.5
"""What each point of the cues above or below the borderline adds to the suspicion, and the bounds of it."""
_SLOT_FLOOR, _ACT_FLOOR = 0.40, 0.40


class StorySlots(NamedTuple):
    """What a scam's story tells: who they say they are, the pretext, the acts asked for, the way; "" and ()
    where the text does not tell. The words are those of `labels`."""

    who: str = ""
    pretext: str = ""
    acts: tuple[str, ...] = ()
    way: str = ""


class Judgement(NamedTuple):
    """What the judge makes of a text.

    `suspicion`: log-odds that fraud is at work in it (bait, a story of it, a victim), 0 for as likely as not,
    by its words alone. `trouble_share`: of a victim whose money moves or is gone, `emergency_share`: of one
    in another emergency. `points`: those of its cues (`triage.Assessment`), which know bulk adverts best.
    `fraud_type` is None where it is unclear; `likely_types` are the three likeliest with their shares. Shares
    are 0 to 1.
    """

    voice: Speaker
    voice_share: float
    suspicion: float
    fraud_type: str | None
    type_share: float
    likely_types: tuple[tuple[str, float], ...]
    stage: TextStage
    stage_share: float
    matter: Matter
    matter_share: float
    slots: StorySlots
    trouble_share: float = 0.0
    emergency_share: float = 0.0
    points: int = 0

    @property
    def evidence(self) -> float:
        """The suspicion, lifted or lowered by the cues."""
        return self.suspicion + min(_MOST_LIFT, max(_LEAST_LIFT, _POINT_LIFT * (self.points - _BORDERLINE)))


class Judge:
    """A judge with its weights; immutable, so that any number of threads may ask it."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self._suspicion = weights.columns("suspicion").start
        self._telling = np.ascontiguousarray(weights.weights[:, self._suspicion])

    @property
    def version(self) -> str:
        """The version of the weights."""
        return self.weights.version

    def judge(self, cleaned: Cleaned) -> list[Judgement]:
        """A judgement for each text of the batch, in order."""
        scores = self._scores(cleaned)
        heads = {head.name: scores[:, self.weights.columns(head.name)] for head in self.weights.heads}
        shares = {
            head.name: _softmax(heads[head.name]) if head.one_of else _logistic(heads[head.name])
            for head in self.weights.heads
        }
        columns = [
            _best(self.weights.labels(name), shares[name]) for name in ("voice", "stage", "matter")
        ]  # fmt: skip
        types = _types(self.weights.labels("type"), shares["type"])
        slots = _slots(self.weights, shares)
        suspicion = heads["suspicion"][:, 0].tolist()
        trouble, emergency = self._in_trouble(shares)
        return [
            Judgement(
                cast(Speaker, voice[0]), voice[1], doubt, kind, share, likely,
                cast(TextStage, stage[0]), stage[1], cast(Matter, matter[0]), matter[1], slot, lost, danger,
            )
            for voice, stage, matter, (kind, share, likely), doubt, slot, lost, danger in zip(
                *columns, types, suspicion, slots, trouble, emergency, strict=True
            )
        ]  # fmt: skip

    def _in_trouble(self, shares: dict[str, F32]) -> tuple[list[float], list[float]]:
        """Of each text the share of a victim whose money moves or is gone, and of one in an emergency."""
        w = self.weights
        victim = shares["voice"][:, w.labels("voice").index("victim")]
        stages = w.labels("stage")
        moving = sum(shares["stage"][:, stages.index(stage)] for stage in ("money_moving", "paid"))
        emergency = shares["matter"][:, w.labels("matter").index("emergency")]
        return (victim * moving).tolist(), (victim * emergency).tolist()

    def telling(self, cleaned: Cleaned, i: int, most: int = 3) -> tuple[tuple[int, int], ...]:
        """The spans of normalised text i that make it most suspicious, the most telling first."""
        w = self.weights
        text, starts, places = kernels.compact(cleaned.text, cleaned.starts)
        begin, end = int(starts[i]), int(starts[i + 1])
        by_char = kernels.contributions(text, begin, end, w.keys, w.rows, w.rarity, self._telling)
        where = places[begin:end] - cleaned.starts[i]
        return tuple((int(where[a]), int(where[b - 1]) + 1) for a, b in _peaks(by_char, most))

    def _scores(self, cleaned: Cleaned) -> F32:
        """The columns' scores (texts x columns): of a long text, those of its most suspicious window where
        that is more suspicious than the whole."""
        text, starts, _ = kernels.compact(cleaned.text, cleaned.starts)
        w = self.weights
        owners, begins, ends = _pieces(starts)
        found: F32 = (
            kernels.scores(text, begins, ends, w.keys, w.rows, w.rarity, w.weights, w.damping) + w.bias
        )
        texts = starts.size - 1
        if owners.size == texts:
            return found
        best = np.arange(texts)
        whole = found[:texts, w.columns("voice")].argmax(1)
        for n in range(texts, owners.size):
            owner = owners[n]
            more = found[n, self._suspicion] > found[best[owner], self._suspicion]
            if more and w.labels("voice")[whole[owner]] not in _QUOTES:
                best[owner] = n
        return found[best]


def _pieces(starts: I64) -> tuple[I64, I64, I64]:
    """(text, begin, end) of the pieces that are read: each text whole, then the windows of the long ones."""
    texts = starts.size - 1
    lengths = np.diff(starts)
    owners, begins, ends = [np.arange(texts)], [starts[:-1]], [starts[1:]]
    for i in np.flatnonzero(lengths > _LONG).tolist():
        at = np.arange(starts[i], starts[i + 1] - _STEP, _STEP)
        at = np.concatenate((at[: _MOST_WINDOWS - 2], at[-2:])) if at.size > _MOST_WINDOWS else at
        owners.append(np.full(at.size, i))
        begins.append(at)
        ends.append(np.minimum(at + _WINDOW, starts[i + 1]))
    return np.concatenate(owners), np.concatenate(begins), np.concatenate(ends)


def _softmax(scores: F32) -> F32:
    raised = np.exp(scores - scores.max(1, keepdims=True))
    shares: F32 = raised / raised.sum(1, keepdims=True)
    return shares


def _logistic(scores: F32) -> F32:
    return (1 / (1 + np.exp(-scores))).astype(np.float32)


def _best(labels: Sequence[str], shares: F32) -> list[tuple[str, float]]:
    at = shares.argmax(1)
    return [
        (labels[n], share)
        for n, share in zip(at.tolist(), shares[np.arange(len(at)), at].tolist(), strict=True)
    ]


def _types(
    labels: Sequence[str], shares: F32
) -> list[tuple[str | None, float, tuple[tuple[str, float], ...]]]:
    """(type or None, its share, the three likeliest) of each text."""
    order = np.argsort(-shares, 1, kind="stable")[:, :3]
    three = np.take_along_axis(shares, order, 1).tolist()
    found = list[tuple[str | None, float, tuple[tuple[str, float], ...]]]()
    for shared, places in zip(three, order.tolist(), strict=True):
        likely = tuple((labels[place], round(share, 3)) for place, share in zip(places, shared, strict=True))
        clear = shared[0] >= _TYPE_FLOOR and shared[0] - shared[1] >= _TYPE_MARGIN
        found.append((likely[0][0] if clear else None, shared[0], likely))
    return found


def _slots(weights: Weights, shares: dict[str, F32]) -> list[StorySlots]:
    one = {
        name: [
            label if share >= _SLOT_FLOOR else ""
            for label, share in _best(weights.labels(name), shares[name])
        ]
        for name in ("who", "pretext", "way")
    }
    acts = weights.labels("act")
    asked = [
        tuple(acts[n] for n in np.flatnonzero(row).tolist()) if row.any() else ()
        for row in shares["act"] >= _ACT_FLOOR
    ]
    return [StorySlots(*slot) for slot in zip(one["who"], one["pretext"], asked, one["way"], strict=True)]


def _peaks(by_char: F32, most: int) -> tuple[tuple[int, int], ...]:
    """The spans above the mean of what adds to the score, by what they add; none shorter than two."""
    added = np.maximum(by_char, 0)
    if not added.any():
        return ()
    over = np.concatenate(([False], added > added[added > 0].mean(), [False]))
    edges = np.flatnonzero(over[1:] != over[:-1]).reshape(-1, 2).tolist()
    spans = [(start, end) for start, end in edges if end - start >= 2]
    spans.sort(key=lambda span: (-float(added[span[0] : span[1]].sum()), span))
    return tuple(sorted(spans[:most]))

"""Match messages to the library of known patterns.

Score = how much of the pattern's information is found in the message (weights in bits, 0 to 100), computed by
an inverted index over all patterns at once; so talk around a forwarded text costs little. rapidfuzz then
aligns the best pattern for the evidence and settles the grey zone between the bands.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import blake2b

import numpy as np
from rapidfuzz import fuzz

from patterns.entities import find_in
from patterns.fingerprint import grams, informative, weight
from patterns.index import Floats, Index
from patterns.model import Band, Pattern, Verdict
from patterns.normalise import NORMALISER, fold, fold_clean, fold_with_offsets, normalise

KNOWN = 48.0
SUGGESTED = 40.0
GREY_LIFT = 80.0
"""An alignment (partial ratio) at least this good lifts a suggested message to known."""
GREY_DROP = 45.0
"""An alignment worse than this takes a message one band down: shared words, but not a shared text."""
_SHORT = 8
"""Characters that say something; a text or pattern with fewer must be equal to count."""
_FULL = 12
_SHORT_PENALTY = 4.0
"""Points a pattern must have more for each character it lacks of _FULL: a few words are easily shared."""
_SMOOTHING_BITS = 2.5
_MIN_SHARE = 0.45
"""A part of a pattern counts as the pattern if it holds at least this share of its information."""


class Library:
    """The known patterns, ready to match. Equal patterns give equal verdicts, in whatever order."""

    def __init__(self, patterns: Iterable[Pattern] = (), version: str = "") -> None:
        self._name = version
        self._patterns: dict[str, Pattern] = {}
        self._folded: dict[str, str] = {}
        self._slot: dict[str, int] = {}
        self._ids: dict[int, str] = {}
        self._index = Index()
        self._weights: dict[str, float] = {}
        self._totals: Floats | None = None
        self._version: str | None = None
        for pattern in patterns:
            self.add(pattern)

    def __len__(self) -> int:
        return len(self._patterns)

    def get(self, pattern_id: str) -> Pattern | None:
        """The pattern of that id, None if there is none."""
        return self._patterns.get(pattern_id)

    @property
    def version(self) -> str:
        """The given name and a hash of all ids and texts, whatever the order of adding."""
        if self._version is None:
            digest = blake2b(digest_size=6)
            for pattern_id in sorted(self._patterns):
                for part in (pattern_id, self._patterns[pattern_id].text):
                    digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
            self._version = f"{self._name}+{digest.hexdigest()}".lstrip("+")
        return self._version

    def add(self, pattern: Pattern) -> None:
        """Add a pattern, in place of the one of the same id if there is one."""
        self.retire(pattern.pattern_id)
        folded = fold(pattern.text)
        slot = self._index.add(grams(folded))
        self._patterns[pattern.pattern_id] = pattern
        self._folded[pattern.pattern_id] = folded
        self._slot[pattern.pattern_id], self._ids[slot] = slot, pattern.pattern_id
        self._changed()

    def retire(self, pattern_id: str) -> None:
        """Take a pattern out; nothing happens if there is none of that id."""
        if pattern_id in self._patterns:
            slot = self._slot.pop(pattern_id)
            self._index.remove(slot)
            del self._ids[slot], self._patterns[pattern_id], self._folded[pattern_id]
            self._changed()

    def match(self, texts: Sequence[str]) -> list[Verdict]:
        """One verdict per message, in order."""
        return [self._verdict(text) for text in texts]

    def _changed(self) -> None:
        self._version = self._totals = None

    def _total_bits(self) -> Floats:
        if self._totals is None:
            size = len(self._patterns)
            names = self._index.grams()
            self._weights = {g: weight(g, self._index.frequency(g), size) for g in names}
            totals = self._index.sums(names, [self._weights[g] for g in names])
            self._totals = np.where(totals > 0, totals, np.inf)
        return self._totals

    def _bits(self, message_grams: Sequence[str]) -> list[float]:
        size, known = len(self._patterns), self._weights
        return [known[g] if g in known else weight(g, 0, size) for g in message_grams]

    def _best(self, folded: str) -> tuple[str | None, float]:
        """Id and score of the best pattern; of equals, the lowest id."""
        totals = self._total_bits()
        found = grams(folded)
        bits = self._bits(found)
        shared = self._index.sums(found, bits)
        if not shared.size or shared.max() <= 0:
            return None, 0.0
        scores = np.round(100 * _likeness(shared, totals, sum(bits)), 1)
        top = scores.max()
        pattern_id = min(self._ids[int(s)] for s in np.flatnonzero(scores == top))
        return pattern_id, max(0.0, float(top) - self._short_by(pattern_id, folded))

    def _short_by(self, pattern_id: str, folded: str) -> float:
        """Points off for a short pattern, unless the message is nothing but it."""
        pattern = self._folded[pattern_id]
        return 0.0 if folded == pattern else _SHORT_PENALTY * max(0, _FULL - informative(pattern))

    def _verdict(self, text: str) -> Verdict:
        norm = normalise(text)
        folded = fold_clean(norm.text)
        pattern_id, score = self._best(folded)
        band = self._band(norm.text, folded, pattern_id, score)
        evidence = (
            None if pattern_id is None or band == "none" else self._evidence(text, self._folded[pattern_id])
        )
        return Verdict(pattern_id, score, band, evidence, find_in(norm), NORMALISER, self.version)

    def _band(self, text: str, folded: str, pattern_id: str | None, score: float) -> Band:
        if pattern_id is None or score < SUGGESTED:
            return "none"
        pattern = self._folded[pattern_id]
        if min(informative(folded), informative(pattern)) < _SHORT:
            return "known" if folded == pattern and len(folded) > 3 else "none"
        aligned = fuzz.partial_ratio(pattern, folded)
        if aligned < GREY_DROP:
            return "suggested" if score >= KNOWN else "none"
        if score < KNOWN and aligned < GREY_LIFT:
            return "suggested"
        return "suggested" if is_advice(text) else "known"

    @staticmethod
    def _evidence(text: str, pattern: str) -> tuple[int, int] | None:
        folded = fold_with_offsets(text)
        aligned = fuzz.partial_ratio_alignment(pattern, folded.text)
        if aligned is None:
            return None
        if len(folded.text) < len(pattern):
            return folded.span(0, len(folded.text))
        return folded.span(aligned.dest_start, aligned.dest_end)


def _likeness(shared: Floats, totals: Floats, message_bits: float) -> Floats:
    """Share of the pattern found in the message; if the message is a part of it, also their cosine."""
    contained = shared / (totals + _SMOOTHING_BITS)
    cosine = shared / np.sqrt(totals * max(message_bits, 1.0))
    part = (contained >= _MIN_SHARE) & (message_bits < totals)
    return np.minimum(1.0, np.where(part, np.maximum(contained, cosine), contained))


@cache
def _advice() -> tuple[re.Pattern[str], re.Pattern[str]]:
    return (
        re.compile(
            r"(?:都|均|就|全)(?:是|为)(?:诈骗|骗局|骗子)|[【\[(]?反诈(?:提醒|预警|提示|宣传|课堂)|(?:警方|公安|民警|派出所)提[醒示]|防骗提[醒示]"
        ),
        re.compile(
            r"96110|不轻信|不转账|不透露|谨防|警惕|切勿|请勿|勿点|不要(?:点击|转账|相信|扫码)|骗子|诈骗(?:分子|手法|套路)|上当"
        ),
    )


def is_advice(norm: str) -> bool:
    """Whether a normalised text warns of fraud (and may quote it): a strong sign, or two weak ones."""
    strong, weak = _advice()
    return strong.search(norm) is not None or len(set(weak.findall(norm))) >= 2

"""Match messages to the library of known patterns.

The index finds the best pattern of every message and how much of its information is there (0 to 100);
rapidfuzz then says where a forward was cut and settles the grey zone; `verdict_rules` say what the
likeness means.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from rapidfuzz import fuzz

from patterns.data.hook_phrases import HARD
from patterns.model import Band, Pattern, Reason, Verdict
from patterns.search.pattern_index import Index, empty_index
from patterns.search.whole_likeness import choose
from patterns.signals.verdict_rules import (  # fmt: skip
    ALIGNED,
    NEAR_COPY,
    STRICTEST,
    WHOLE,
    bands,
    hooks,
    is_advice,
    is_disguised,
    leads_away,
    names_known_good,
    quotes_to_warn,
    tells_enough_in_latin,
)
from patterns.text.normalise import NORMALISER, Cleaned, Folded, clean_batch, fold_batch
from patterns.text.slots import example, filled

_MOST_RETIRED = 4_096
"""Empty slots of retired patterns that are kept; with more the index is rebuilt."""
_AT_ONCE = 512
"""Messages folded and searched in one go: larger batches gain nothing."""
_SPOKEN_OR_CALLED = frozenset(("number", "pay", "secret", "cash", "reply", "rent"))
"""Hooks that an honest message has too, beside the advice not to take the pattern's."""
_NEAR = 200
"""Characters before and behind what is compared in which a hook is the scam's own."""
_LONGEST_SPAN = 800
"""Characters of what is compared, at most, in which hooks are looked for: longer than any pattern."""
_CUT_CODES = 6
"""At most so many folded codes follow what is compared in a forward that was cut off."""
_TAIL_CODES, _TAIL_ALIKE = 14, 75.0
"""If a message's last codes are so much like the pattern's last, nothing was cut off."""


@dataclass(frozen=True, slots=True)
class _LoadedPattern:
    """A pattern ready to match: its folded codes as a str, and the hooks that its own example asks for and
    refuses."""

    pattern: Pattern
    slot: int
    folded: str
    hooks: frozenset[str]
    refused: frozenset[str]
    names_known_good: bool
    is_latin: bool
    digest: int


@dataclass(frozen=True, slots=True)
class _State:
    """Everything that a reader needs. Immutable: a change makes a new state."""

    held: dict[str, _LoadedPattern]
    ids: list[str]
    """Pattern by slot; "" for an empty slot, and for no slot at all (-1)."""
    index: Index
    digest: int
    """Of all ids and texts, whatever their order: the patterns' digests combined by exclusive or."""
    version: str


class Library:
    """The known patterns, ready to match. Equal patterns give equal verdicts, in whatever order they came.

    `match` may be called from any number of threads while patterns come and go: it answers from the state at
    its beginning. Only one thread may change the library at a time.
    """

    def __init__(self, patterns: Iterable[Pattern] = (), version: str = "") -> None:
        self._name = version
        self._state = _empty_state()
        self.change(patterns)

    def __len__(self) -> int:
        return len(self._state.held)

    def get(self, pattern_id: str) -> Pattern | None:
        """The pattern of that id, None if there is none."""
        held = self._state.held.get(pattern_id)
        return held.pattern if held else None

    def hooks(self, pattern_id: str) -> frozenset[str]:
        """The kinds of hook that a pattern leads to; empty if there is no such pattern."""
        held = self._state.held.get(pattern_id)
        return held.hooks if held else frozenset()

    @property
    def index(self) -> Index:
        """The index of the patterns held now."""
        return self._state.index

    @property
    def version(self) -> str:
        """The given name and a hash of all ids and texts, whatever the order of adding."""
        return self._state.version

    def add(self, pattern: Pattern) -> None:
        """Add a pattern, in place of the one of the same id if there is one."""
        self.change((pattern,))

    def retire(self, pattern_id: str) -> None:
        """Remove a pattern; does nothing if there is none of that id."""
        self.change((), (pattern_id,))

    def change(self, added: Iterable[Pattern], retired: Iterable[str] = ()) -> None:
        """Add and remove many patterns at once; of two with the same id the later wins. ValueError for an
        empty id."""
        before, out = self._state, set(retired)
        new = {pattern.pattern_id: pattern for pattern in added}
        if "" in new:
            raise ValueError("a pattern has an id of at least one character")
        if before.index.alive.size - len(before.held) > _MOST_RETIRED:
            kept = (x.pattern for i, x in before.held.items() if i not in out)
            new, before, out = {**{p.pattern_id: p for p in kept}, **new}, _empty_state(), set()
        gone = [before.held[i] for i in out | new.keys() if i in before.held]
        if not new and not gone and before.version:
            return
        held, digest = dict(before.held), before.digest
        ids = [*before.ids[:-1], *new, ""]
        for old in gone:
            digest ^= old.digest
            ids[old.slot] = ""
            del held[old.pattern.pattern_id]
        folded = fold_batch(clean_batch([filled(pattern.text) for pattern in new.values()], marks=True))
        messages = clean_batch([example(pattern.text) for pattern in new.values()])
        for n, (pattern_id, pattern) in enumerate(new.items()):
            norm, own = messages.string(n), _digest(pattern_id, pattern.text)
            slot = len(before.ids) - 1 + n
            held[pattern_id] = _LoadedPattern(
                pattern,
                slot,
                folded.string(n),
                *hooks(norm),
                names_known_good=names_known_good(norm),
                is_latin=_is_latin(folded.string(n)),
                digest=own,
            )
            digest ^= own
        index = before.index.with_change(folded, [_digest(i) for i in new], [old.slot for old in gone])
        self._state = _State(held, ids, index, digest, f"{self._name}+{digest:016x}".lstrip("+"))

    def match(self, texts: Sequence[str]) -> list[Verdict]:
        """One verdict per message, in order."""
        return _match(self._state, texts)

    def matched(self, texts: Sequence[str]) -> list[tuple[Verdict, Pattern | None]]:
        """As `match`, with the pattern that each verdict names, all from one state of the library."""
        state = self._state
        return [(v, state.held[v.pattern_id].pattern if v.pattern_id else None) for v in _match(state, texts)]


def _empty_state() -> _State:
    return _State({}, [""], empty_index(), 0, "")


def _match(state: _State, texts: Sequence[str]) -> list[Verdict]:
    verdicts = list[Verdict]()
    for at in range(0, len(texts), _AT_ONCE):
        part = texts[at : at + _AT_ONCE]
        cleaned = clean_batch(part)
        folded = fold_batch(cleaned)
        verdicts += _Judge(state, part, cleaned, folded).verdicts()
    return verdicts


def _digest(*parts: str) -> int:
    """64 bits of a hash of the parts."""
    digest = blake2b(digest_size=8)
    for part in parts:
        digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
    return int.from_bytes(digest.digest(), "big")


def _is_latin(folded: str) -> bool:
    """Whether most of a folded text are Latin letters."""
    return 2 * sum("a" <= code <= "z" for code in folded) > len(folded)


class _Judge:
    """The verdicts of one batch."""

    def __init__(self, state: _State, texts: Sequence[str], cleaned: Cleaned, folded: Folded) -> None:
        self._state, self._texts, self._cleaned, self._folded = state, texts, cleaned, folded
        ids, held, index = state.ids, state.held, state.index
        candidates = index.candidates(folded)
        self._hit, self._lifted = choose(
            candidates, folded, index.hooked, lambda slot: held[ids[slot]].folded
        )
        self._bands = bands(len(held))

    def verdicts(self) -> list[Verdict]:
        """One verdict per message, in order."""
        ids, version = self._state.ids, self._state.version
        scores = np.round(self._lifted, 1).tolist()
        slots = self._hit.slots.tolist()
        found = [
            Verdict(ids[slot] or None, score, "none", None, (), NORMALISER, version, text)
            for slot, score, text in zip(slots, scores, self._texts, strict=True)
        ]
        for i in np.flatnonzero(self._lifted >= self._bands.suggested - 0.05).tolist():
            held = self._state.held[ids[slots[i]]]
            needed = self._bands if held.hooks and not held.is_latin else STRICTEST
            if scores[i] >= needed.suggested:
                span = self._evidence(i)
                band, reasons = self._band(i, held, span, scores[i] >= needed.known)
                found[i] = Verdict(
                    held.pattern.pattern_id,
                    scores[i],
                    band,
                    span,
                    reasons,
                    NORMALISER,
                    version,
                    self._texts[i],
                )
        return found

    def _band(
        self, i: int, held: _LoadedPattern, span: tuple[int, int], alike: bool
    ) -> tuple[Band, tuple[Reason, ...]]:
        """The band of a message that is suggested at least; `span` is its evidence, `alike` by its score
        alone."""
        if not (alike or self._aligns(i, held)) or (held.is_latin and not self._tells_enough(i, held)):
            return "suggested", ("likeness",)
        norm = self._cleaned.string(i)
        if is_advice(norm) or quotes_to_warn(self._texts[i], span):
            return "suggested", ("advice",)
        if len(norm) > 2 * _NEAR:
            norm = self._around(i, norm, span)
        if held.hooks and not leads_away(norm):
            reason = self._honest(i, held, norm)
            if reason is not None:
                return "suggested", (reason,)
        return "known", ()

    def _honest(self, i: int, held: _LoadedPattern, norm: str) -> Reason | None:
        """Why a message that holds no link and no account is not the scam whose words it has, if it is
        not."""
        found, whole = hooks(norm), self._hit.scores[i] >= WHOLE
        good = names_known_good(norm) and not held.names_known_good
        led, refused = found.asked & (HARD | held.hooks), found.refused - held.refused
        if found.asked:
            refused &= held.hooks
        honest = good or refused
        if not led and ((honest and not whole) or not (self._is_near_copy(i) or self._was_cut(i, held))):
            return "known_good" if good else "refused" if found.refused else "no_hook"
        if good and not whole and not led & HARD:
            return "known_good"
        if refused & held.hooks and not whole and led <= _SPOKEN_OR_CALLED:
            return "refused"
        return None

    def _is_near_copy(self, i: int) -> bool:
        """Whether the whole pattern is nearly there; where it is in disguise, with the lift of its likeness:
        an honest twin is as like as a whole, but plainly written."""
        scores = self._lifted if is_disguised(self._cleaned.signs[i].tolist()) else self._hit.scores
        return bool(scores[i] >= NEAR_COPY)

    def _tells_enough(self, i: int, held: _LoadedPattern) -> bool:
        """Whether a message is like enough to a pattern in Latin letters, for which hooks have no words."""
        bits = float(self._state.index.tables.totals[held.slot])
        return bool(held.hooks) or tells_enough_in_latin(float(self._hit.scores[i]), bits)

    def _aligns(self, i: int, held: _LoadedPattern) -> bool:
        """Whether a message that scores below KNOWN still aligns with the pattern letter by letter."""
        return fuzz.partial_ratio(held.folded, self._folded.string(i), score_cutoff=ALIGNED) > 0

    def _was_cut(self, i: int, held: _LoadedPattern) -> bool:
        """Whether the message ends in the middle of the pattern, as a forward does of which the end is
        missing."""
        if self._hit.behind[i] > _CUT_CODES:
            return False
        tail = self._folded.string(i)[-_TAIL_CODES:]
        aligned = fuzz.partial_ratio_alignment(tail, held.folded, score_cutoff=_TAIL_ALIKE)
        return aligned is None or aligned.dest_end < len(held.folded) - 2

    def _around(self, i: int, norm: str, span: tuple[int, int]) -> str:
        """The normalised text around the compared span: what a long message says elsewhere is not part of the
        scam."""
        start, end = self._cleaned.starts[i : i + 2].tolist()
        first, last = np.searchsorted(self._cleaned.offsets[start:end], span).tolist()
        return norm[max(0, first - _NEAR) : min(last, first + _LONGEST_SPAN) + _NEAR]

    def _evidence(self, i: int) -> tuple[int, int]:
        """The raw span of what was compared: the gram behind the last reaches one code further."""
        first, last = self._hit.spans[i].tolist()
        start, end = self._folded.starts[i : i + 2].tolist()
        offsets = self._folded.offsets
        return int(offsets[start + first]), int(offsets[min(start + last, end - 1)]) + 1

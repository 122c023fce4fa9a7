"""Check a library before it is used: what its patterns and types lack, and what they match by mistake."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from rapidfuzz import fuzz, process

from patterns.characters.character_facts import is_han
from patterns.matching import Library
from patterns.model import FraudType, Pattern, Verdict, Voice
from patterns.text.normalise import clean_batch, fold_batch
from patterns.text.slots import SLOTS, example, filled, slots, unknown_slots

BAD_SLOT = "bad-slot"
"""Code of a text that can never work as a pattern; the other codes leave that open."""
NEAR_DUPLICATE = 80
"""Likeness of two folded texts, of 100, from which they are one pattern."""
_MOST_SLOTS = 4
_FEWEST_HAN, _FEWEST_LATIN = 16, 40
"""Characters outside slots without which a text says too little to be recognised by."""
_SHORTEST_RUN = 8
"""Some stretch between two slots has at least so many characters: grams do not reach over a slot."""
_FEWEST_PATTERNS, _FEWEST_CUES = 8, 10
_SHOWN_CHARS = 80


@dataclass(frozen=True, slots=True)
class LibraryProblem:
    """A defect of a library: an error must be mended, a warning may be intended. `pattern_id` is "" for a
    defect of a fraud type."""

    severity: Literal["error", "warning"]
    code: str
    pattern_id: str
    message: str


def check(
    types: Sequence[FraudType], patterns: Sequence[Pattern], benign_texts: Sequence[str]
) -> list[LibraryProblem]:
    """All problems of the types and their patterns as one library; no benign text may resemble a pattern."""
    return [
        *_types_given_twice(types),
        *(problem for kind in types for problem in _thin_type(kind, patterns)),
        *_problems(patterns, range(len(patterns)), benign_texts),
    ]


def check_added(
    pattern: Pattern, others: Sequence[Pattern], benign_texts: Sequence[str]
) -> list[LibraryProblem]:
    """The problems of one pattern that is added to `others`: it is compared with each of them, but they are
    not compared with one another."""
    patterns = [*others, pattern]
    checked = [n for n, one in enumerate(patterns) if one.pattern_id == pattern.pattern_id]
    return _problems(patterns, checked, benign_texts)


def _problems(
    patterns: Sequence[Pattern], checked: Sequence[int], benign_texts: Sequence[str]
) -> list[LibraryProblem]:
    """The problems of the patterns at the indexes `checked`, in a library of all."""
    library, own = Library(patterns), [patterns[n] for n in checked]
    return [
        *_given_twice(own),
        *_bad_slots(own),
        *_near_duplicates(patterns, checked),
        *_unlike_their_example(library, own),
        *_without_hook(library, own),
        *_benign_hits(library, {pattern.pattern_id for pattern in own}, benign_texts),
    ]


def slot_problems(text: str) -> Iterator[str]:
    """What makes a text useless as a pattern: its slots, or too little beside them."""
    pieces = re.split(r"\{[^{}]*\}", text)
    for name in unknown_slots(text):
        yield f"there is no slot {{{name}}}; there are {', '.join(SLOTS)}"
    if any(not piece.strip() for piece in pieces[1:-1]):
        yield "two slots stand side by side: put words between them, or use one"
    if len(slots(text)) > _MOST_SLOTS:
        yield f"it has {len(slots(text))} slots, at most {_MOST_SLOTS} are of use: write out what is constant"
    fixed = "".join(pieces)
    han = sum(map(is_han, fixed))
    latin = sum(c.isascii() and c.isalpha() for c in fixed)
    if han < _FEWEST_HAN and (latin < _FEWEST_LATIN or latin <= han):
        yield (
            f"only {han} Chinese characters are fixed, it takes {_FEWEST_HAN} "
            f"(or {_FEWEST_LATIN} letters in a Latin text): give more of the wording"
        )
    if max(sum(c.isalnum() for c in piece) for piece in pieces) < _SHORTEST_RUN:
        yield f"no stretch of {_SHORTEST_RUN} characters is without a slot: give more of the wording"


def _types_given_twice(types: Iterable[FraudType]) -> Iterator[LibraryProblem]:
    for code, times in Counter(kind.code for kind in types).items():
        if times > 1:
            yield LibraryProblem("error", "type-twice", "", f"type {code} is given {times} times: keep one")


def _given_twice(patterns: Iterable[Pattern]) -> Iterator[LibraryProblem]:
    for pattern_id, times in Counter(pattern.pattern_id for pattern in patterns).items():
        if times > 1:
            yield LibraryProblem(
                "error", "id-twice", pattern_id, f"{times} patterns have this id: give each its own"
            )


def _bad_slots(patterns: Iterable[Pattern]) -> Iterator[LibraryProblem]:
    for pattern in patterns:
        for message in slot_problems(pattern.text):
            yield LibraryProblem("error", BAD_SLOT, pattern.pattern_id, message)


def _thin_type(kind: FraudType, patterns: Iterable[Pattern]) -> Iterator[LibraryProblem]:
    voices = [pattern.voice for pattern in patterns if pattern.fraud_type == kind.code]
    if len(voices) < _FEWEST_PATTERNS:
        yield LibraryProblem(
            "error",
            "few-patterns",
            "",
            f"type {kind.code} has {len(voices)} patterns, it takes {_FEWEST_PATTERNS}",
        )
    if missing := [voice for voice in get_args(Voice) if voice not in voices]:
        yield LibraryProblem(
            "error", "no-voice", "", f"type {kind.code} has no pattern as {', '.join(missing)}"
        )
    if len(kind.cues) < _FEWEST_CUES:
        yield LibraryProblem(
            "warning",
            "few-cues",
            "",
            f"type {kind.code} has {len(kind.cues)} cues, {_FEWEST_CUES} are better",
        )


def _near_duplicates(patterns: Sequence[Pattern], checked: Sequence[int]) -> Iterator[LibraryProblem]:
    """Pairs alike as wholes, or of which one is in the other; the problem is that of the later one."""
    batch = fold_batch(clean_batch([filled(pattern.text) for pattern in patterns], marks=True))
    folded = [batch.string(n) for n in range(len(patterns))]
    own = [folded[n] for n in checked]
    alike = np.maximum(
        *(
            process.cdist(folded, own, scorer=scorer, score_cutoff=NEAR_DUPLICATE, dtype=np.uint8, workers=-1)
            for scorer in (fuzz.ratio, fuzz.partial_ratio)
        )
    )
    for one, column in np.argwhere(alike).tolist():
        first, second = patterns[one].pattern_id, patterns[checked[column]].pattern_id
        if one < checked[column] and first != second:
            yield LibraryProblem(
                "error",
                "near-duplicate",
                second,
                f"its text is that of {first} ({alike[one, column]} of 100): keep one, or reword it",
            )


def _unlike_their_example(library: Library, patterns: Sequence[Pattern]) -> Iterator[LibraryProblem]:
    verdicts = library.match([example(pattern.text) for pattern in patterns])
    for pattern, verdict in zip(patterns, verdicts, strict=True):
        if verdict.pattern_id != pattern.pattern_id or verdict.band != "known":
            yield LibraryProblem("error", "own-example", pattern.pattern_id, _mistaken(pattern, verdict))


def _mistaken(pattern: Pattern, verdict: Verdict) -> str:
    taken = "" if verdict.pattern_id == pattern.pattern_id else f" by {verdict.pattern_id}"
    why = f" ({', '.join(verdict.reasons)})" if verdict.reasons else ""
    return (
        f"a message of its own text is {verdict.band}{taken} at {verdict.score:.0f}{why}, "
        "not known by it: reword it"
    )


def _without_hook(library: Library, patterns: Iterable[Pattern]) -> Iterator[LibraryProblem]:
    for pattern in patterns:
        if not library.hooks(pattern.pattern_id):
            yield LibraryProblem(
                "warning",
                "no-hook",
                pattern.pattern_id,
                "no hook is recognised: say where the victim is led (a link, an account, a payment, a code)",
            )


def _benign_hits(library: Library, ids: Collection[str], texts: Sequence[str]) -> Iterator[LibraryProblem]:
    for text, verdict in zip(texts, library.match(texts), strict=True):
        if verdict.band != "none" and verdict.pattern_id is not None and verdict.pattern_id in ids:
            shown = text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"
            yield LibraryProblem(
                "error",
                "benign-hit",
                verdict.pattern_id,
                f"an honest text is {verdict.band} at {verdict.score:.0f}: {shown!r}",
            )

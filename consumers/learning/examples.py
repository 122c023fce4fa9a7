"""The examples that the judge learns from: texts of our own, the seeds, everyday messages.

A quarter of the scenarios is set aside by the hash of their name: nothing is learned from them.
"""

import hashlib
from collections.abc import Iterable, Iterator
from importlib.resources import files
from typing import Any

import msgspec

from fenghuo.errors import Refused

ASIDE_BELOW = 64
"""A kind is set aside if the first byte of its BLAKE2b digest is below this: a quarter."""
PHRASES = "phrases"
PHRASES_TOGETHER, PHRASES_WEIGHT = 4, 0.5
EVERYDAY_WEIGHT = 0.5
"""What an everyday line weighs beside a text that was written for its voice."""


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """One labelled text. `type` is "" where there is none; `weight` is how much it counts in learning."""

    id: str
    kind: str
    voice: str
    text: str
    type: str = ""
    near: str = ""
    stage: str = "received"
    matter: str = "fraud"
    slots: dict[str, Any] = {}
    weight: float = 1.0

    @property
    def is_fraud(self) -> bool:
        """Whether fraud is at work in it: bait, the story of one, a victim."""
        return self.voice in {"bait", "story", "victim"} and self.matter == "fraud"

    @property
    def set_aside(self) -> bool:
        """Whether it is kept for testing alone."""
        return hashlib.blake2b(self.kind.encode()).digest()[0] < ASIDE_BELOW


def shipped_texts() -> list[Example]:
    """The labelled texts that ship with ``patterns``, by file and line."""
    folder = files("patterns").joinpath("texts")
    names = sorted(x.name for x in folder.iterdir() if x.name.endswith(".jsonl"))
    return [x for name in names for x in read_examples(folder.joinpath(name).read_bytes(), name)]


def read_examples(content: bytes, name: str) -> Iterator[Example]:
    """The examples of a file's lines; raises Refused that names the line of one that is none."""
    for number, line in enumerate(content.splitlines(), 1):
        if line.strip():
            try:
                yield msgspec.json.decode(line, type=Example)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise Refused(f"{name}, line {number}: {error}") from None


def learned_from(texts: Iterable[Example]) -> list[Example]:
    """What a judge is trained on: ``texts`` that are not set aside, the seeds, and everyday messages."""
    from consumers.live_library import seed_patterns
    from patterns.data.everyday_messages import EVERYDAY
    from patterns.text.slots import example

    seeds = [
        Example(id=p.pattern_id, kind=p.pattern_id, voice="bait", type=p.fraud_type, text=example(p.text))
        for p in seed_patterns()
    ]
    everyday = [
        Example(
            id=f"everyday-{n}", kind="everyday", voice="chat", matter="other", text=text,
            weight=EVERYDAY_WEIGHT,
        )
        for n, text in enumerate(EVERYDAY)
    ]  # fmt: skip
    return [*(x for x in texts if not x.set_aside), *seeds, *_phrases(), *everyday]


def _phrases() -> list[Example]:
    """The phrases of each fraud type, some together: they say what a type is called and nothing else."""
    from consumers.live_library import fraud_types

    return [
        Example(
            id=f"{kind.code}-{at}", kind=PHRASES, voice="bait", type=kind.code,
            text="，".join(kind.cues[at : at + PHRASES_TOGETHER]), weight=PHRASES_WEIGHT,
        )
        for kind in fraud_types().values()
        for at in range(0, len(kind.cues), PHRASES_TOGETHER)
    ]  # fmt: skip


def digest(examples: Iterable[Example]) -> str:
    """A hash of the examples and their order, 16 hexadecimal digits."""
    found = hashlib.blake2b(digest_size=8)
    for x in examples:
        found.update(msgspec.json.encode(x) + b"\n")
    return found.hexdigest()

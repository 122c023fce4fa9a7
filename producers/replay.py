"""Sorts dead letters: which can be read now and go back to their topic, which cannot and stay. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from fenghuo.domain import events as e
from fenghuo.errors import Poison
from fenghuo.topics import Topic, by_name, topic_of


@dataclass(slots=True)
class ReplayPlan:
    """``again``: events to publish, by the room that may; ``staying``: (topic, reason) to how many."""

    again: dict[str, list[e.Event]] = field(default_factory=dict)
    staying: Counter[tuple[str, str]] = field(default_factory=Counter)
    repeated: int = 0
    """Letters of a record that has one already."""
    by_topic: Counter[str] = field(default_factory=Counter)
    """Of ``again``."""


def sort(letters: Iterable[e.DeadLettered]) -> ReplayPlan:
    """Each record of ``letters`` once, decoded as its topic does today."""
    found = ReplayPlan()
    seen: set[tuple[str, bytes]] = set()
    decoders: dict[str, msgspec.json.Decoder[e.Event]] = {}
    for letter in letters:
        if (letter.topic, letter.value) in seen:
            found.repeated += 1
            continue
        seen.add((letter.topic, letter.value))
        _sort_one(letter, found, decoders)
    return found


def _sort_one(
    letter: e.DeadLettered, found: ReplayPlan, decoders: dict[str, msgspec.json.Decoder[e.Event]]
) -> None:
    try:
        topic = by_name(letter.topic)
    except KeyError:
        found.staying[letter.topic, "there is no such topic any more"] += 1
        return
    decoder = decoders.setdefault(topic.name, topic.decoder())
    try:
        event = e.decode(decoder, letter.value)
    except Poison as error:
        found.staying[topic.name, str(error)[:120]] += 1
        return
    found.again.setdefault(writer_of(topic), []).append(event)
    found.by_topic[topic_of(event).name] += 1


def writer_of(topic: Topic) -> str:
    """The room to publish as: producers where it may, else the topic's first writer."""
    return "producers" if "producers" in topic.writers else min(topic.writers)

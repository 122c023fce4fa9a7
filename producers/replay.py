"""Plans a replay of dead letters: those that can be decoded now are published again, others stay. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from fenghuo.domain import events as e
from fenghuo.errors import Poison
from fenghuo.topics import Topic, by_name, topic_of


@dataclass(slots=True)
class ReplayPlan:
    """``to_publish``: events by the room that may write them; ``staying``: (topic, reason) to how many."""

    to_publish: dict[str, list[e.Event]] = field(default_factory=dict)
    staying: Counter[tuple[str, str]] = field(default_factory=Counter)
    repeated: int = 0
    """Letters of a record that another letter has already."""
    by_topic: Counter[str] = field(default_factory=Counter)
    """Counts of ``to_publish``."""


def plan_replay(letters: Iterable[e.DeadLettered]) -> ReplayPlan:
    """Plan the replay of ``letters``: each record once, decoded as its topic decodes today."""
    found = ReplayPlan()
    seen: set[tuple[str, bytes]] = set()
    decoders: dict[str, msgspec.json.Decoder[e.Event]] = {}
    for letter in letters:
        if (letter.topic, letter.value) in seen:
            found.repeated += 1
            continue
        seen.add((letter.topic, letter.value))
        _plan_one(letter, found, decoders)
    return found


def _plan_one(
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
    found.to_publish.setdefault(writer_of(topic), []).append(event)
    found.by_topic[topic_of(event).name] += 1


def writer_of(topic: Topic) -> str:
    """The room to publish as: producers if it may, else the topic's first writer."""
    return "producers" if "producers" in topic.writers else min(topic.writers)

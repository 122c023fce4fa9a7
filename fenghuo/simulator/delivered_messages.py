"""What each group got, by the simulator's own count: the reference for a sender's ledger.

A double is the same text shown twice in one group. Memory is bounded: above MOST_PAIRS (text, group) pairs,
the oldest texts are dropped as a whole, and ``forgotten`` counts them.
"""

import hashlib
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

MOST_PAIRS = 400_000
KEPT_PER_GROUP = 64
LOG_KEPT = 100_000
ID_LENGTH = 16


@dataclass(frozen=True, slots=True)
class DeliveredMessage:
    """One message in one group."""

    number: int
    at_ms: int
    group_id: str
    channel: str
    text_sha: str


@dataclass(slots=True)
class DeliveredText:
    """One text, and for each group that has it: [times shown, first ms, last ms, channel]."""

    text: str
    groups: dict[str, list[Any]] = field(default_factory=dict)


def text_id(text: str) -> str:
    """The first 16 hex digits of the text's SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]


class DeliveredMessages:
    """All messages shown, by text and by group."""

    def __init__(self) -> None:
        self.shown = self.doubles = self.asked_again = self.forgotten = 0
        self.log: deque[DeliveredMessage] = deque(maxlen=LOG_KEPT)
        self.texts: dict[str, DeliveredText] = {}
        self.groups: dict[str, deque[DeliveredMessage]] = {}
        self._pairs = 0

    def show(self, group_id: str, text: str, channel: str, at_ms: int) -> None:
        """Record that the group sees ``text`` at ``at_ms``."""
        sha = text_id(text)
        self.shown += 1
        shown = DeliveredMessage(self.shown, at_ms, group_id, channel, sha)
        self.log.append(shown)
        if group_id not in self.groups:
            self.groups[group_id] = deque(maxlen=KEPT_PER_GROUP)
        self.groups[group_id].append(shown)
        had = self.texts.setdefault(sha, DeliveredText(text)).groups
        if group_id in had:
            self.doubles += 1
            had[group_id][0] += 1
            had[group_id][2] = at_ms
            return
        had[group_id] = [1, at_ms, at_ms, channel]
        self._pairs += 1
        while self._pairs > MOST_PAIRS and len(self.texts) > 1:
            self._forget_oldest()

    def has(self, group_id: str, text: str) -> bool:
        """Whether ``group_id`` has seen ``text``."""
        known = self.texts.get(text_id(text))
        return known is not None and group_id in known.groups

    def find(self, text_sha: str, contains: str) -> list[DeliveredText]:
        """The text of this id, or all that contain ``contains`` (channels truncate texts differently)."""
        if text_sha:
            return [self.texts[text_sha]] if text_sha in self.texts else []
        return [text for text in self.texts.values() if contains in text.text]

    def since(self, number: int) -> Iterator[DeliveredMessage]:
        """What was shown after message ``number``, oldest first."""
        return (shown for shown in self.log if shown.number > number)

    def _forget_oldest(self) -> None:
        gone = self.texts.pop(next(iter(self.texts)))
        self._pairs -= len(gone.groups)
        self.forgotten += 1


def count(texts: list[DeliveredText]) -> dict[str, Any]:
    """Groups that have any of ``texts``, doubles, first and last time."""
    groups = {group_id for text in texts for group_id in text.groups}
    entries = [entry for text in texts for entry in text.groups.values()]
    return {
        "groups": len(groups),
        "shown": sum(entry[0] for entry in entries),
        "doubles": sum(entry[0] - 1 for entry in entries),
        "first_ms": min((entry[1] for entry in entries), default=None),
        "last_ms": max((entry[2] for entry in entries), default=None),
        "by_channel": dict(Counter(entry[3] for entry in entries)),
    }


def reached(texts: list[DeliveredText], members: Mapping[str, int]) -> list[tuple[int, int]]:
    """(ms, residents who have any of ``texts`` from then on), each group by its first time."""
    first: dict[str, int] = {}
    for text in texts:
        for group_id, entry in text.groups.items():
            first[group_id] = min(entry[1], first.get(group_id, entry[1]))
    total, steps = 0, []
    for group_id, at_ms in sorted(first.items(), key=lambda item: item[1]):
        total += members.get(group_id, 0)
        steps.append((at_ms, total))
    return steps

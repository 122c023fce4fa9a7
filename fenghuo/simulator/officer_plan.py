"""The plan of one simulated officer: which to-dos were seen, and when each will be tapped. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from fenghuo.simulator.response_model import Profile, first_tap_s, reminded_tap_s, unit


class GroupToTap(msgspec.Struct, frozen=True):
    """A group that waits for a tap; ``level``: the officer's part in it (owner, deputy or station)."""

    group_id: str
    level: str = "owner"
    name: str = ""
    opened: bool = True
    """Whether the officer may send it now: a duty account sees groups earlier."""


class TextToForward(msgspec.Struct, frozen=True):
    """One text to forward, as GET /api/todo lists it."""

    alert_id: str
    version: int
    kind: str
    text: str
    groups: tuple[GroupToTap, ...] = ()


TapKey = tuple[str, int, str, str]
"""(alert id, version, kind, group id)."""


@dataclass(slots=True)
class _PlannedTap:
    due_s: float | None
    level: str


def read(answer: Any) -> list[TextToForward]:
    """The to-dos of an answer of GET /api/todo. Raises msgspec.ValidationError."""
    todos: list[TextToForward] = msgspec.convert(answer["todos"], list[TextToForward])
    return todos


def items(todos: Iterable[TextToForward]) -> dict[TapKey, tuple[TextToForward, GroupToTap]]:
    """Every tap that is requested now."""
    return {(t.alert_id, t.version, t.kind, g.group_id): (t, g) for t in todos for g in t.groups if g.opened}


class OfficerPlan:
    """The planned taps of one person; times in simulated seconds."""

    def __init__(self, person_id: str, profile: Profile, seed: int) -> None:
        self._person_id = person_id
        self._profile = profile
        self._seed = seed
        self._plans: dict[TapKey, _PlannedTap] = {}
        self._notices = 0

    def see(self, todos: Iterable[TextToForward], now_s: float, second_of_day: float) -> None:
        """Plan new to-dos and drop those that are no longer requested. All groups of one get the same
        time."""
        asked = items(todos)
        self._plans = {item: plan for item, plan in self._plans.items() if item in asked}
        for item, (_, group) in asked.items():
            if item not in self._plans:
                will, drawn = self._draws(*item[:3], group.level)
                wait_s = first_tap_s(self._profile, will, drawn, second_of_day)
                self._plans[item] = _PlannedTap(None if wait_s is None else now_s + wait_s, group.level)

    def be_reminded(self, now_s: float, second_of_day: float) -> None:
        """A reminder: perhaps plan earlier taps."""
        self._notices += 1
        for item, plan in self._plans.items():
            will, drawn = self._draws(*item[:3], plan.level, f"notice{self._notices}")
            wait_s = reminded_tap_s(self._profile, will, drawn, second_of_day)
            if wait_s is not None:
                plan.due_s = min(now_s + wait_s, plan.due_s if plan.due_s is not None else now_s + wait_s)

    def due(self, now_s: float) -> list[TapKey]:
        """The taps that are due."""
        return [item for item, plan in self._plans.items() if plan.due_s is not None and plan.due_s <= now_s]

    def next_s(self) -> float | None:
        """The time of the next tap, or None."""
        return min((plan.due_s for plan in self._plans.values() if plan.due_s is not None), default=None)

    def _draws(self, *about: object) -> tuple[float, float]:
        parts = (self._seed, self._person_id, *about)
        return unit(*parts, "will"), unit(*parts, "delay")

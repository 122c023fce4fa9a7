"""A call and its answer, free of any web framework; and what an endpoint is."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fenghuo.simulator.platform import Platform

_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u[0-9a-fA-F]{4}")


@dataclass(frozen=True, slots=True)
class Call:
    """One request; ``name`` is the last part of the path where that is an address (a token, a group)."""

    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    address: str
    name: str = ""

    def fields(self) -> dict[str, Any] | None:
        """The body as a JSON object, or None. Half of a surrogate pair is no text."""
        try:
            said = json.loads(self.body)
            if b"\\ud" in self.body.lower():
                json.dumps(said, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            return None
        return said if isinstance(said, dict) else None

    def escaped(self) -> bool:
        """Whether the body has a \\uxxxx escape."""
        return _ESCAPE.search(self.body) is not None


@dataclass(frozen=True, slots=True)
class Answer:
    """``taken``: the platform did what was asked."""

    body: Mapping[str, Any]
    taken: bool = False
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Wrong(Exception):
    """What was asked cannot be done; ``code`` is the platform's word for why."""

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of a platform. ``way`` names it for faults; ``target`` is whom a call is about."""

    way: str
    method: str
    path: str
    answer: Callable[["Platform", Call], Answer]
    """May raise Wrong."""
    target: Callable[[Call], str]
    refuse: Callable[[int, Call, str], Answer]
    """The answer that carries an error code, with a detail."""
    busy: int
    """The code of "too fast"."""

    def reply(self, platform: "Platform", call: Call) -> Answer:
        """The answer to ``call``, whether it is taken or refused."""
        try:
            return self.answer(platform, call)
        except Wrong as wrong:
            return self.refuse(wrong.code, call, str(wrong))

"""A platform's request and its response, free of any web framework."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u[0-9a-fA-F]{4}")


@dataclass(frozen=True, slots=True)
class PlatformRequest:
    """One request; ``name`` is the variable last part of the path (a token, a group)."""

    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    address: str
    name: str = ""

    def fields(self) -> dict[str, Any] | None:
        """The body as a JSON object; None if it is none, or has a lone surrogate."""
        try:
            parsed = json.loads(self.body)
            if b"\\ud" in self.body.lower():
                json.dumps(parsed, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            return None
        return parsed if isinstance(parsed, dict) else None

    def escaped(self) -> bool:
        """Whether the body has a \\uxxxx escape."""
        return _ESCAPE.search(self.body) is not None


@dataclass(frozen=True, slots=True)
class PlatformResponse:
    """``taken``: the platform accepted the request."""

    body: Mapping[str, Any]
    taken: bool = False
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class PlatformError(Exception):
    """The request is refused; ``code`` is the platform's error code."""

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(detail)
        self.code = code

"""Faults on demand, drawn from (seed, way, target, number of the request). Pure."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from fenghuo.errors import Refused
from fenghuo.simulator.response_model import log_normal, unit

EVERY = "*"


class Misbehaviour(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The faults of one way: shares of its responses, 0 to 1, together at most 1. Times are real."""

    rate_limited: float = 0.0
    timeout_after: float = 0.0
    """Accepted and shown; then the connection hangs for ``hang_s`` and drops."""
    broken_before: float = 0.0
    """The connection breaks and nothing was accepted."""
    codes: dict[str, float] = {}
    """Error codes returned at random: {"-1": 0.01}."""
    revoked: float = 0.0
    """The share of robots (or hooks) that are gone for good: the same ones for the same seed."""
    hang_s: float = 30.0
    latency_ms: float = 0.0
    """The median; with 0 the response is immediate."""
    latency_sigma: float = 0.5

    def __post_init__(self) -> None:
        shares = [self.rate_limited, self.timeout_after, self.broken_before, *self.codes.values()]
        if not all(0 <= share <= 1 for share in [*shares, self.revoked, sum(shares)]):
            raise ValueError("shares are from 0 to 1, together at most 1")
        if min(self.hang_s, self.latency_ms, self.latency_sigma) < 0:
            raise ValueError("times are not below 0")
        if not all(code.lstrip("-").isdigit() for code in self.codes):
            raise ValueError("a code is a number")


class Faults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All faults in force. ``ways`` by endpoint ("wecom_customer_group/gettoken"), channel, or "*" for all;
    only the most specific one applies."""

    ways: dict[str, Misbehaviour] = {}
    dead_credentials: tuple[str, ...] = ()
    """Names of corps whose secret is no longer valid (40001)."""
    token_life_s: float = 7200.0
    """Real seconds; WeCom may end a token early."""
    withhold_creator: bool = False
    """get_groupmsg_list_v2 omits who a task is for."""


class Fault(StrEnum):
    """The fault of one request."""

    NONE = "none"
    RATE_LIMITED = "rate_limited"
    TIMEOUT_AFTER = "timeout_after"
    BROKEN_BEFORE = "broken_before"
    CODE = "code"


PLAIN = Misbehaviour()


def read(parsed: Any) -> Faults:
    """Faults from parsed TOML or JSON; raises Refused with the reason."""
    try:
        return msgspec.convert(parsed, Faults)
    except msgspec.ValidationError as error:
        raise Refused(f"these faults cannot be used: {error}") from None


def behaviour(ways: Mapping[str, Misbehaviour], way: str) -> Misbehaviour:
    """The faults in force for ``way`` ("channel" or "channel/endpoint")."""
    return ways.get(way) or ways.get(way.partition("/")[0]) or ways.get(EVERY) or PLAIN


def choose(wrong: Misbehaviour, drawn: float) -> tuple[Fault, int]:
    """(fault of a request, error code or 0) for ``drawn`` (0 to 1)."""
    shares = [
        (wrong.rate_limited, Fault.RATE_LIMITED, 0),
        (wrong.timeout_after, Fault.TIMEOUT_AFTER, 0),
        (wrong.broken_before, Fault.BROKEN_BEFORE, 0),
        *((share, Fault.CODE, int(code)) for code, share in sorted(wrong.codes.items())),
    ]
    for share, fault, code in shares:
        if drawn < share:
            return fault, code
        drawn -= share
    return Fault.NONE, 0


def latency_s(wrong: Misbehaviour, drawn: float) -> float:
    """Real seconds before the response."""
    return log_normal(wrong.latency_ms, wrong.latency_sigma, drawn) / 1000 if wrong.latency_ms else 0.0


def revoked(wrong: Misbehaviour, seed: int, way: str, target: str) -> bool:
    """Whether ``target`` is gone for good."""
    return wrong.revoked > 0 and unit(seed, "revoked", way, target) < wrong.revoked

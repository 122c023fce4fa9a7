"""Faults are drawn from seed, way, target and number of the request."""

from collections import Counter
from typing import Any

import pytest

from fenghuo.errors import Refused
from fenghuo.simulator import faults
from fenghuo.simulator.faults import Fault, Misbehaviour, behaviour, choose, latency_s, revoked
from fenghuo.simulator.response_model import unit

WRONG = Misbehaviour(
    rate_limited=0.05, timeout_after=0.02, broken_before=0.03, codes={"-1": 0.1, "45033": 0.1}
)


def test_shares_come_out_as_they_were_asked_for() -> None:
    chosen = Counter(choose(WRONG, unit("draw", n)) for n in range(20_000))
    wanted = {
        (Fault.RATE_LIMITED, 0): 0.05, (Fault.TIMEOUT_AFTER, 0): 0.02, (Fault.BROKEN_BEFORE, 0): 0.03,
        (Fault.CODE, -1): 0.1, (Fault.CODE, 45033): 0.1, (Fault.NONE, 0): 0.7,
    }  # fmt: skip
    assert chosen.keys() == wanted.keys()
    for outcome, share in wanted.items():
        assert chosen[outcome] / 20_000 == pytest.approx(share, abs=0.006)


def test_the_revoked_robots_are_always_the_same_ones() -> None:
    wrong = Misbehaviour(revoked=0.1)
    gone = [key for key in map(str, range(2000)) if revoked(wrong, 1, "dingtalk", key)]
    assert 150 < len(gone) < 250
    assert gone == [key for key in map(str, range(2000)) if revoked(wrong, 1, "dingtalk", key)]
    assert gone != [key for key in map(str, range(2000)) if revoked(wrong, 2, "dingtalk", key)]
    more = Misbehaviour(revoked=0.2)
    assert all(revoked(more, 1, "dingtalk", key) for key in gone)


def test_the_closest_way_holds() -> None:
    ways = {"*": Misbehaviour(hang_s=1), "a": Misbehaviour(hang_s=2), "a/send": Misbehaviour(hang_s=3)}
    assert [behaviour(ways, way).hang_s for way in ("a/send", "a/ask", "a", "b")] == [3, 2, 2, 1]
    assert behaviour({}, "a/send") is faults.PLAIN


def test_latency_has_the_median_that_was_asked_for() -> None:
    assert latency_s(Misbehaviour(latency_ms=80), 0.5) == pytest.approx(0.08)
    assert latency_s(Misbehaviour(), 0.99) == 0


@pytest.mark.parametrize(
    "said",
    [
        {"ways": {"*": {"rate_limited": 0.6, "timeout_after": 0.6}}},
        {"ways": {"*": {"revoked": 1.5}}},
        {"ways": {"*": {"rate_limited": -0.1}}},
        {"ways": {"*": {"codes": {"busy": 0.1}}}},
        {"ways": {"*": {"hang_s": -1}}},
        {"ways": {"*": {"timeouts": 0.1}}},
        {"dead": ["district"]},
        [],
    ],
)
def test_faults_that_make_no_sense_are_refused_with_the_reason(said: Any) -> None:
    with pytest.raises(Refused, match="cannot be used"):
        faults.read(said)

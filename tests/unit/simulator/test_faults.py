"""What goes wrong is drawn purely; limits and the roster are checked purely too."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from fenghuo.errors import Refused
from fenghuo.simulator import faults, roster
from fenghuo.simulator.delivered_messages import DeliveredMessages, count, reached
from fenghuo.simulator.faults import Fault, Misbehaviour, behaviour, choose, latency_s, revoked
from fenghuo.simulator.rate_limits import SlidingWindow
from fenghuo.simulator.response_model import unit
from tests.support.simulated_platform import ROSTER

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


def test_a_meter_takes_so_many_in_a_window_and_then_blocks() -> None:
    window = SlidingWindow(20, 60, 600)
    assert [window.take("d1", n / 10) for n in range(21)] == [True] * 20 + [False]
    assert window.take("d2", 2.0)
    assert not window.take("d1", 2.0 + 599)
    assert window.take("d1", 2.0 + 601)


def test_a_meter_without_a_block_slides() -> None:
    window = SlidingWindow(5, 1)
    assert [window.take("f1", n / 10) for n in range(6)] == [True] * 5 + [False]
    assert window.take("f1", 1.05)
    assert not window.take("f1", 1.06)


def _with(change: dict[str, Any]) -> dict[str, Any]:
    return {**ROSTER, **change}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"owners": [{"userid": "zhang", "profile": "lazy"}]}, "no profile 'lazy'"),
        ({"officers": [{"person_id": "w", "password": "p", "profile": "x"}]}, "no profile 'x'"),
        ({"robots": [{"channel": "sms", "key": "k", "group_id": "g"}]}, "cannot be used"),
        ({"robots": [{"channel": "feishu", "key": "k", "group_id": "g"}] * 2}, "same robot twice"),
        ({"chats": [{"chat_id": "wr1", "owner": "a", "group_id": "g", "corp": "other"}]}, "the corp 'other'"),
        ({"corps": []}, "does not have"),
        ({"robot": []}, "cannot be used"),
    ],
)
def test_a_roster_with_a_mistake_is_refused_with_the_reason(change: dict[str, Any], why: str) -> None:
    with pytest.raises(Refused, match=why):
        roster.read(_with(change))


def test_a_roster_is_read_from_toml(tmp_path: Path) -> None:
    path = tmp_path / "roster.toml"
    path.write_text('hooks = ["g1"]\n[[robots]]\nchannel = "feishu"\nkey = "t"\ngroup_id = "g2"\n')
    found = roster.read(roster.parse(path))
    assert found.hooks == ("g1",)
    assert found.robots[0].key == "t"
    path.write_text("hooks = [")
    with pytest.raises(Refused, match=r"roster\.toml"):
        roster.parse(path)


def test_the_wall_counts_groups_and_doubles() -> None:
    delivered = DeliveredMessages()
    for group_id, text, at in (("g1", "甲", 10), ("g2", "甲", 20), ("g1", "甲", 30), ("g1", "乙", 40)):
        delivered.show(group_id, text, "webhook", at)
    assert (delivered.shown, delivered.doubles) == (4, 1)
    told = count(delivered.find("", "甲"))
    assert told == {
        "groups": 2, "shown": 3, "doubles": 1, "first_ms": 10, "last_ms": 30, "by_channel": {"webhook": 2},
    }  # fmt: skip
    assert reached(delivered.find("", "甲"), {"g1": 100, "g2": 50}) == [(10, 100), (20, 150)]
    assert delivered.has("g2", "甲")
    assert not delivered.has("g2", "乙")


def test_the_wall_forgets_the_oldest_texts_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fenghuo.simulator.delivered_messages.MOST_PAIRS", 3)
    delivered = DeliveredMessages()
    for n, text in enumerate(["甲", "甲", "乙", "丙"]):
        delivered.show(f"g{n}", text, "webhook", n)
    assert [text.text for text in delivered.texts.values()] == ["乙", "丙"]
    assert (delivered.shown, delivered.forgotten) == (4, 1)

"""The simulator's own count of what groups got."""

import pytest

from fenghuo.simulator.delivered_messages import DeliveredMessages, count, reached


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

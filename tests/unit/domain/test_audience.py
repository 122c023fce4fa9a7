"""An audience: its groups, their digest, those that come later, and what a warning reaches."""

import hashlib

import pytest

from fenghuo.domain.alert import Audience
from fenghuo.domain.audience import arrived_later, digest_of, freeze, in_audience, reach_of
from fenghuo.domain.audience_expression import ExpressionError
from fenghuo.domain.events import Binding
from fenghuo.domain.routing import way_for
from tests.support.builders import content, group
from tests.unit.domain.audience_groups import rows


def test_an_audience_is_its_district_its_towns_and_its_expression() -> None:
    wide = Audience(district="示范区")
    shops = Audience(district="示范区", expression="标签=商户")
    assert freeze(rows(), wide) == ("g0001", "g0002", "g0003")
    assert freeze(rows(), shops) == ("g0001", "g0003")
    narrow = Audience(district="示范区", towns=("东湖镇",), expression="标签=商户")
    assert freeze(reversed(rows()), narrow) == ("g0001",)
    with pytest.raises(ExpressionError):
        in_audience(rows()[0], Audience(district="示范区", expression="镇="))


def test_groups_that_come_later_are_offered() -> None:
    shops = Audience(district="示范区", expression="标签=商户")
    frozen = freeze(rows()[:2], shops)
    assert [x.group_id for x in arrived_later(rows(), shops, frozen)] == ["g0003"]
    assert digest_of(["g2", "g1"]) == digest_of(("g1", "g2")) != digest_of(["g1"])
    assert digest_of(["g1", "g2"]) == hashlib.sha256(b"g1\ng2").hexdigest()


def test_a_group_is_reached_by_its_first_way_that_is_approved() -> None:
    one = group(
        1, channel="relay", members=70, also=(Binding(channel="dingtalk"), Binding(channel="webhook"))
    )

    def way(*channels: str, exercise: bool = False, after: str = "") -> str | None:
        found = way_for(one, channels, exercise, after)
        return found.channel if found else None

    assert way("relay", "webhook") == "relay"
    assert way("webhook", "dingtalk") == "dingtalk"
    assert way("relay", "webhook", after="relay") == "webhook"
    assert way("relay", after="relay") is None
    assert way("relay", after="feishu") is None
    assert way("relay", exercise=True) is None
    assert way("relay", "sandbox", exercise=True) == "sandbox"
    assert reach_of(content(channels=("webhook",)), [one]) == (1, 70)
    assert reach_of(content(channels=("feishu",)), [one]) == (0, 0)

"""An audience: its groups, their digest, those that come later, and what a warning reaches."""

import hashlib

import pytest

from fenghuo.domain.alert import Audience
from fenghuo.domain.audience import arrived_later, digest_of, freeze, in_audience
from fenghuo.domain.audience_expression import ExpressionError
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

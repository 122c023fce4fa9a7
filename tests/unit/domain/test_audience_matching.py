"""Which groups fulfil a condition, and the names in it that no group has."""

import pytest

from fenghuo.domain.audience_expression import parse
from fenghuo.domain.audience_matching import matcher, matches, unknown_names
from tests.unit.domain.audience_groups import rows


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("全部", {1, 2, 3, 4}),
        ("镇=东湖镇", {1, 2, 4}),
        ("标签=商户", {1, 3, 4}),
        ("非 标签=商户", {2}),
        ("镇=东湖镇 且 标签=商户", {1, 4}),
        ("镇=南桥镇 或 群主=p1", {1, 3}),
        ("所=东湖一所,南桥一所", {1, 3}),
        ("群=g0002", {2}),
        ("通道=钉钉", set()),
    ],
)
def test_a_group_is_meant_when_it_fulfils_the_condition(text: str, numbers: set[int]) -> None:
    condition = parse(text)
    assert {n for n, one in enumerate(rows(), 1) if matches(one, condition)} == numbers
    assert matcher(condition) is matcher(parse(text)), "compiled once"


def test_names_that_no_group_has_are_told() -> None:
    condition = parse("镇=东湖,南桥镇 且 (标签=家长 或 群主=nobody)")
    assert unknown_names(condition, rows()) == [
        "没有叫“东湖”的镇，是不是“东湖镇”？",
        "没有叫“家长”的标签",
        "没有叫“nobody”的群主",
    ]
    assert unknown_names(parse("town=东湖"), rows(), "en") == [
        "there is no town '东湖'; did you mean '东湖镇'?"
    ]
    assert unknown_names(parse("标签=商户 且 群=g0001"), rows()) == []

"""The text of a warning, for every fraud type."""

import pytest

from consumers.drafting import Evidence, compose, quote
from consumers.library import fraud_types, seed_patterns
from fenghuo.alerts import TEXT_LIMIT, TITLE_LIMIT
from patterns.redact import forbidden, mask
from tests.making import DISTRICT, NOON


@pytest.mark.parametrize("code", sorted(fraud_types()))
def test_each_type_makes_a_warning_that_may_go_out(code: str) -> None:
    of_type = [mask(p.text) for p in seed_patterns() if p.fraud_type == code]
    examples = of_type[:2] or ["有人发来一条奇怪的信息"]
    towns = ["东湖镇", "西岭街道", "南桥镇", "北苑街道", "清河镇"]
    content = compose(
        fraud_types()[code],
        Evidence(DISTRICT, towns, 12, examples, ["a-very[.]long[.]example[.]com/path…"], NOON, 24),
    )
    assert 0 < len(content.text) <= TEXT_LIMIT
    assert 0 < len(content.title) <= TITLE_LIMIT
    assert content.text.startswith("【反诈预警】")
    assert "96110" in content.text and DISTRICT in content.text
    for part in (content.title, content.text, content.correction):
        assert forbidden(part) == ()


def test_a_quote_never_carries_a_link_a_number_or_an_order() -> None:
    assert (
        quote(["请点击 http://x.example.com 领取", "加微信 abc12345 立即办理退款", "您的医保账户今日起停用"])
        == "您的医保账户今日起停用"
    )


def test_nothing_to_quote_is_no_quote() -> None:
    assert quote(["加我微信", ""]) == ""

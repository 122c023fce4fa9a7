"""The text of a warning, for every fraud type."""

import pytest

from consumers.drafting import Evidence, clauses, compose, quote, shared_clauses
from consumers.library import fraud_types, seed_patterns
from consumers.triage import shown_indicators
from fenghuo.alerts import TEXT_LIMIT, TITLE_LIMIT
from patterns.entities import find
from patterns.redact import defang, forbidden, mask
from tests.making import DISTRICT, NOON


@pytest.mark.parametrize("code", sorted(fraud_types()))
def test_each_type_makes_a_warning_that_may_go_out(code: str) -> None:
    of_type = [mask(p.text) for p in seed_patterns() if p.fraud_type == code]
    shared = [x for text in of_type for x in clauses(text)] or ["有人发来一条奇怪的信息"]
    towns = ["东湖镇", "西岭街道", "南桥镇", "北苑街道", "清河镇"]
    content = compose(
        fraud_types()[code],
        Evidence(DISTRICT, towns, 12, shared, ["a-very[.]long[.]example[.]com/path…"], NOON, 24),
    )
    assert 0 < len(content.text) <= TEXT_LIMIT
    assert 0 < len(content.title) <= TITLE_LIMIT
    assert content.text.startswith("【反诈预警】")
    assert "96110" in content.text and DISTRICT in content.text
    for part in (content.title, content.text, content.correction):
        assert forbidden(part) == ()


def test_a_quote_never_carries_a_link_a_number_or_an_order() -> None:
    shared = ["请点击 http://x.example.com 领取", "加微信 abc12345 立即办理退款", "您的医保账户今日起停用"]
    assert quote(shared) == "您的医保账户今日起停用"


def test_nothing_to_quote_is_no_quote() -> None:
    assert quote(["加我微信", ""]) == ""


def test_only_clauses_that_both_said_are_shared() -> None:
    mine = "我是东湖镇的张伟，您的医保账户今日起停用，请尽快办理"
    assert shared_clauses([mine], "【医保】您的医.保账户，今日起停用！") == ["您的医保账户今日起停用"]


@pytest.mark.parametrize(
    "site", ["www.12306.cn", "https://tax.gov.cn/x", "icbc.com.cn", "etax.chinatax.gov.cn"]
)
def test_a_known_good_site_is_no_indicator_and_no_warning_may_accuse_it(site: str) -> None:
    assert shown_indicators(find(f"请登录 {site} 办理")) == ()
    assert [code for code, _ in forbidden(f"涉诈网址形如 {defang(site)}，并非官方网址。")] == ["known_good"]


@pytest.mark.parametrize(
    "site", ["gov.cn.verify.example.com", "12306-cn.example.net", "icbc.com.cn.example.org"]
)
def test_a_site_that_imitates_a_known_good_one_is_an_indicator(site: str) -> None:
    assert shown_indicators(find(f"请登录 {site} 办理")) == (defang(site),)
    assert forbidden(f"涉诈网址形如 {defang(site)}，并非官方网址。") == ()

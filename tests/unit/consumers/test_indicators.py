"""Which sites of a report are shown."""

import pytest

from consumers.indicators import shown_indicators
from patterns.entities.find import find
from patterns.entities.redact import defang, forbidden


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

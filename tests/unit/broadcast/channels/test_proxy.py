"""Which requests go through the proxy, and what it is sent."""

from base64 import b64decode

import pytest
from yarl import URL

from broadcast.channels.http.proxy import Proxy

NO_PROXY = "police.example, .station.example,*.lan, 10.0.0.0/8,2001:db8::/32, 192.168.7.9, [::1]"


@pytest.mark.parametrize(
    "url",
    [
        "http://police.example/", "https://hook.police.example:8443/x", "http://POLICE.example./",
        "http://a.station.example/", "http://station.example/", "http://printer.lan/", "http://10.9.8.7/",
        "http://192.168.7.9:81/", "http://[2001:db8::1]/", "http://[::1]/",
    ],
)  # fmt: skip
def test_a_name_its_subdomains_and_the_addresses_of_a_network_need_no_proxy(url: str) -> None:
    assert not Proxy("http://proxy.example:3128", NO_PROXY).serves(URL(url))


@pytest.mark.parametrize(
    "url",
    [
        "http://otherpolice.example/", "http://police.example.org/", "http://11.0.0.1/",
        "http://192.168.7.10/", "http://[2001:db9::1]/", "http://lan/x", "https://qyapi.weixin.qq.com/",
    ],
)  # fmt: skip
def test_everything_else_goes_through_it(url: str) -> None:
    assert Proxy("http://proxy.example:3128", NO_PROXY.replace("*.lan", "*.lan2")).serves(URL(url))


@pytest.mark.parametrize(("no_proxy", "served"), [("", True), (" , ,", True), ("*", False), ("x, *", False)])
def test_a_star_is_everything_and_nothing_is_nothing(no_proxy: str, served: bool) -> None:
    proxy = Proxy("http://proxy.example:3128", no_proxy)
    assert proxy.serves(URL("http://hook.example/")) is served
    assert proxy.serves(URL("http://10.0.0.1/")) is served


def test_credentials_are_sent_decoded_and_are_in_no_url() -> None:
    proxy = Proxy("http://clerk:p%40ss@proxy.example:3128")
    plain = proxy.options(URL("http://hook.example/"), {"a": "b"})
    tunnel = proxy.options(URL("https://hook.example/"), {"a": "b"})
    sent = plain["headers"]["proxy-authorization"]
    assert b64decode(sent.removeprefix("Basic ")) == b"clerk:p@ss"
    assert tunnel["proxy_headers"] == {"proxy-authorization": sent}
    assert tunnel["headers"] == {"a": "b"}
    assert str(plain["proxy"]) == str(tunnel["proxy"]) == "http://proxy.example:3128"

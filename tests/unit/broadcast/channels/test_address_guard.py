"""Which targets may be posted to."""

import pytest

from broadcast.channels.http.address_guard import address_problem, is_public


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "198.18.0.1", "::", "::1", "fe80::1",
        "fe80::1%eth0", "fc00::1", "fec0::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "2002:c0a8:101::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "::7f00:1",
        "::ffff:0:7f00:1", "64:ff9b:1::7f00:1", "2001:db8::7f00:1", "5f00::1",
    ],
)  # fmt: skip
def test_no_address_inside_is_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2400:3200::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]
)
def test_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("", "no http(s) address"),
        ("x:", "no http(s) address"),
        ("hook.example.com/x", "no http(s) address"),
        ("ftp://hook.example.com/", "no http(s) address"),
        ("file:///etc/passwd", "no http(s) address"),
        ("http:///x", "no http(s) address"),
        ("http://[::1", "no address"),
        ("http://hook.example.com:99999/", "no address"),
        ("http://hook.example.com:0/", "no http(s) address"),
        ("http://hook.example.com:22/", "port 22"),
        ("http://hook.example.com:25/", "port 25"),
        ("http://someone@hook.example.com/", "user name"),
        ("http://hook.example.com:443@127.0.0.1/", "user name"),
        ("http://:secret@hook.example.com/", "user name"),
        ("http://127.0.0.1/", "private"),
        ("http://[::1]:8080/", "private"),
        ("http://[::ffff:127.0.0.1]/", "private"),
        ("http://[fe80::1%25eth0]/", "private"),
        ("http://0.0.0.0:8601/", "private"),
        ("http://①②⑦.0.0.1/", "private"),
        ("http://127。0。0。1/", "private"),
        ("https://169.254.169.254/latest/meta-data", "private"),
    ],
)
def test_a_target_that_leads_inside_or_nowhere_is_refused(target: str, why: str) -> None:
    assert why in address_problem(target, allow_private=False)


@pytest.mark.parametrize(
    "target",
    [
        "https://hook.example.com/x?key=1", "http://hook.example.com:8443/x", "https://8.8.8.8/",
        "https://[2400:3200::1]/x", "https://烽火.example.com/x",
    ],
)  # fmt: skip
def test_a_public_target_may_be_posted_to(target: str) -> None:
    assert address_problem(target, allow_private=False) == ""


def test_private_targets_are_allowed_by_a_flag_and_by_nothing_else() -> None:
    assert address_problem("http://127.0.0.1:22/", allow_private=True) == ""
    assert address_problem("http://u@127.0.0.1/", allow_private=True) != ""

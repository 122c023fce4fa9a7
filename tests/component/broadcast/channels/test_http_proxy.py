"""Requests through a forward proxy: which go through it, who guards what then, and what fails on the way."""

import logging
import socket
import ssl

import pytest
import trustme

from broadcast.channels.base import SendResult, SendStatus
from broadcast.channels.http.client import HttpClient, HttpResponse
from broadcast.channels.http.proxy import Proxy
from broadcast.channels.http.tls import load_trust
from tests.support.byte_server import OK, Peer, always, byte_server, replies_with
from tests.support.connect_proxy import ConnectProxy, connect_proxy
from tests.support.http_clients import Names, free_port, posted, verdict

pytestmark = pytest.mark.on_both_loops

ANSWERED = HttpResponse(200, None, b'{"ok":true}')
USER = "clerk:KEY%40"
"""As it stands in a URL; the password is KEY@."""


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def trust(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    path = tmp_path_factory.mktemp("ca") / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return load_trust(str(path))


def serving(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def behind(proxy: ConnectProxy, no_proxy: str = "", user: str = "") -> Proxy:
    return Proxy(proxy.url.replace("//", f"//{user}@") if user else proxy.url, no_proxy)


async def test_http_goes_through_the_proxy_which_resolves_its_name() -> None:
    names = Names()
    async with byte_server(always) as server, connect_proxy() as proxy:
        client = HttpClient(20, resolve=names, proxy=behind(proxy))
        outcome = await posted(client, f"http://hook.example:{server.port}/x")
    assert outcome == ANSWERED
    assert proxy.lines == [f"POST http://hook.example:{server.port}/x HTTP/1.1"]
    assert names.asked == 0


async def test_https_goes_through_a_tunnel_in_which_the_proxy_reads_nothing(
    authority: trustme.CA, trust: ssl.SSLContext
) -> None:
    async with byte_server(always, serving(authority, "hook.example")) as server, connect_proxy() as proxy:
        client = HttpClient(20, resolve=Names(), trust=trust, proxy=behind(proxy))
        outcome = await posted(client, f"https://hook.example:{server.port}/KEY")
    assert outcome == ANSWERED
    assert proxy.lines == [f"CONNECT hook.example:{server.port} HTTP/1.1"]
    assert len(server.requests) == 1 and "KEY" not in proxy.heads[0]


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_connections_through_the_proxy_are_kept_like_others(
    authority: trustme.CA, trust: ssl.SSLContext, scheme: str
) -> None:
    context = serving(authority, "hook.example") if scheme == "https" else None
    async with byte_server(always, context) as server, connect_proxy() as proxy:
        client = HttpClient(20, reuse=True, trust=trust, proxy=behind(proxy))
        for _ in range(3):
            assert await client.post(f"{scheme}://hook.example:{server.port}/x", b"{}") == ANSWERED
        await client.aclose()
    assert (server.connections, len(proxy.heads)) == (1, 1)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_proxys_credentials_go_to_the_proxy(
    authority: trustme.CA, trust: ssl.SSLContext, scheme: str
) -> None:
    """In a tunnel the server gets none of them; without one the proxy is to take them out."""
    context = serving(authority, "hook.example") if scheme == "https" else None
    async with byte_server(always, context) as server, connect_proxy("clerk:KEY@") as proxy:
        client = HttpClient(20, trust=trust, proxy=behind(proxy, user=USER))
        outcome = await posted(client, f"{scheme}://hook.example:{server.port}/x")
    assert outcome == ANSWERED
    assert ("proxy-authorization" in server.requests[0].decode().lower()) is (scheme == "http")


@pytest.mark.parametrize(
    "no_proxy", ["127.0.0.1", "10.1.1.1, 127.0.0.0/8", "*", " localhost,127.0.0.1 ", "hook.example"]
)
async def test_what_no_proxy_names_is_reached_directly(no_proxy: str) -> None:
    host = "hook.example" if no_proxy == "hook.example" else "127.0.0.1"
    async with byte_server(always) as server, connect_proxy() as proxy:
        client = HttpClient(20, resolve=Names(hook_example=[["127.0.0.1"]]), proxy=behind(proxy, no_proxy))
        outcome = await posted(client, f"http://{host}:{server.port}/x")
    assert (outcome, proxy.heads) == (ANSWERED, [])


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1", "169.254.169.254", "localhost",
        "hook.localhost", "LOCALHOST.", "2130706433", "127.1", "0x7f.1", "0177.0.0.1", "0x7f000001",
    ],
)  # fmt: skip
async def test_a_private_address_in_the_url_is_not_asked_of_the_proxy(host: str) -> None:
    async with connect_proxy() as proxy:
        client = HttpClient(20, allow_private=False, proxy=behind(proxy))
        outcome = await posted(client, f"http://{host}:8080/x")
    assert verdict(outcome) is SendStatus.REFUSED
    assert proxy.heads == []


async def test_a_host_of_no_proxy_is_under_the_whole_guard() -> None:
    async with byte_server(always) as server, connect_proxy() as proxy:
        client = HttpClient(
            2,
            allow_private=False,
            resolve=Names(hook_example=[["127.0.0.1"]]),
            proxy=behind(proxy, "hook.example"),
        )
        outcome = await posted(client, f"http://hook.example:{server.port}/x")
    assert outcome == SendResult(SendStatus.REFUSED, "the target is a private address")
    assert (server.connections, proxy.heads) == (0, [])


async def test_a_proxy_may_have_a_private_address_and_takes_public_names() -> None:
    async with byte_server(always) as server, connect_proxy() as proxy:
        client = HttpClient(20, allow_private=False, proxy=behind(proxy))
        outcome = await posted(client, f"http://hook.example:{server.port}/x")
    assert outcome == ANSWERED


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_wants_other_credentials_means_that_nothing_left(scheme: str) -> None:
    async with byte_server(always) as server, connect_proxy("clerk:other") as proxy:
        client = HttpClient(20, proxy=behind(proxy, user=USER))
        outcome = await posted(client, f"{scheme}://hook.example:{server.port}/x")
    assert isinstance(outcome, SendResult) and outcome.verdict is SendStatus.RETRY
    assert outcome.reason == "the proxy refused the request: HTTP 407"
    assert server.connections == 0


async def test_a_server_that_the_proxy_does_not_reach_means_that_nothing_left() -> None:
    async with connect_proxy(refuses="502 Bad Gateway") as proxy:
        outcome = await posted(HttpClient(20, proxy=behind(proxy)), "https://hook.example/x")
    assert outcome == SendResult(SendStatus.RETRY, "the proxy refused the request: HTTP 502")


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_is_away_means_that_nothing_left(scheme: str) -> None:
    client = HttpClient(20, proxy=Proxy(f"http://127.0.0.1:{free_port()}"))
    outcome = await posted(client, f"{scheme}://hook.example/x")
    assert outcome == SendResult(SendStatus.RETRY, "no connection to the proxy: ConnectionRefusedError")


async def test_a_proxy_whose_name_is_not_found_is_named_as_such() -> None:
    client = HttpClient(20, resolve=Names(), proxy=Proxy("http://proxy.example:8080"))
    outcome = await posted(client, "http://hook.example/x")
    assert outcome == SendResult(SendStatus.RETRY, "the proxy's name was not found")


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_does_not_answer_is_given_up(scheme: str) -> None:
    """Before the tunnel stands nothing has left; a request that the proxy was given may have."""
    async with byte_server(replies_with(())) as deaf:
        client = HttpClient(0.2, proxy=Proxy(f"http://127.0.0.1:{deaf.port}"))
        outcome = await posted(client, f"{scheme}://hook.example/x")
        await deaf.all_closed()
    assert verdict(outcome) is (SendStatus.RETRY if scheme == "https" else SendStatus.UNKNOWN)


async def test_a_proxy_that_talks_without_end_is_cut_off() -> None:
    said = 0

    async def endless(peer: Peer) -> None:
        nonlocal said
        await peer.reader.readuntil(b"\r\n\r\n")
        while said < 8 << 20:
            await peer.say(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
            said += 2500

    async with byte_server(endless) as server:
        outcome = await posted(
            HttpClient(10, proxy=Proxy(f"http://127.0.0.1:{server.port}")), "https://hook.example/x"
        )
        await server.all_closed()
    assert verdict(outcome) is SendStatus.RETRY
    assert said < 4 << 20


async def test_what_a_server_says_first_through_a_tunnel_is_no_answer(
    authority: trustme.CA, trust: ssl.SSLContext
) -> None:
    async def hasty(peer: Peer) -> None:
        await peer.say(OK)
        await peer.hear()
        await peer.wait()

    context = serving(authority, "hook.example")
    for _ in range(5):
        async with byte_server(hasty, context) as server, connect_proxy() as proxy:
            client = HttpClient(20, trust=trust, proxy=behind(proxy))
            outcome = await posted(client, f"https://hook.example:{server.port}/x")
            await server.all_closed()
        # Where it came as the request left, nobody can tell that it came unasked.
        assert len(server.requests) == (1 if outcome == ANSWERED else 0)
        assert outcome == ANSWERED or verdict(outcome) is SendStatus.RETRY


async def test_a_tunnel_whose_proxy_names_a_length_bears_requests(
    authority: trustme.CA, trust: ssl.SSLContext
) -> None:
    async with (
        byte_server(always, serving(authority, "hook.example")) as server,
        connect_proxy(accepts="200 OK\r\nContent-Length: 0") as proxy,
    ):
        client = HttpClient(20, at_once=1, reuse=True, trust=trust, proxy=behind(proxy))
        for _ in range(3):
            assert await client.post(f"https://hook.example:{server.port}/x", b"{}") == ANSWERED
        await client.aclose()
    assert (server.connections, len(proxy.heads)) == (1, 1)


async def test_a_certificate_is_checked_behind_the_tunnel_too(
    authority: trustme.CA, trust: ssl.SSLContext
) -> None:
    async with byte_server(always, serving(authority, "other.example")) as server, connect_proxy() as proxy:
        client = HttpClient(20, trust=trust, proxy=behind(proxy))
        outcome = await posted(client, f"https://hook.example:{server.port}/x")
    assert outcome == SendResult(SendStatus.RETRY, "the server's certificate is for another name")
    assert server.requests == []


async def test_the_environments_own_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with byte_server(always) as server, connect_proxy() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        outcome = await posted(HttpClient(20), f"http://127.0.0.1:{server.port}/x")
    assert (outcome, proxy.heads) == (ANSWERED, [])


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_neither_the_credentials_nor_a_key_get_into_a_reason_or_a_log(
    scheme: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with connect_proxy("clerk:other") as refusing, byte_server(replies_with(b"", closes=True)) as rude:
        ports = [refusing.port, rude.port, free_port()]
        for port in ports:
            proxy = Proxy(f"http://{USER}@127.0.0.1:{port}")
            outcome = await posted(HttpClient(1, proxy=proxy), f"{scheme}://hook.example/KEY?key=KEY")
            assert isinstance(outcome, SendResult) and "KEY" not in outcome.reason
            assert "KEY" not in repr(proxy)
    assert not [x for x in caplog.records if "KEY" in x.getMessage()]


def test_a_guarded_socket_is_for_public_addresses_only() -> None:
    from broadcast.channels.http.address_guard import PrivateAddress, guarded_socket

    with guarded_socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 80))) as made:
        assert made.family is socket.AF_INET
    for inside in ("127.0.0.1", "10.0.0.1"):
        with pytest.raises(PrivateAddress):
            guarded_socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", (inside, 80)))

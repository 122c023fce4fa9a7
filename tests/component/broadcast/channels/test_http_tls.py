"""Requests over TLS: whose certificate is accepted, and what a person is told when one is not."""

import asyncio
import gc
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from broadcast.channels.base import SendResult, SendStatus
from broadcast.channels.http import connector
from broadcast.channels.http.client import HttpClient, HttpResponse
from broadcast.channels.http.connection import Connection
from broadcast.channels.http.tls import load_trust
from fenghuo.errors import Refused
from tests.support.byte_server import OK, ByteServer, Peer, always, byte_server
from tests.support.http_clients import Names, posted, verdict
from tests.support.waiting import others_run

pytestmark = pytest.mark.on_both_loops

HOOK = {"hook_example": [["127.0.0.1"]], "hook_example_": [["127.0.0.1"]]}
ANSWERED = HttpResponse(200, None, b'{"ok":true}')


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The authority's certificate, as a person would be given it."""
    path = tmp_path_factory.mktemp("ca") / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture(scope="module")
def trust(ca_file: str) -> ssl.SSLContext:
    return load_trust(ca_file)


def serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@asynccontextmanager
async def tls_server(authority: trustme.CA, name: str, **validity: Any) -> AsyncIterator[ByteServer]:
    """Answers every request with OK, as ``name``."""
    async with byte_server(always, serving(authority.issue_cert(name, **validity))) as server:
        yield server


@pytest.mark.parametrize("host", ["hook.example", "hook.example."])
async def test_a_server_of_that_name_is_posted_to_over_one_connection(
    authority: trustme.CA, trust: ssl.SSLContext, host: str
) -> None:
    async with tls_server(authority, "hook.example") as server:
        client = HttpClient(20, reuse=True, resolve=Names(**HOOK), trust=trust)
        for _ in range(2):
            assert await client.post(f"https://{host}:{server.port}/x", b"{}") == ANSWERED
        await client.aclose()
        await server.all_closed()
    assert server.connections == 1
    assert f"\r\nhost: hook.example:{server.port}\r\n".encode() in server.requests[0].lower()


async def test_a_server_of_an_address_is_posted_to(authority: trustme.CA, trust: ssl.SSLContext) -> None:
    async with tls_server(authority, "127.0.0.1") as server:
        outcome = await posted(HttpClient(20, trust=trust), f"https://127.0.0.1:{server.port}/x")
    assert outcome == ANSWERED


async def test_a_server_of_another_name_gets_nothing(authority: trustme.CA, trust: ssl.SSLContext) -> None:
    async with tls_server(authority, "other.example") as server:
        client = HttpClient(20, resolve=Names(**HOOK), trust=trust)
        outcome = await posted(client, f"https://hook.example:{server.port}/x")
    assert outcome == SendResult(SendStatus.RETRY, "the server's certificate is for another name")
    assert server.requests == []


async def test_a_server_of_another_address_gets_nothing(authority: trustme.CA, trust: ssl.SSLContext) -> None:
    async with tls_server(authority, "127.0.0.2") as server:
        outcome = await posted(HttpClient(20, trust=trust), f"https://127.0.0.1:{server.port}/x")
    assert outcome == SendResult(SendStatus.RETRY, "the server's certificate is for another address")
    assert server.requests == []


async def test_a_server_with_an_expired_certificate_gets_nothing(
    authority: trustme.CA, trust: ssl.SSLContext
) -> None:
    ended = datetime.now(UTC) - timedelta(days=1)
    async with tls_server(
        authority, "hook.example", not_before=ended - timedelta(days=9), not_after=ended
    ) as server:
        client = HttpClient(20, resolve=Names(**HOOK), trust=trust)
        outcome = await posted(client, f"https://hook.example:{server.port}/x")
    assert outcome == SendResult(SendStatus.RETRY, "the server's certificate has expired")
    assert server.requests == []


async def test_a_server_with_a_certificate_of_tomorrow_gets_nothing(
    authority: trustme.CA, trust: ssl.SSLContext
) -> None:
    begins = datetime.now(UTC) + timedelta(days=1)
    async with tls_server(
        authority, "hook.example", not_before=begins, not_after=begins + timedelta(days=9)
    ) as server:
        client = HttpClient(20, resolve=Names(**HOOK), trust=trust)
        outcome = await posted(client, f"https://hook.example:{server.port}/x")
    assert outcome == SendResult(
        SendStatus.RETRY, "the server's certificate is not valid yet, or this machine's clock is wrong"
    )
    assert server.requests == []


async def test_a_private_authority_is_trusted_with_its_file_only(
    authority: trustme.CA, trust: ssl.SSLContext
) -> None:
    async with tls_server(authority, "hook.example") as server:
        outcomes = [
            await posted(
                HttpClient(20, resolve=Names(**HOOK), trust=each), f"https://hook.example:{server.port}/x"
            )
            for each in (None, load_trust(""), trust)
        ]
    untrusted = SendResult(
        SendStatus.RETRY, "the issuer of the server's certificate is not trusted (see FENGHUO_CA_FILE)"
    )
    assert outcomes == [untrusted, untrusted, ANSWERED]
    assert len(server.requests) == 1


async def test_a_certificate_that_names_itself_its_issuer_is_not_trusted(tmp_path: Path) -> None:
    another = trustme.CA()
    async with tls_server(another, "hook.example") as server:
        client = HttpClient(20, resolve=Names(**HOOK))
        outcome = await posted(client, f"https://hook.example:{server.port}/x")
    assert isinstance(outcome, SendResult) and "issuer" in outcome.reason
    assert server.requests == []


def test_the_machines_own_authorities_stay_trusted_beside_the_file(ca_file: str) -> None:
    own = ssl.create_default_context().cert_store_stats()["x509_ca"]
    assert load_trust(ca_file).cert_store_stats()["x509_ca"] == own + 1


@pytest.mark.parametrize("content", [None, "", "no certificate", "\x00"])
def test_a_file_without_certificates_is_refused_with_its_name(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(Refused, match=r"FENGHUO_CA_FILE: .*ca\.pem"):
        load_trust(str(path))


async def test_a_name_that_tls_does_not_take_is_connected_to_nowhere(
    authority: trustme.CA, trust: ssl.SSLContext
) -> None:
    names = Names()
    names.names = {x: [["127.0.0.1"]] for x in (".hook.example", "hook..example", f"{'a' * 64}.example")}
    async with tls_server(authority, "hook.example") as server:
        for name in names.names:
            client = HttpClient(20, resolve=names, trust=trust)
            outcome = await posted(client, f"https://{name}:{server.port}/x")
            assert outcome == SendResult(SendStatus.RETRY, "the target's name was not found")
    assert (names.asked, server.connections) == (0, 0)


async def test_tls_that_cannot_be_set_up_leaves_no_connection_open() -> None:
    class Broken(ssl.SSLContext):
        def wrap_bio(self, *args: Any, **words: Any) -> ssl.SSLObject:
            raise ssl.SSLError(1, "KEY")

    async with byte_server(always) as server:
        client = HttpClient(1, trust=Broken(ssl.PROTOCOL_TLS_CLIENT))
        outcome = await posted(client, f"https://127.0.0.1:{server.port}/x")
        gc.collect()  # the event loop leaves such a socket to the collector
        await server.all_closed()
    assert outcome == SendResult(SendStatus.RETRY, "the TLS handshake failed")


async def test_a_server_without_tls_gets_nothing_that_should_be_encrypted() -> None:
    heard = b""

    async def plain(peer: Peer) -> None:
        nonlocal heard
        heard = await peer.reader.read(65_536)
        await peer.say(OK)
        await peer.wait()

    async with byte_server(plain) as server:
        outcome = await posted(HttpClient(20), f"https://127.0.0.1:{server.port}/KEY")
        await server.all_closed()
    assert outcome == SendResult(SendStatus.RETRY, "the server does not speak TLS")
    assert heard and b"KEY" not in heard


async def test_a_handshake_that_fails_is_named() -> None:
    async def refuses(peer: Peer) -> None:
        await peer.reader.read(65_536)
        await peer.say(b"\x15\x03\x03\x00\x02\x02\x28")
        await peer.wait()

    async with byte_server(refuses) as server:
        outcome = await posted(HttpClient(20), f"https://127.0.0.1:{server.port}/x")
    assert isinstance(outcome, SendResult) and outcome.verdict is SendStatus.RETRY
    assert outcome.reason.startswith("the TLS handshake failed: ")
    assert "handshake failure" in outcome.reason


async def test_a_handshake_that_hangs_means_that_nothing_left() -> None:
    async def silent(peer: Peer) -> None:
        await peer.wait()

    async with byte_server(silent) as server:
        began = time.monotonic()
        outcome = await posted(HttpClient(0.2), f"https://127.0.0.1:{server.port}/x")
        await server.all_closed()
    assert outcome == SendResult(SendStatus.RETRY, "no connection: TimeoutError")
    assert time.monotonic() - began < 2


async def test_a_handshake_that_breaks_off_means_that_nothing_left() -> None:
    async def rude(peer: Peer) -> None:
        await peer.reader.read(1)

    async with byte_server(rude) as server:
        outcome = await posted(HttpClient(20), f"https://127.0.0.1:{server.port}/x")
    assert verdict(outcome) is SendStatus.RETRY


# --- giving up --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_request_can_be_given_up_at_any_moment(
    authority: trustme.CA, trust: ssl.SSLContext, scheme: str
) -> None:
    """It leaves no connection open, no turn taken, and the next request none the wiser."""
    context = serving(authority.issue_cert("hook.example")) if scheme == "https" else None
    given_up = 0
    async with byte_server(always, context) as server:
        client = HttpClient(20, at_once=1, reuse=False, resolve=Names(**HOOK), trust=trust)
        url = f"{scheme}://hook.example:{server.port}/x"
        for turns in range(40):
            asking = asyncio.create_task(client.post(url, b"{}"))
            await others_run(turns)
            given_up += asking.cancel()
            await asyncio.wait([asking])
            assert isinstance(await client.post(url, b"{}"), HttpResponse)
        await server.all_closed()
        await client.aclose()
    assert given_up > 5


async def test_a_request_can_be_given_up_as_its_handshake_ends(
    authority: trustme.CA, trust: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop watches the number of the connection's socket no longer, when another may get it."""
    asking: asyncio.Task[HttpResponse | SendResult] | None = None

    class Late(Connection):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            if asking is not None:
                asking.cancel()

    monkeypatch.setattr(connector, "Connection", Late)
    async with tls_server(authority, "hook.example") as server:
        client = HttpClient(20, resolve=Names(**HOOK), trust=trust)
        url = f"https://hook.example:{server.port}/x"
        asking = asyncio.create_task(client.post(url, b"{}"))
        await asyncio.wait([asking])
        assert asking.cancelled()
        asking = None
        assert isinstance(await client.post(url, b"{}"), HttpResponse)
        await server.all_closed()
        await client.aclose()
    assert len(server.requests) == 1

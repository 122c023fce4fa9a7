"""A signed POST to any system that will show the warning in its group.

Headers: X-Event-Id (idempotency key), X-Timestamp (seconds), X-Signature = hex HMAC-SHA256 of
``timestamp + "." + body``. An answer counts only if its body says so: {"ok": true} or {"code": 0} or
{"errcode": 0}; a 2xx with another or no body is unknown, since many platforms answer 200 to a refusal.
"""

import asyncio
import hashlib
import hmac
import ipaddress
import json
import logging
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

import httpx

from broadcast.channels.base import Message, Sent, Verdict
from fenghuo import clock

log = logging.getLogger(__name__)

TRY_AGAIN = frozenset({408, 425, 429, 503})
"""Answers that say it was not taken."""
PERHAPS = frozenset({500, 502, 504})
"""Answers behind which it may have been taken all the same."""
LONGEST_ANSWER = 65_536
AT_ONCE = 100


class Webhook:
    """Posts messages, at most 100 at once, never to a private address unless the settings allow it."""

    name = "webhook"
    idempotent = True

    def __init__(self, secret: str, per_second: float, timeout_s: float, allow_private: bool) -> None:
        self.per_second = per_second
        self._secret = secret.encode()
        self._allow_private = allow_private
        self._client = httpx.AsyncClient(timeout=timeout_s, follow_redirects=False)
        self._timeout_s = timeout_s
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def send(self, messages: Sequence[Message]) -> list[Sent]:
        return list(await asyncio.gather(*[self._post(message) for message in messages]))

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _post(self, message: Message) -> Sent:
        """One attempt; whatever goes wrong is an outcome: before the request left REFUSED or RETRY, after
        it UNKNOWN."""
        if not self._secret:
            return Sent(Verdict.REFUSED, "FENGHUO_WEBHOOK_SECRET is not set")
        async with self._gate:
            deadline = asyncio.get_running_loop().time() + self._timeout_s
            stopped = await self._objection(message.target)
            if stopped is not None:
                return stopped
            try:
                async with asyncio.timeout_at(deadline):
                    return await self._ask(message, _body(message))
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
                return Sent(Verdict.RETRY, f"no connection: {type(error).__name__}")
            except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as error:
                return Sent(Verdict.REFUSED, f"the target is no address: {type(error).__name__}")
            except Exception as error:
                return Sent(Verdict.UNKNOWN, f"no answer: {type(error).__name__}")

    async def _ask(self, message: Message, body: bytes) -> Sent:
        headers = signed_headers(self._secret, message.idempotency_key, body, int(clock.now().timestamp()))
        async with self._client.stream("POST", message.target, content=body, headers=headers) as response:
            answer = b""
            async for chunk in response.aiter_bytes():
                answer += chunk
                if len(answer) > LONGEST_ANSWER:
                    break
        return judge(response.status_code, response.headers.get("retry-after"), answer)

    async def _objection(self, target: str) -> Sent | None:
        """Why ``target`` is not posted to now; None if it may be.

        The name is looked up here and again by the client: a name whose answer changes in between can still
        lead
        to a private address. Where that matters, let only a proxy reach the network.
        """
        try:
            parts = urlsplit(target)
            host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            return Sent(Verdict.REFUSED, "the target is no address")
        if parts.scheme not in ("http", "https") or not host:
            return Sent(Verdict.REFUSED, "the target is no http(s) address")
        if self._allow_private:
            return None
        try:
            async with asyncio.timeout(self._timeout_s):
                found = await asyncio.to_thread(socket.getaddrinfo, host, port)
        except (OSError, UnicodeError, TimeoutError) as error:
            return Sent(Verdict.RETRY, f"the target's name was not found: {type(error).__name__}")
        private = any(not ipaddress.ip_address(x[4][0]).is_global for x in found)
        return Sent(Verdict.REFUSED, "the target is a private address") if private else None


def signed_headers(secret: bytes, key: str, body: bytes, timestamp: int) -> dict[str, str]:
    """The headers of one POST; ``timestamp`` in seconds."""
    signature = hmac.new(secret, f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {
        "content-type": "application/json; charset=utf-8",
        "x-event-id": key,
        "x-timestamp": str(timestamp),
        "x-signature": signature,
    }


def _body(message: Message) -> bytes:
    fields = {
        "id": message.idempotency_key, "group_id": message.group_id, "kind": message.kind,
        "subject": message.subject, "text": message.text, "severity": message.severity,
        "expires_at": message.expires_at.isoformat() if message.expires_at else None,
    }  # fmt: skip
    return json.dumps(fields, ensure_ascii=False).encode()


def judge(status: int, retry_after: str | None, answer: bytes) -> Sent:
    """What an answer means: its body decides, the HTTP status only where there is no body to read."""
    if status in TRY_AGAIN:
        return Sent(Verdict.RETRY, f"HTTP {status}", _seconds(retry_after))
    if status in PERHAPS:
        return Sent(Verdict.UNKNOWN, f"HTTP {status}")
    if not 200 <= status < 300:
        return Sent(Verdict.REFUSED, f"HTTP {status}")
    try:
        said = json.loads(answer)
    except (ValueError, RecursionError):
        said = None
    return _judge_body(said if isinstance(said, dict) else {})


def _judge_body(said: dict[str, object]) -> Sent:
    """Whole numbers are codes, 0 is success; anything that contradicts itself or says nothing is unknown."""
    codes = [said[name] for name in ("errcode", "code") if type(said.get(name)) is int]
    ok = said.get("ok")
    if codes and any(codes) and ok is not True:
        return Sent(Verdict.REFUSED, f"code {next(x for x in codes if x)}")
    if ok is False:
        return Sent(Verdict.REFUSED, "ok=false")
    if not any(codes) and (ok is True or codes):
        return Sent(Verdict.SHOWN)
    return Sent(Verdict.UNKNOWN, "the answer did not say whether it was shown")


def _seconds(retry_after: str | None) -> float | None:
    try:
        return min(3600.0, max(0.0, float(retry_after))) if retry_after else None
    except ValueError:
        return None

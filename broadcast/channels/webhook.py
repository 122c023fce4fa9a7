"""A signed POST to any system that will show the warning in its group.

Headers: X-Event-Id (idempotency key), X-Timestamp (seconds), X-Signature = hex HMAC-SHA256 of
``timestamp + "." + body``. An answer counts only if its body says so: {"ok": true} or {"code": 0} or
{"errcode": 0}; a 2xx with another or no body is unknown, since many platforms answer 200 to a refusal.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from functools import lru_cache

import msgspec

from broadcast.channels.base import Message, SendResult, SendStatus, each
from broadcast.channels.http.client import JSON, TRY_AGAIN, HttpClient, HttpResponse
from fenghuo import clock
from fenghuo.domain.channels import WEBHOOK

PERHAPS = frozenset({500, 502, 504})
"""Answers behind which it may have been taken all the same."""


class Webhook:
    """Posts messages, each signed with the secret of its credential ("" is the settings' own)."""

    name = WEBHOOK.name
    idempotent = WEBHOOK.idempotent
    together = 1

    def __init__(self, http: HttpClient, secrets: Mapping[str, str], per_second: float) -> None:
        self._http = http
        self._secrets = secrets
        self._per_second = per_second

    def per_second(self, credential: str) -> float:
        """Messages a second, as the settings have it."""
        return self._per_second

    async def send(self, messages: Sequence[Message]) -> list[SendResult]:
        """Try each message once, as many at the same time as the client lets through; the outcomes in their
        order."""
        return await each(self._post, messages)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _post(self, message: Message) -> SendResult:
        secret = self._secrets.get(message.credential, "")
        if not secret:
            lacks = f"the credential {message.credential}" if message.credential else "FENGHUO_WEBHOOK_SECRET"
            return SendResult(SendStatus.MISCONFIGURED, f"{lacks} is not set")
        body = _body(message)
        headers = signed_headers(secret.encode(), message.idempotency_key, body, int(clock.now().timestamp()))
        answer = await self._http.post(message.target, body, headers=headers)
        return answer if isinstance(answer, SendResult) else judge(answer)


def signed_headers(secret: bytes, key: str, body: bytes, timestamp: int) -> dict[str, str]:
    """The headers of one POST; ``timestamp`` in seconds."""
    signature = hmac.new(secret, f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return JSON | {"x-event-id": key, "x-timestamp": str(timestamp), "x-signature": signature}


def _body(message: Message) -> bytes:
    fields = {
        "id": message.idempotency_key, "group_id": message.group_id, "kind": message.kind,
        "subject": message.subject, "text": _as_json(message.text), "severity": message.severity,
        "expires_at": message.expires_at.isoformat() if message.expires_at else None,
    }  # fmt: skip
    return msgspec.json.encode(fields)


@lru_cache(maxsize=8)
def _as_json(text: str) -> msgspec.Raw:
    """One text goes to thousands of groups."""
    return msgspec.Raw(msgspec.json.encode(text))


def judge(answer: HttpResponse) -> SendResult:
    """What an answer means: its body decides, the HTTP status only where there is no body to read."""
    if answer.status in TRY_AGAIN:
        throttled = answer.status == 429
        return SendResult(
            SendStatus.RETRY, f"HTTP {answer.status}", answer.retry_after_s, throttled=throttled
        )
    if answer.status in PERHAPS:
        return SendResult(SendStatus.UNKNOWN, f"HTTP {answer.status}")
    if not 200 <= answer.status < 300:
        return SendResult(SendStatus.REFUSED, f"HTTP {answer.status}")
    return _judge_body(answer.json_object())


def _judge_body(said: dict[str, object]) -> SendResult:
    """Whole numbers are codes, 0 is success; anything that contradicts itself or says nothing is unknown."""
    codes = [said[name] for name in ("errcode", "code") if type(said.get(name)) is int]
    ok = said.get("ok")
    if codes and any(codes) and ok is not True:
        return SendResult(SendStatus.REFUSED, f"code {next(x for x in codes if x)}")
    if ok is False:
        return SendResult(SendStatus.REFUSED, "ok=false")
    if not any(codes) and (ok is True or codes):
        return SendResult(SendStatus.SHOWN)
    return SendResult(SendStatus.UNKNOWN, "the answer did not say whether it was shown")

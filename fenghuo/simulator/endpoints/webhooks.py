"""The generic webhook of a group, /hook/GROUP, and an officer's own for notices, /notice/PERSON.

Idempotent by X-Event-Id: a repeat gets the same response, is not shown again, and is counted.
X-Signature = hex HMAC-SHA256(secret, X-Timestamp + "." + body), within five minutes.
"""

import hashlib
import hmac
from collections.abc import Callable

from fenghuo import clock
from fenghuo.domain.channels import WEBHOOK
from fenghuo.simulator.endpoints.endpoint import Endpoint
from fenghuo.simulator.platform import SimulatedPlatform
from fenghuo.simulator.requests import PlatformError, PlatformRequest, PlatformResponse

WITHIN_MS = 300_000
BODY_BYTES = 65_536
CHANNEL = WEBHOOK.name


def hook(platform: SimulatedPlatform, request: PlatformRequest) -> PlatformResponse:
    """Show the body's text in the group."""
    if request.name not in platform.hooks:
        raise PlatformError(404)
    if platform.revoked(CHANNEL, request.name):
        raise PlatformError(410)
    return _received(platform, request, lambda text: platform.show(request.name, text, CHANNEL))


def notice(platform: SimulatedPlatform, request: PlatformRequest) -> PlatformResponse:
    """Notify the officer of the to-do page."""
    if request.name not in platform.people:
        raise PlatformError(404)

    def tell(_text: str) -> None:
        platform.notify(request.name)

    return _received(platform, request, tell)


def _received(
    platform: SimulatedPlatform, request: PlatformRequest, use: Callable[[str], None]
) -> PlatformResponse:
    if not _signed(platform, request):
        raise PlatformError(401)
    if len(request.body) > BODY_BYTES:
        raise PlatformError(413)
    fields, event_id = request.fields(), request.headers.get("X-Event-Id", "")
    text = fields.get("text") if fields else None
    if not isinstance(text, str) or not text.strip() or not 0 < len(event_id) <= 200:
        raise PlatformError(400)
    if not platform.is_repeat(request.name, event_id):
        use(text)
    return PlatformResponse({"ok": True}, taken=True)


def _signed(platform: SimulatedPlatform, request: PlatformRequest) -> bool:
    stamp = request.headers.get("X-Timestamp", "")
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
        return False
    secret = platform.roster.webhook_secret.encode()
    wanted = hmac.new(secret, f"{stamp}.".encode() + request.body, hashlib.sha256).hexdigest()
    right = hmac.compare_digest(wanted.encode(), request.headers.get("X-Signature", "").encode())
    return right and abs(int(stamp) * 1000 - clock.to_ms(clock.now())) <= WITHIN_MS


def _refuse(code: int, _call: PlatformRequest, detail: str) -> PlatformResponse:
    """The response for an error; here the code is an HTTP status."""
    messages = {
        400: "an X-Event-Id and a body {\"text\": ...} are needed", 401: "signature or timestamp",
        404: "no such group", 410: "gone", 413: "too large", 429: "too many requests",
    }  # fmt: skip
    headers = {"Retry-After": "1"} if code in (429, 503) else {}
    return PlatformResponse(
        {"ok": False, "error": detail or messages.get(code, "error")},
        status=code if 400 <= code < 600 else 500,
        headers=headers,
    )


ENDPOINTS = [
    Endpoint(CHANNEL, "POST", "/hook/{name}", hook, lambda request: request.name, _refuse, 429),
    Endpoint("notice", "POST", "/notice/{name}", notice, lambda request: request.name, _refuse, 429),
]

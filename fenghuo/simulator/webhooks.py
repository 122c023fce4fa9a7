"""The generic webhook of a group, /hook/GROUP, and an officer's own for notices, /notice/PERSON.

X-Event-Id makes a repeat harmless: it is answered as the first, not shown again, and counted as asked again.
X-Signature = hex HMAC-SHA256(secret, X-Timestamp + "." + body), within five minutes.
"""

import hashlib
import hmac
from collections.abc import Callable

from fenghuo import clock
from fenghuo.domain.channels import WEBHOOK
from fenghuo.simulator.platform import Platform
from fenghuo.simulator.requests import Answer, Call, Endpoint, Wrong

WITHIN_MS = 300_000
BODY_BYTES = 65_536
CHANNEL = WEBHOOK.name


def hook(platform: Platform, call: Call) -> Answer:
    """Show the body's text in the group."""
    if call.name not in platform.hooks:
        raise Wrong(404)
    if platform.revoked(CHANNEL, call.name):
        raise Wrong(410)
    return _received(platform, call, lambda text: platform.show(call.name, text, CHANNEL))


def notice(platform: Platform, call: Call) -> Answer:
    """Tell the officer to look at the to-do page."""
    if call.name not in platform.people:
        raise Wrong(404)

    def tell(_text: str) -> None:
        platform.notices[call.name] = platform.notices.get(call.name, 0) + 1

    return _received(platform, call, tell)


def _received(platform: Platform, call: Call, use: Callable[[str], None]) -> Answer:
    if not _signed(platform, call):
        raise Wrong(401)
    if len(call.body) > BODY_BYTES:
        raise Wrong(413)
    asked, event_id = call.fields(), call.headers.get("X-Event-Id", "")
    text = asked.get("text") if asked else None
    if not isinstance(text, str) or not text.strip() or not 0 < len(event_id) <= 200:
        raise Wrong(400)
    if not platform.again(call.name, event_id):
        use(text)
    return Answer({"ok": True}, taken=True)


def _signed(platform: Platform, call: Call) -> bool:
    stamp = call.headers.get("X-Timestamp", "")
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
        return False
    secret = platform.roster.webhook_secret.encode()
    wanted = hmac.new(secret, f"{stamp}.".encode() + call.body, hashlib.sha256).hexdigest()
    right = hmac.compare_digest(wanted.encode(), call.headers.get("X-Signature", "").encode())
    return right and abs(int(stamp) * 1000 - clock.to_ms(clock.now())) <= WITHIN_MS


def _refuse(code: int, _call: Call, detail: str) -> Answer:
    """Here a code is an HTTP status."""
    said = {
        400: "an X-Event-Id and a body {\"text\": ...} are needed", 401: "signature or timestamp",
        404: "no such group", 410: "gone", 413: "too large", 429: "too many requests",
    }  # fmt: skip
    headers = {"Retry-After": "1"} if code in (429, 503) else {}
    return Answer(
        {"ok": False, "error": detail or said.get(code, "error")},
        status=code if 400 <= code < 600 else 500,
        headers=headers,
    )


ENDPOINTS = [
    Endpoint(CHANNEL, "POST", "/hook/{name}", hook, lambda call: call.name, _refuse, 429),
    Endpoint("notice", "POST", "/notice/{name}", notice, lambda call: call.name, _refuse, 429),
]

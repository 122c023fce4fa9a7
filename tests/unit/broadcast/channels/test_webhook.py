"""What a webhook's answer means."""

from datetime import UTC, datetime

import pytest

from broadcast.channels.base import SendStatus
from broadcast.channels.http.client import HttpResponse, retry_after_s
from broadcast.channels.webhook import judge

NOW = datetime(2026, 3, 9, 4, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (200, b'{"ok": true}', SendStatus.SHOWN),
        (200, b'{"errcode": 0, "errmsg": "ok"}', SendStatus.SHOWN),
        (200, b'{"code": 0}', SendStatus.SHOWN),
        (200, b'{"errcode": 93000}', SendStatus.REFUSED),
        (200, b'{"ok": false}', SendStatus.REFUSED),
        (200, b"", SendStatus.UNKNOWN),
        (200, b"<html>", SendStatus.UNKNOWN),
        (200, b"[]", SendStatus.UNKNOWN),
        (204, b"", SendStatus.UNKNOWN),
        (302, b"", SendStatus.REFUSED),
        (404, b'{"ok": true}', SendStatus.REFUSED),
        (429, b"", SendStatus.RETRY),
        (503, b'{"ok": true}', SendStatus.RETRY),
        (500, b'{"ok": true}', SendStatus.UNKNOWN),
        (504, b"", SendStatus.UNKNOWN),
        (200, b'{"code": false}', SendStatus.UNKNOWN),
        (200, b'{"code": "0"}', SendStatus.UNKNOWN),
        (200, b'{"ok": true, "code": 500}', SendStatus.UNKNOWN),
        (200, b"[" * 60000, SendStatus.UNKNOWN),
    ],
)
def test_the_body_decides_not_http_200(status: int, body: bytes, verdict: SendStatus) -> None:
    assert judge(HttpResponse(status, None, body)).verdict is verdict


@pytest.mark.parametrize("status", [408, 425, 429, 503])
def test_a_wait_that_was_asked_for_is_passed_on_and_only_429_is_no_failure(status: int) -> None:
    sent = judge(HttpResponse(status, 7.0, b""))
    assert (sent.retry_after_s, sent.throttled) == (7.0, status == 429)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("999999", 3600.0),
        ("-3", 0.0),
        ("Mon, 09 Mar 2026 04:02:00 GMT", 120.0),
        ("Mon, 09 Mar 2026 03:00:00 GMT", 0.0),
        ("Tue, 10 Mar 2026 04:00:00 GMT", 3600.0),
        ("Mon, 09 Mar 2026 12:01:00 +0800", 60.0),
        ("Mon, 09 Mar 2026 04:02:00 +9999999999999", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_as_seconds_and_as_a_date_within_an_hour(
    header: str | None, seconds: float | None
) -> None:
    assert retry_after_s(header, NOW) == seconds

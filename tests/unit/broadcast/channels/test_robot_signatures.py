"""Signatures, against the vectors that each platform's own document gives or that were made from it."""

import pytest

from broadcast.channels import dingtalk, feishu
from broadcast.channels.webhook import signed_headers


def test_dingtalk_signs_milliseconds_and_secret_with_the_secret() -> None:
    assert dingtalk.signature("SECabc", 1_700_000_000_000) == "jcUpW0QmtKduN03n4JqQ0PBosVjqnM8gU7fIIvsDmCM="


def test_feishu_signs_nothing_with_seconds_and_secret() -> None:
    assert feishu.signature("demo", 1_599_360_473) == "l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8="


def test_the_webhook_signs_time_and_body() -> None:
    one = signed_headers(b"secret", "id", b"{}", 1_700_000_000)
    assert one["x-event-id"] == "id"
    assert one["x-signature"] == "b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163"


@pytest.mark.parametrize(
    ("secret", "body", "at"),
    [(b"secret", b"{ }", 1_700_000_000), (b"secret", b"{}", 1_700_000_001), (b"other", b"{}", 1_700_000_000)],
)
def test_another_secret_body_or_time_is_another_signature(secret: bytes, body: bytes, at: int) -> None:
    one = signed_headers(b"secret", "id", b"{}", 1_700_000_000)
    assert signed_headers(secret, "id", body, at)["x-signature"] != one["x-signature"]

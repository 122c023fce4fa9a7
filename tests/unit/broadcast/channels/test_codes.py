"""The table of the platforms' codes, and what an answer says."""

import json

import pytest

from broadcast.channels.base import SendStatus
from broadcast.channels.http.client import HttpResponse
from broadcast.channels.platform_codes import TABLE, Kind, Platform, code_of, judge, judge_answer, meaning

W, D, F = Platform.WECOM, Platform.DINGTALK, Platform.FEISHU
DOCUMENTED = {
    (W, Kind.DONE): (0,),
    (W, Kind.RETRY): (-1,),
    (W, Kind.CONFIGURATION): (40001, 40013, 40056, 48002, 60011, 81013, 60020),
    (W, Kind.TOKEN): (40014, 42001, 41001),
    (W, Kind.PERMANENT): (
        40003, 60111, 40008, 40033, 40035, 40050, 40058, 44004, 45002, 40096, 84061, 84074, 41048, 81017,
        93000, 93004, 93008, 95018,
    ),
    (W, Kind.NOT_YET): (41063,),
    (W, Kind.THROTTLED): (45009, 45033),
    (D, Kind.DONE): (0,),
    (D, Kind.RETRY): (-1,),
    (D, Kind.THROTTLED): (130101, 410100),
    (D, Kind.PERMANENT): (
        300001, 40035, 400013, 400101, 400102, 400105, 400106, 430101, 430102, 430103, 430104, 460101,
    ),
    (D, Kind.CONFIGURATION): (310000,),
    (F, Kind.DONE): (0,),
    (F, Kind.THROTTLED): (11232,),
    (F, Kind.PERMANENT): (9499, 19001),
    (F, Kind.CONFIGURATION): (19021, 19022, 19024),
}  # fmt: skip
"""Every code that the platforms' documents name, by what it asks for."""
EVERY = [(platform, code, kind) for (platform, kind), codes in DOCUMENTED.items() for code in codes]
VERDICTS = {
    Kind.DONE: SendStatus.SHOWN, Kind.RETRY: SendStatus.RETRY, Kind.THROTTLED: SendStatus.RETRY,
    Kind.TOKEN: SendStatus.RETRY, Kind.NOT_YET: SendStatus.RETRY, Kind.PERMANENT: SendStatus.REFUSED,
    Kind.CONFIGURATION: SendStatus.MISCONFIGURED,
}  # fmt: skip


def said(platform: Platform, code: object) -> dict[str, object]:
    return {"code" if platform is F else "errcode": code, "msg": "words"}


def answer(status: int, body: object, retry_after_s: float | None = None) -> HttpResponse:
    return HttpResponse(status, retry_after_s, body if isinstance(body, bytes) else json.dumps(body).encode())


def test_the_table_holds_the_documented_codes_and_no_others() -> None:
    assert {(platform, code) for platform, code, _ in EVERY} == set(TABLE)
    assert len(EVERY) == len(TABLE)


@pytest.mark.parametrize(("platform", "code", "kind"), EVERY)
def test_each_code_is_judged_by_its_kind(platform: Platform, code: int, kind: Kind) -> None:
    sent = judge(platform, said(platform, code))
    assert (meaning(platform, code).kind, sent.verdict) == (kind, VERDICTS[kind])
    assert sent.throttled is (kind is Kind.THROTTLED)
    assert sent == judge_answer(platform, answer(200, said(platform, code)))
    if kind is Kind.DONE:
        assert sent.reason == ""
    else:
        assert sent.reason == f"{code}: {meaning(platform, code).text}"
        assert judge_answer(platform, answer(400, said(platform, code))) == sent


@pytest.mark.parametrize(("platform", "code", "wait_s"), [(W, 45009, 60), (D, 130101, 600), (F, 11232, 60)])
def test_who_was_too_fast_waits_as_long_as_the_platform_stays_shut(
    platform: Platform, code: int, wait_s: float
) -> None:
    assert judge(platform, said(platform, code)).retry_after_s == wait_s


def test_a_busy_platform_is_asked_three_times_at_most_and_a_task_being_handed_out_is_no_failure() -> None:
    assert (meaning(W, -1).most_tries, meaning(W, -1).wait_s) == (3, 5)
    assert judge(W, {"errcode": 41063}).retry_after_s == 10


@pytest.mark.parametrize("platform", Platform)
def test_a_code_that_no_document_has_is_called_unknown(platform: Platform) -> None:
    assert meaning(platform, 77777).kind is Kind.UNKNOWN
    sent = judge(platform, said(platform, 77777))
    assert (sent.verdict, sent.reason[:6]) == (SendStatus.UNKNOWN, "77777:")


@pytest.mark.parametrize("platform", Platform)
@pytest.mark.parametrize("code", ["0", False, None, 0.0, [0]])
def test_a_code_is_a_whole_number_and_nothing_else(platform: Platform, code: object) -> None:
    assert code_of(platform, said(platform, code)) is None
    assert judge(platform, said(platform, code)).verdict is SendStatus.UNKNOWN


@pytest.mark.parametrize(
    ("platform", "body"),
    [
        (F, {"code": 0, "StatusCode": 19021}),
        (F, {"code": 19021, "StatusCode": 0}),
        (F, {"code": 0, "success": False}),
        (W, {"errcode": 0, "ok": False}),
        (D, {"errcode": 0, "success": False}),
    ],
)
def test_a_body_that_contradicts_itself_is_unknown(platform: Platform, body: dict[str, object]) -> None:
    assert judge(platform, body).verdict is SendStatus.UNKNOWN


def test_feishu_says_its_success_twice() -> None:
    body = {"code": 0, "msg": "success", "data": {}, "StatusCode": 0, "StatusMessage": "success"}
    assert judge(F, body).verdict is SendStatus.SHOWN


@pytest.mark.parametrize("platform", Platform)
@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (200, b"", SendStatus.UNKNOWN),
        (200, b"<html>ok</html>", SendStatus.UNKNOWN),
        (200, b"[]", SendStatus.UNKNOWN),
        (200, b"null", SendStatus.UNKNOWN),
        (200, b"\xff\xfe", SendStatus.UNKNOWN),
        (200, b"[" * 60_000, SendStatus.UNKNOWN),
        (200, {}, SendStatus.UNKNOWN),
        (204, b"", SendStatus.UNKNOWN),
        (302, b"", SendStatus.REFUSED),
        (404, b"", SendStatus.REFUSED),
        (404, {"errcode": 0, "code": 0}, SendStatus.REFUSED),
        (500, {"errcode": 0, "code": 0}, SendStatus.UNKNOWN),
        (502, b"", SendStatus.UNKNOWN),
        (503, b"", SendStatus.RETRY),
        (429, b"", SendStatus.RETRY),
    ],
)
def test_an_answer_without_a_code_is_judged_by_what_may_have_happened(
    platform: Platform, status: int, body: object, verdict: SendStatus
) -> None:
    assert judge_answer(platform, answer(status, body)).verdict is verdict


def test_retry_after_is_passed_on() -> None:
    sent = judge_answer(W, answer(429, b"", 7.0))
    assert (sent.retry_after_s, sent.throttled) == (7.0, True)

"""The second reader against a real server that says what a test tells it."""

import asyncio
import gzip
import json
import logging
from typing import Any

import pytest

from consumers.second_reader.lifting import Lifted
from consumers.second_reader.limits import FAULTS, SHORTEST_PAUSE_S
from consumers.second_reader.outcomes import ReadingOutcome
from consumers.second_reader.reader import SecondReader, Unsure
from consumers.second_reader.reading import Reading
from fenghuo.domain.events import ScamStage
from fenghuo.runtime.logs import JsonFormatter
from tests.support.http_clients import free_port
from tests.support.http_platform import CannedReply, Cut, FakePlatform, answering
from tests.support.stub_model import KEY, answer, completion, reader_of, report_in

STORY = Reading(
    "story", "KEFU", "in_contact", "fraud", "customer_service", "refund", ("screen", "money"), "call"
)
GOOD = completion(answer())
ZIPPED = gzip.compress(json.dumps(GOOD).encode())


async def told(reader: SecondReader, *texts: str) -> list[Reading | None]:
    try:
        return await reader.read(texts)
    finally:
        await reader.aclose()


async def outcome(platform: FakePlatform, **changes: Any) -> str:
    """How asking about one text ended; none of these gives a reading."""
    reader = reader_of(platform.url, **changes)
    assert await told(reader, "来电说要退会员费") == [None]
    (one,) = reader.counts.elements()
    return one


async def test_a_text_is_read_as_the_model_says() -> None:
    async with answering(completions=GOOD) as platform:
        assert await told(reader_of(platform.url), "来电说要退会员费") == [STORY]
    (asked,) = platform.asked
    assert asked.path == "/v1/chat/completions"
    assert asked.headers["Authorization"] == f"Bearer {KEY}"
    assert asked.body["model"] == "stub"
    assert report_in(asked) == "来电说要退会员费"


async def test_answers_stand_in_the_order_of_the_texts_and_equal_texts_are_asked_about_once() -> None:
    def by_text(asked: Any) -> CannedReply:
        late_s = 0.05 if report_in(asked) == "甲" else 0
        return CannedReply(
            completion(answer(fraud_type="LOAN" if report_in(asked) == "甲" else "none")), late_s=late_s
        )

    async with answering(completions=by_text) as platform:
        readings = await told(reader_of(platform.url), "甲", "乙", "甲")
    assert [x and x.fraud_type for x in readings] == ["LOAN", None, "LOAN"]
    assert len(platform.asked) == 2


async def test_what_was_read_before_is_not_asked_again() -> None:
    async with answering(completions=[GOOD, CannedReply(b"", 500)]) as platform:
        reader = reader_of(platform.url)
        assert await reader.read(["甲"]) == await told(reader, "甲") == [STORY]
    assert reader.counts == {ReadingOutcome.READ: 1, ReadingOutcome.KEPT: 1}


async def test_without_a_key_none_is_sent_and_options_are() -> None:
    options = {"chat_template_kwargs": {"enable_thinking": False}, "model": "another"}
    async with answering(completions=GOOD) as platform:
        reader = reader_of(platform.url, second_reader_key="", second_reader_options=json.dumps(options))
        await told(reader, "甲")
    (asked,) = platform.asked
    assert "Authorization" not in asked.headers
    assert asked.body["chat_template_kwargs"] == {"enable_thinking": False}
    assert asked.body["model"] == "stub"


@pytest.mark.parametrize(
    ("said", "ended"),
    [
        (completion("这是一起典型的诈骗。"), "no_reading"),
        (completion(answer(tier="draft")), "no_reading"),
        (completion("{}"), "no_reading"),
        (completion("late"), "no_reading"),
        (completion(answer(voice="police_officer")), "unknown_value"),
        (completion(answer(act_2="wire")), "unknown_value"),
        (completion(answer() + " " * 3_000), "too_long"),
        (completion(answer(), finish_reason="length"), "too_long"),
        (completion("x" * 70_000), "too_long"),
        (completion(None), "no_completion"),
        ({"choices": []}, "no_completion"),
        ({"error": {"message": "no such model"}}, "no_completion"),
        (b"<html>502</html>", "no_completion"),
        (b"", "no_completion"),
        (b'{"choices":' + b"[" * 60_000, "no_completion"),
        (CannedReply(ZIPPED, headers={"Content-Encoding": "gzip"}), "no_completion"),
        (CannedReply(GOOD, 401), "http_error"),
        (CannedReply(GOOD, 404), "http_error"),
        (CannedReply(GOOD, 429), "http_error"),
        (CannedReply(GOOD, 500), "http_error"),
        (CannedReply(GOOD, 201), "http_error"),
        (CannedReply(b"", 307, headers={"Location": "/v1/elsewhere"}), "http_error"),
        (Cut(), "no_completion"),
    ],
)  # fmt: skip
async def test_whatever_is_no_reading_of_our_form_is_none_and_counted(said: Any, ended: str) -> None:
    async with answering(completions=said, elsewhere=GOOD) as platform:
        assert await outcome(platform) == ended
    assert platform.asked_for("elsewhere") == []


async def test_a_server_that_is_not_there_is_none() -> None:
    platform = FakePlatform()
    platform.url = f"http://127.0.0.1:{free_port()}"
    assert await outcome(platform) == "no_connection"


@pytest.mark.parametrize("networks", ["10.0.0.0/8", "10.0.0.0/8,fc00::/7"])
async def test_a_name_that_leads_outside_the_networks_is_never_asked(networks: str) -> None:
    async with answering(completions=GOOD) as platform:
        platform.url = platform.url.replace("127.0.0.1", "localhost")
        ended = await outcome(platform, second_reader_networks=networks)
    assert ended in ("foreign", "no_connection")
    assert platform.asked == []


async def test_no_more_are_asked_at_once_than_the_setting_says() -> None:
    async with answering(completions=CannedReply(GOOD, late_s=0.02)) as platform:
        readings = await told(reader_of(platform.url, second_reader_at_once=3), *map(str, range(12)))
    assert readings == [STORY] * 12
    assert platform.most_at_once == 3


async def test_the_first_texts_are_asked_first_and_those_beyond_the_budget_not_at_all() -> None:
    async with answering(completions=GOOD) as platform:
        reader = reader_of(platform.url, second_reader_a_minute=2, second_reader_at_once=1)
        assert await told(reader, "甲", "乙", "丙") == [STORY, STORY, None]
    assert [report_in(x) for x in platform.asked] == ["甲", "乙"]
    assert reader.counts == {ReadingOutcome.READ: 2, ReadingOutcome.BUDGET: 1}


async def test_a_server_that_fails_is_left_alone_until_the_pause_is_over() -> None:
    now = [0.0]
    async with answering(completions=CannedReply(b"", 503)) as platform:
        reader = reader_of(platform.url, parts={"tick": lambda: now[0]}, second_reader_at_once=1)
        assert await reader.read([str(n) for n in range(FAULTS + 4)]) == [None] * (FAULTS + 4)
        assert len(platform.asked) == FAULTS
        assert reader.counts == {ReadingOutcome.HTTP_ERROR: FAULTS, ReadingOutcome.PAUSED: 4}
        platform.tell("completions", GOOD)
        now[0] += SHORTEST_PAUSE_S
        assert await reader.read(["甲"]) == [STORY]
        assert await told(reader, "乙", "丙") == [STORY, STORY]


@pytest.mark.parametrize(
    "content", ["不好说", "late", "http_error", answer(voice="x"), answer() + " " * 3_000]
)
async def test_what_a_model_says_never_opens_the_breaker(content: str) -> None:
    """A reporter's text could bring that about, and blind the reader for all others."""
    async with answering(completions=completion(content)) as platform:
        reader = reader_of(platform.url, second_reader_at_once=1)
        await told(reader, *map(str, range(3 * FAULTS)))
    assert len(platform.asked) == 3 * FAULTS


async def test_lifting_asks_only_where_an_answer_could_change_something() -> None:
    unsure = [
        Unsure("甲", "none", ScamStage.RECEIVED), Unsure("乙", "draft", ScamStage.RECEIVED),
        Unsure("丙", "watch", ScamStage.PAID), Unsure("丁", "watch", ScamStage.RECEIVED),
    ]  # fmt: skip
    async with answering(completions=completion(answer(voice="victim", stage="paid"))) as platform:
        reader = reader_of(platform.url)
        after = await reader.lift(unsure)
        await reader.aclose()
    assert sorted(report_in(x) for x in platform.asked) == ["丁", "甲"]
    assert [(x.tier, x.stage) for x in after] == [
        ("watch", ScamStage.MONEY_MOVING), ("draft", ScamStage.RECEIVED), ("watch", ScamStage.PAID),
        ("watch", ScamStage.MONEY_MOVING),
    ]  # fmt: skip
    assert [bool(x.evidence) for x in after] == [True, False, False, True]


async def test_a_silent_model_leaves_every_report_as_it_was() -> None:
    async with answering(completions=CannedReply(b"", 500)) as platform:
        reader = reader_of(platform.url)
        after = await reader.lift([Unsure("甲", "none", ScamStage.RECEIVED)])
        await reader.aclose()
    assert after == [Lifted("none", ScamStage.RECEIVED)]


async def test_neither_key_nor_address_nor_report_stands_in_any_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with answering(completions=CannedReply(b"", 401)) as platform:
        reader = reader_of(platform.url)
        await reader.read([f"某某小区老王说的第{n}件事" for n in range(FAULTS + 2)])
        platform.url = f"http://127.0.0.1:{free_port()}"
        await told(reader_of(platform.url), "某某小区老王")
        await reader.aclose()
    lines = [JsonFormatter("consumers").format(x) for x in caplog.records if x.name.startswith("consumers")]
    assert any("pauses" in line for line in lines)
    assert [
        line for line in lines if KEY in line or "/v1" in line or "老王" in line or "127.0.0.1" in line
    ] == []


async def test_a_reader_that_is_stopped_leaves_nothing_behind() -> None:
    async with answering(completions=CannedReply(GOOD, late_s=30)) as platform:
        reader = reader_of(platform.url, second_reader_box_s=30)
        reading = asyncio.create_task(reader.read(["甲", "乙"]))
        while len(platform.asked) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await reader.aclose()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert [x for x in others if "second_reader" in repr(x)] == []

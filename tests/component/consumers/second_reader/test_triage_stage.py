"""The second reader behind the room's own triage, whatever the model says.

Nothing is slower than the time-box, drafted or lowered.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from consumers import app
from consumers.live_library import LiveLibrary, seed_patterns
from fenghuo import clock
from fenghuo.domain import events as e
from fenghuo.runtime.room import open_desk
from tests.support.builders import report, settings
from tests.support.http_platform import CannedReply, answering
from tests.support.rooms_in_process import running_rooms
from tests.support.stub_model import (
    answer,
    completion,
    machine_orders,
    obedient,
    reader_of,
    reader_settings,
    report_in,
)
from tests.support.waiting import until

UNSURE = [
    "村里来了几个人，说看病不要钱，让大爷大妈去听课，听完还送鸡蛋", "果树认养一棵八百八，每年分果子还分钱",
    "消防来电话说要买书，货到付款", "说我的分数差一点放不了款，让买个提分包",
]  # fmt: skip
CALM = ["楼下超市周末鸡蛋特价", "今天天气不错", "我刚转了两万给对方，他把我拉黑了，怎么办"]
TEXTS = [*UNSURE, *CALM, *(order.text for order in machine_orders())]
LIBRARY = LiveLibrary(seed_patterns())
STAGES = list(e.ScamStage)
BOX_S, SLACK_S = 0.5, 0.5


def by_the_orders(asked: Any) -> CannedReply:
    """Obeys the orders it knows, and cries wolf at everything else."""
    known = {order.text for order in machine_orders()}
    return obedient(asked) if report_in(asked) in known else CannedReply(completion(answer(voice="victim")))


MODELS = {
    "is late": CannedReply(completion(answer()), late_s=60),
    "is wrong": completion(answer(voice="chat", matter="other", stage="received")),
    "raises an alarm": completion(answer(voice="victim", stage="paid")),
    "talks": completion("起草预警如下：【反诈预警】请立即转账到安全账户。"),
    "has words of its own": completion(answer(stage="released", fraud_type="EVERYTHING")),
    "is ill": CannedReply(b"", 500),
    "obeys": by_the_orders,
}


async def triaged(stage: str, reader: Any, texts: Sequence[str]) -> tuple[list[e.Event], float, float]:
    """The events of the room's own stage, the seconds it took, and the longest that the loop stood still."""
    given = settings(redis_url="redis://127.0.0.1:1", second_reader_a_minute=1000)
    (found,) = (
        x for x in app.stages(open_desk(given), given, LIBRARY, reader) if x.name == stage
    )  # fmt: skip
    still = [0.0]
    watching = asyncio.create_task(_watch(still))
    began = asyncio.get_running_loop().time()
    outcome = await found.handle([report(f"r{n}", text) for n, text in enumerate(texts)])
    took_s = asyncio.get_running_loop().time() - began
    watching.cancel()
    return outcome.events, took_s, still[0]


async def _watch(still: list[float]) -> None:
    clock_now = asyncio.get_running_loop().time
    while True:
        before = clock_now()
        await asyncio.sleep(0.005)
        still[0] = max(still[0], clock_now() - before)


@pytest.mark.alone
@pytest.mark.parametrize("model", MODELS)
async def test_the_stage_is_no_slower_than_the_time_box_and_nothing_is_drafted_or_lowered(model: str) -> None:
    without, plain_s, _ = await triaged("triage", None, TEXTS)
    async with answering(completions=MODELS[model]) as platform:
        reader = reader_of(platform.url, second_reader_box_s=BOX_S, second_reader_at_once=8)
        beside, took_s, still_s = await triaged("triage", reader, TEXTS)
        await reader.aclose()
    assert took_s < plain_s + BOX_S + SLACK_S
    assert still_s < SLACK_S
    assert platform.asked
    rows = [x for x in beside if isinstance(x, e.ReportUnmatched)]
    was = {x.report_id: x for x in without if isinstance(x, e.ReportUnmatched)}
    assert {type(x) for x in beside} == {type(x) for x in without}
    assert {x.report_id for x in rows} == was.keys()
    for row in rows:
        before = was[row.report_id]
        assert (row.suspicion, row.suspicious, row.reasons) == (
            before.suspicion,
            before.suspicious,
            before.reasons,
        )
        assert STAGES.index(row.stage) >= STAGES.index(before.stage)
        assert row.stage is before.stage or row.stage is not e.ScamStage.PAID


async def test_no_word_of_the_models_reaches_an_event() -> None:
    async with answering(completions=MODELS["talks"]) as platform:
        reader = reader_of(platform.url)
        beside, _, _ = await triaged("triage", reader, UNSURE)
        await reader.aclose()
    assert beside == (await triaged("triage", None, UNSURE))[0]


async def test_the_lane_of_urgent_reports_never_asks() -> None:
    async with answering(completions=MODELS["raises an alarm"]) as platform:
        reader = reader_of(platform.url)
        await triaged("alarms", reader, UNSURE)
        assert platform.asked == []
        await triaged("triage", reader, UNSURE)
        await reader.aclose()
    assert platform.asked


@pytest.mark.alone
async def test_a_room_with_a_reader_lifts_shows_and_closes_it(redis_url: str, namespace: str) -> None:
    async with answering(completions=MODELS["raises an alarm"]) as platform:
        given = reader_settings(platform.url, broker="redis", redis_url=redis_url, namespace=namespace)
        async with running_rooms(given, "consumers") as running:
            sent = [report(f"r{n}", text, at=clock.now()) for n, text in enumerate(UNSURE)]
            await running.producers.publish(sent)
            urgent = await until(lambda: running.desk.reports.urgent(0), what="a raised report")
            assert len(running.rooms["consumers"].closing) == 1
    assert all(x.row.stage_by_model and x.row.stage is e.ScamStage.MONEY_MOVING for x in urgent)

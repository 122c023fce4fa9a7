"""Thirty reports that give the model orders, and a model that obeys them, is late, or talks.

Nothing is drafted, lowered, or slower than the time-box.
"""

import asyncio
from itertools import product
from typing import Any, get_args

import pytest

from consumers.second_reader.lifting import Tier
from consumers.second_reader.machine_orders import gives_orders
from consumers.second_reader.outcomes import ReadingOutcome
from consumers.second_reader.reader import SecondReader, Unsure
from fenghuo.domain.events import ScamStage
from tests.support.http_platform import CannedReply, answering
from tests.support.stub_model import answer, completion, machine_orders, obedient, reader_of, report_in

TIERS: tuple[Tier, ...] = get_args(Tier)
STAGES = list(ScamStage)
BOX_S = 5.0
REPORTS = [Unsure(order.text, tier, stage) for order, tier, stage in product(machine_orders(), TIERS, STAGES)]
MODELS = {
    "obeys": obedient,
    "is late": CannedReply(completion(answer()), late_s=60),
    "is wrong": completion(answer(voice="chat", matter="other", stage="received")),
    "raises an alarm": completion(answer(voice="victim", stage="paid")),
    "talks": completion("起草预警如下：【反诈预警】请立即转账到安全账户。"),
    "has words of its own": completion(answer(stage="released", fraud_type="EVERYTHING")),
    "adds a draft": completion(answer(tier="draft", warning="请立即转账")),
    "is ill": CannedReply(b"", 500),
}


def all_asked(_: str) -> bool:
    return False


async def lifted_by(
    said: Any, **parts: Any
) -> tuple[list[tuple[str, ScamStage]], SecondReader, float, list[str]]:
    """What each report is after a model that says ``said``; the reader, the seconds, what it was shown."""
    clock = asyncio.get_running_loop().time
    async with answering(completions=said) as platform:
        box_s = 0.3 if said is MODELS["is late"] else BOX_S
        reader = reader_of(platform.url, parts=parts, second_reader_box_s=box_s, second_reader_at_once=8)
        began = clock()
        after = await reader.lift(REPORTS)
        took_s = clock() - began - box_s
        await reader.aclose()
    return [(x.tier, x.stage) for x in after], reader, took_s, [report_in(x) for x in platform.asked]


@pytest.mark.alone
@pytest.mark.parametrize("model", MODELS)
async def test_orders_draft_nothing_lower_nothing_and_take_no_longer(model: str) -> None:
    after, _, beyond_the_box_s, _ = await lifted_by(MODELS[model], skips=all_asked)
    assert beyond_the_box_s < 0.5
    for before, (tier, stage) in zip(REPORTS, after, strict=True):
        assert tier == before.tier or (before.tier, tier) == ("none", "watch")
        assert STAGES.index(stage) >= STAGES.index(before.stage)
        assert stage is before.stage or stage is not ScamStage.PAID


async def test_an_obedient_model_is_reached_by_every_text_when_none_is_skipped() -> None:
    """So the law above is tested with what the orders ask for, not with their being skipped."""
    _, reader, _, shown = await lifted_by(obedient, skips=all_asked)
    assert len(shown) == len(machine_orders())
    assert reader.counts[ReadingOutcome.READ] >= 10


async def test_what_is_noticed_as_an_order_is_not_shown_to_the_model_and_changes_nothing() -> None:
    after, reader, _, shown = await lifted_by(obedient)
    noticed = sum(gives_orders(order.text) for order in machine_orders())
    assert reader.counts[ReadingOutcome.ORDERS] == noticed
    assert len(shown) == len(machine_orders()) - noticed
    unchanged = [
        (x.tier, x.stage) == now for x, now in zip(REPORTS, after, strict=True) if gives_orders(x.masked)
    ]
    assert all(unchanged)

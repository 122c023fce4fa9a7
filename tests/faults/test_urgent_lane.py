"""An urgent report behind a flood of nasty ones is answered at once, on both transports."""

import time

import pytest

from fenghuo.domain import events as e
from fenghuo.settings import Settings
from tests.support.builders import NOON, place, report, settings
from tests.support.rooms_in_process import running_rooms
from tests.support.waiting import until

FLOOD = 1_000
NASTY = ("﷼㍿㎞①⑴" * 2_000)[:10_000], "1-3-8-" * 1_660, "转账。钱！" * 2_000
"""Texts of the longest length that the intake takes: signs that expand, digits, words of trouble."""
ANSWERED_S = 2.0


@pytest.fixture(params=["redis", "kafka"])
def in_force(request: pytest.FixtureRequest, redis_url: str, namespace: str) -> Settings:
    kafka = request.getfixturevalue("kafka_bootstrap") if request.param == "kafka" else ""
    return settings(
        broker=request.param, redis_url=redis_url, kafka_servers=kafka, namespace=namespace,
        kafka_session_timeout_s=6,
    )  # fmt: skip


def alarm(report_id: str) -> e.AlarmReceived:
    return e.AlarmReceived(
        event_id=e.derive_id("received", report_id), at=NOON, report_id=report_id, place=place(),
        text="对方让我马上转账，我该怎么办", reporter="anna", stage=e.ScamStage.MONEY_MOVING,
    )  # fmt: skip


@pytest.mark.alone
async def test_an_urgent_report_does_not_wait_behind_a_thousand_nasty_ones(in_force: Settings) -> None:
    async with running_rooms(in_force, "consumers") as running:

        async def answer(report_id: str) -> str | None:
            views = await running.desk.reports.get_many([report_id])
            return views[0].answer if views else None

        await running.producers.publish([alarm("warm")])
        await until(lambda: answer("warm"), 30, "the first answer: the matcher is compiled")
        await running.producers.publish(
            [report(f"n{n}", f"{n}{NASTY[n % len(NASTY)]}"[:10_000]) for n in range(FLOOD)]
        )
        began = time.monotonic()
        await running.producers.publish([alarm("urgent")])
        text = await until(lambda: answer("urgent"), 30, "the answer to the urgent report")
        took = time.monotonic() - began
        assert "110" in text
        assert took <= ANSWERED_S, f"{took:.1f} s"

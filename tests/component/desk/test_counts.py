"""What the desk counts for danger and surges, on a real Redis: alike after a redo, out of order, from two
processes, and never without bound."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from consumers.surge import Surge
from fenghuo import clock
from fenghuo.desk.desk import Desk
from fenghuo.desk.retention import HOURLY_KEPT, MATCHES_KEPT, URGENT_KEPT
from fenghuo.domain import events as e
from fenghuo.runtime.room import open_desk
from tests.support.builders import DISTRICT, NOON, place, report, settings, unmatched

SURGE = ("p1", DISTRICT)


@pytest.fixture
async def desks(redis_url: str, namespace: str) -> AsyncIterator[tuple[Desk, Desk]]:
    """The desk as two processes have it."""
    opened = [open_desk(settings(redis_url=redis_url, namespace=namespace)) for _ in range(2)]
    yield opened[0], opened[1]
    for desk in opened:
        await desk.client.aclose()


def matched(n: int, **changes: Any) -> e.ReportMatched:
    fields: dict[str, Any] = {
        "at": NOON + timedelta(seconds=n), "place": place(f"镇{n}", f"g{n}"), "reporter": f"who{n}",
        "stage": e.ScamStage.RECEIVED, "masked": "text", "pattern_id": "p1", "fraud_type": "TICKET",
        "title": "航班故障取消补偿", "score": 90.0,
    } | changes  # fmt: skip
    return e.ReportMatched(event_id=f"e{n}", report_id=f"r{n}", **fields)


async def counts(desk: Desk) -> tuple[Any, Any, Any, Any]:
    return (
        await desk.surges.recent_matches([SURGE], 0),
        await desk.surges.hourly_reports([SURGE]),
        await desk.reports.first_seen([f"who{n}" for n in range(9)]),
        [x.row.report_id for x in await desk.reports.urgent(0)],
    )


async def test_a_redo_in_any_order_from_two_processes_counts_alike(desks: tuple[Desk, Desk]) -> None:
    one, two = desks
    events: list[e.Event] = []
    for n in range(6):
        when = NOON + timedelta(seconds=n)
        events.append(report(f"r{n}", "text", f"who{n % 4}", at=when))
        events.append(matched(n, reporter=f"who{n % 4}", stage=e.ScamStage.PAID))
    await one.project(events)
    before = await counts(one)
    assert [len(before[0][SURGE]), len(before[1][SURGE]), len(before[2]), len(before[3])] == [6, 4, 4, 6]
    await two.project(events[::-1])
    await one.project(events[3:7])
    assert await counts(two) == before


async def test_two_processes_that_each_see_half_of_a_surge_draft_it_once(desks: tuple[Desk, Desk]) -> None:
    reports = [matched(n) for n in range(5)]
    drafted = []
    for desk, part in zip(desks, (reports[:3], reports[3:]), strict=True):
        await desk.project(part)
        found = await Surge(desk, settings()).on_reports_matched(part)
        drafted += [x for x in found.events if isinstance(x, e.DecisionMade)]
    (draft,) = drafted
    assert draft.order.origin is not None
    assert draft.order.origin.by_group == tuple((f"g{n}", 1) for n in range(5))
    assert (draft.order.origin.reporters, draft.order.origin.window_s) == (5, 1800)
    for desk in desks:  # both do their part again before the draft is on the desk, then after it is
        again = await Surge(desk, settings()).on_reports_matched(reports)
        assert [x.event_id for x in again.events if isinstance(x, e.DecisionMade)] == [draft.event_id]
    await desks[0].project([draft])
    assert (await Surge(desks[1], settings()).on_reports_matched(reports)).events == []
    further = await Surge(desks[1], settings()).on_reports_matched([matched(8)])
    assert [type(x) for x in further.events] == [e.SightingRecorded]


async def test_a_hit_that_an_earlier_release_wrote_still_counts(desks: tuple[Desk, Desk]) -> None:
    desk = desks[0]
    await desk.project([matched(n) for n in range(4)])
    key = desk.keys.recent_matches(*SURGE)
    await desk.client.zadd(key, {"r9|who9|镇9": clock.to_ms(NOON)})
    found = await Surge(desk, settings()).on_reports_matched([matched(3)])
    assert [type(x) for x in found.events] == [e.DecisionMade]


async def test_an_officer_is_known_from_the_first_report_on(desks: tuple[Desk, Desk]) -> None:
    officer = e.ReporterKind.OFFICER
    await desks[0].project(
        [report("r1", "text", "officer", reporter_kind=officer), report("r2", "text", "anybody")]
    )
    seen = await desks[0].reports.first_seen(["officer", "anybody", "nobody"])
    assert seen == {"officer": 0, "anybody": clock.to_ms(NOON)}


@pytest.mark.parametrize("known", [True, False])
async def test_money_on_the_move_stays_on_top_however_many_reports_follow(
    desks: tuple[Desk, Desk], known: bool
) -> None:
    desk, moving = desks[0], e.ScamStage.MONEY_MOVING
    urgent = matched(1, stage=moving) if known else unmatched("r1", "text", stage=moving)
    others = [unmatched(f"n{n}", "text", at=NOON + timedelta(minutes=n)) for n in range(1, 60)]
    await desk.project([urgent, *others])
    assert [x.row.report_id for x in await desk.reports.urgent(clock.to_ms(NOON))] == ["r1"]


async def test_the_counts_are_bounded(desks: tuple[Desk, Desk]) -> None:
    desk = desks[0]
    many = max(MATCHES_KEPT, URGENT_KEPT) + 20
    await desk.project([matched(n, at=NOON, stage=e.ScamStage.PAID) for n in range(many)])
    assert await desk.client.zcard(desk.keys.recent_matches(*SURGE)) == MATCHES_KEPT
    assert await desk.client.zcard(desk.keys.urgent) == URGENT_KEPT
    assert len((await desk.surges.hourly_reports([SURGE]))[SURGE]) == min(many, HOURLY_KEPT)


async def test_the_fraudsters_details_stand_sealed_beside_their_report_and_go_with_it(
    desks: tuple[Desk, Desk],
) -> None:
    desk, _ = desks
    await desk.project([matched(1, sealed="sealed:CAkK"), matched(2)])
    assert [await desk.reports.sealed(x) for x in ("r1", "r2", "r3")] == ["sealed:CAkK", "", ""]
    (view,) = await desk.reports.get_many(["r1"])
    assert "sealed:" not in repr(view)
    await desk.client.delete(desk.keys.report("r1"))
    assert await desk.reports.sealed("r1") == ""

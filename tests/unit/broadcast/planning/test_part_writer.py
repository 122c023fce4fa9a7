"""Which way each group of a part gets it, and what is said of a group that gets nothing."""

from collections.abc import Sequence

import pytest

from broadcast.planning.part_writer import deliveries
from broadcast.planning.planner import meant_by, place_of, split_into_parts
from fenghuo.domain import events as e
from fenghuo.domain.events import DeliveryState as State
from fenghuo.domain.routing import Route, route
from fenghuo.domain.taps import Tappers
from fenghuo.domain.warning_quotas import LimitReason
from tests.support.builders import group, released

CUSTOMERS = "wecom_customer_group"
TAPPERS = Tappers({})
LIVE = ("sandbox", "webhook", "wecom_robot", "dingtalk", CUSTOMERS)


def planned(
    event: e.AlertReleased, groups: Sequence[e.Group], held: dict[str, str] | None = None
) -> list[e.Event]:
    """The plan of ``event`` when nobody was frozen, its parts written out."""
    known = {g.group_id: g for g in groups}
    release = event.release
    places = [place_of(known[x], route(known[x], release, TAPPERS)) for x in meant_by(release, known)]
    return written_out(event, split_into_parts(event, "warning", places, held=held or {}), known)


def written_out(
    event: e.AlertReleased, events: Sequence[e.Event], groups: dict[str, e.Group]
) -> list[e.Event]:
    first, *parts = events
    return [
        first,
        *(
            x
            for part in parts
            if isinstance(part, e.PartPlanned)
            for x in deliveries(part, event.release, groups, TAPPERS)
        ),
    ]


def way(channel: str, target: str = "t", **changes: str) -> e.Binding:
    return e.Binding(channel=channel, target=target, **changes)


def test_a_group_whose_channel_was_not_approved_is_refused_in_the_open() -> None:
    _, receipt = planned(released(channels=("webhook",)), [group(1, channel="sandbox")])
    assert isinstance(receipt, e.ReceiptRecorded)
    assert (receipt.state, receipt.reason) == (State.REFUSED, "channel not approved")


def test_a_group_that_went_between_the_plan_and_its_part_is_refused_in_the_open() -> None:
    event, groups = released(channels=LIVE), [group(1, channel="webhook", target="t"), group(2)]
    _, part = split_into_parts(event, "warning", [place_of(g, Route(g.ways[0])) for g in groups])
    assert isinstance(part, e.PartPlanned)
    left = {g.group_id: g for g in (group(1, channel="webhook", target="t", gone=True), group(2))}
    refused, asked = deliveries(part, event.release, left, TAPPERS)
    assert isinstance(refused, e.ReceiptRecorded)
    assert (refused.group_id, refused.reason) == ("g0001", "the group is gone")
    assert isinstance(asked, e.DeliveryRequested) and asked.group_id == "g0002"


@pytest.mark.parametrize("reason", [LimitReason.PLATFORM, LimitReason.RESERVE])
def test_what_a_platform_does_not_take_goes_by_the_next_way(reason: LimitReason) -> None:
    groups = [
        group(1, channel=CUSTOMERS, target="wr1", owner="o", also=(way("dingtalk"),)),
        group(2, channel=CUSTOMERS, target="wr2", owner="o"),
        group(3, channel=CUSTOMERS, target="wr3", also=(way("dingtalk"),)),
    ]
    held = {g.group_id: reason for g in groups}
    _, refused, *asked = planned(released(channels=LIVE), groups, held)  # type: ignore[arg-type]
    assert isinstance(refused, e.ReceiptRecorded)
    assert (refused.group_id, refused.state, refused.reason) == (
        "g0002", State.REFUSED, f"held back: {reason}",
    )  # fmt: skip
    assert {(x.group_id, x.channel) for x in asked if isinstance(x, e.DeliveryRequested)} == {
        ("g0001", "dingtalk"),
        ("g0003", "dingtalk"),
    }


@pytest.mark.parametrize("reason", [LimitReason.DAY, LimitReason.WEEK])
def test_a_group_that_has_had_its_share_gets_no_warning_by_any_way(reason: LimitReason) -> None:
    several = group(1, also=(way("dingtalk"),))
    first, refused = planned(released(channels=LIVE), [several], {"g0001": reason})
    assert isinstance(first, e.DeliveriesPlanned) and first.groups == 1
    assert isinstance(refused, e.ReceiptRecorded) and refused.state is State.REFUSED

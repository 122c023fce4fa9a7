"""What the approver is shown of the channels: how many each reaches, and what waits for a person."""

import pytest

from console.alerts.approval_preview import planned_routes, reach_by_channel
from fenghuo.domain.alert import Role
from fenghuo.domain.channels import GROUP_CHANNELS
from fenghuo.domain.events import Person
from fenghuo.domain.routing import NoWay
from fenghuo.domain.taps import Tappers
from tests.support.builders import DISTRICT, content, group

BY_TAP = {"relay", "wecom_customer_group"}
EVERY = content(channels=GROUP_CHANNELS)


OFFICER = Person(person_id="o", name="o", role=Role.OFFICER, district=DISTRICT)


@pytest.mark.parametrize("channel", GROUP_CHANNELS)
def test_a_channel_is_shown_as_tapped_where_nothing_goes_out_before_a_tap(channel: str) -> None:
    groups = [group(n, channel=channel, owner="o") for n in range(3)]
    routes = planned_routes(groups, EVERY, Tappers({"o": OFFICER}), {})
    [reach] = reach_by_channel(groups, routes, {"webhook"})
    assert (reach.channel, reach.groups, reach.residents) == (channel, 3, 300)
    assert (reach.tapped, reach.halted) == (channel in BY_TAP, channel == "webhook")


def test_what_no_channel_reaches_comes_last_by_reason() -> None:
    groups = [
        group(1, channel="relay"), group(2, channel="relay"), group(3, channel="webhook"),
        group(4, channel="pigeon"),
    ]  # fmt: skip
    found = reach_by_channel(groups, planned_routes(groups, EVERY, Tappers({}), {}), ())
    assert [(x.channel, x.reason, x.groups) for x in found] == [
        ("webhook", None, 1), ("", NoWay.NOBODY, 2), ("", NoWay.NOT_APPROVED, 1),
    ]  # fmt: skip

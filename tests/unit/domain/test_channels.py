"""What is true of each channel, said once more here so that no row changes unseen."""

import re

import pytest

from broadcast.app import open_channels
from fenghuo.domain import channels
from fenghuo.domain.channels import CHANNELS, ROWS, SettledBy, channel_label, send_order
from fenghuo.runtime.room import open_desk
from tests.support.builders import settings

FACTS = {
    "TAPPED_HERE": {"relay"},
    "OWNER_TASKS": {"wecom_customer_group"},
    "NEEDS_TAP": {"relay", "wecom_customer_group"},
    "IDEMPOTENT": {"sandbox", "relay", "webhook"},
    "ROBOTS": {"wecom_robot", "dingtalk", "feishu"},
    "NEEDS_CREDENTIAL": {"wecom_customer_group", "wecom_app"},
    "BY_USER_ID": {"wecom_app"},
    "COUNTED": {"wecom_customer_group"},
    "CARRY_REPLIES": {"sandbox"},
    "NOTIFY": {"wecom_robot", "dingtalk", "feishu", "webhook", "apprise", "wecom_app"},
    "SEALED": {"wecom_robot", "dingtalk", "feishu", "webhook", "apprise"},
    "SIGNING": {"dingtalk", "feishu"},
}
BYTES = {
    "wecom_robot": 2048,
    "wecom_app": 2048,
    "wecom_customer_group": 4000,
    "dingtalk": 18_000,
    "feishu": 18_000,
}


@pytest.mark.parametrize("name", FACTS)
def test_a_fact_is_true_of_exactly_these_channels(name: str) -> None:
    assert getattr(channels, name) == FACTS[name]


def test_every_set_of_the_table_is_looked_at() -> None:
    found = {name for name, value in vars(channels).items() if isinstance(value, frozenset)}
    assert found == FACTS.keys()


def test_a_platforms_limits_are_those_of_its_documents() -> None:
    assert {x.name: x.max_bytes for x in ROWS if x.max_bytes} == BYTES
    assert {x.name: x.max_chats for x in ROWS if x.max_chats > 1} == {"wecom_customer_group": 2000}


def test_the_ways_to_groups_keep_their_order_with_the_sandbox_first() -> None:
    assert channels.GROUP_CHANNELS == (
        "sandbox", "relay", "wecom_customer_group", "wecom_robot", "dingtalk", "feishu", "webhook", "apprise",
    )  # fmt: skip


def test_a_way_to_persons_alone_is_no_way_to_groups() -> None:
    assert CHANNELS.keys() - set(channels.GROUP_CHANNELS) == {"wecom_app"}
    assert channels.CHANNEL_NAMES.keys() == set(channels.GROUP_CHANNELS)
    assert channels.CHANNELS.keys() - set(channels.GROUP_CHANNELS) <= channels.NOTIFY


def test_what_waits_for_a_tap_goes_first_and_what_goes_one_at_a_time_last() -> None:
    order = {name: send_order(name) for name in (*channels.GROUP_CHANNELS, "unheard-of")}
    assert order == {
        "relay": 0, "wecom_customer_group": 0, "sandbox": 1, "webhook": 1,
        "wecom_robot": 2, "dingtalk": 2, "feishu": 2, "apprise": 2, "unheard-of": 2,
    }  # fmt: skip


def test_a_tap_here_and_a_tap_on_the_platform_are_two_things() -> None:
    assert not channels.TAPPED_HERE & channels.OWNER_TASKS
    assert channels.NEEDS_TAP == channels.TAPPED_HERE | channels.OWNER_TASKS
    assert {x.settled_by for x in ROWS if x.name not in channels.NEEDS_TAP} == {SettledBy.PLATFORM}


def test_no_two_channels_share_a_name() -> None:
    names = [alias for x in ROWS for alias in (x.name, *x.zh)]
    assert len({alias.lower() for alias in names}) == len(names)
    assert channel_label("relay") == "民警转发" and channel_label("unheard-of") == "unheard-of"


def test_every_form_of_an_address_can_be_read_as_a_pattern() -> None:
    for row in ROWS:
        if row.address is not None:
            re.compile(row.address.pattern)
            re.compile(row.address.url.path if row.address.url else "")
            assert row.address.wanted


def test_each_adapter_keeps_to_its_row() -> None:
    given = settings(redis_url="redis://127.0.0.1:1/0")
    built = open_channels(given, open_desk(given))
    for name, adapter in built.direct.items():
        assert (adapter.name, adapter.idempotent) == (name, CHANNELS[name].idempotent)
        assert getattr(adapter, "most_bytes", 0) == CHANNELS[name].max_bytes
        assert adapter.together == 1 or adapter.idempotent
    assert built.tasks.keys() == channels.OWNER_TASKS
    assert {x.most_chats for x in built.tasks.values()} == {2000}
    assert built.direct.keys() | built.tasks.keys() == CHANNELS.keys()
    assert built.to_groups.keys() | built.tasks.keys() == set(channels.GROUP_CHANNELS)

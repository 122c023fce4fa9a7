"""Rows of groups and people: addresses by channel, sealed; what a file changes, refuses and misses."""

import pytest

from console.directory.addresses import WrongRowError, parse_notify
from console.directory.import_rows import (
    GROUP_ALIASES,
    GROUP_COLUMNS,
    PERSON_COLUMNS,
    FieldChange,
    group_of,
    person_of,
    plan_groups,
    plan_people,
)
from fenghuo.domain.channels import CHANNELS
from fenghuo.domain.events import Binding
from fenghuo.security.sealing import seal, unseal
from fenghuo.spreadsheets.tables import BadRow, TableRow

KEY = "k" * 40
ROBOT = "00000000-0000-4000-8000-000000000001"
WECOM = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key="


def sealed(text: str) -> str:
    return seal(text, KEY)


def cells(**given: str) -> dict[str, str]:
    return dict.fromkeys(GROUP_COLUMNS, "") | {"group_id": "g1", "name": "一群"} | given


def person(**given: str) -> dict[str, str]:
    return dict.fromkeys(PERSON_COLUMNS, "") | {"person_id": "p1", "name": "甲", "role": "民警"} | given


@pytest.mark.parametrize(
    ("channel", "target", "kept"),
    [
        ("", "", ("sandbox", "")),
        ("民警转发", "", ("relay", "")),
        ("客户群", "wrChat0001", ("wecom_customer_group", "wrChat0001")),
        ("wecom_robot", f"{WECOM}{ROBOT}", ("wecom_robot", ROBOT)),
        ("WECOM_ROBOT", ROBOT, ("wecom_robot", ROBOT)),
        ("钉钉", "https://oapi.dingtalk.com/robot/send?access_token=abcd1234", ("dingtalk", "abcd1234")),
        ("feishu", "https://open.feishu.cn/open-apis/bot/v2/hook/ab-cd-12", ("feishu", "ab-cd-12")),
        ("webhook", "https://groups.example.com/in?x=1", ("webhook", "https://groups.example.com/in?x=1")),
        ("apprise", "mailtos://post.example.com", ("apprise", "mailtos://post.example.com")),
    ],
)  # fmt: skip
def test_an_address_is_kept_as_its_channel_needs_it(channel: str, target: str, kept: tuple[str, str]) -> None:
    group = group_of(cells(channel=channel, target=target), "示范区", sealed)
    assert (group.channel, unseal(group.target, KEY)) == kept
    assert group.target.startswith("sealed:") == (kept[0] not in ("sandbox", "relay", "wecom_customer_group"))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"channel": "pigeon"}, "'channel' is 'pigeon'; known: sandbox, relay"),
        ({"channel": ROBOT}, "'channel' is no channel"),
        ({"channel": "wecom_app", "target": "zhou"}, "which reaches persons and no group; known: sandbox"),
        ({"channel": "relay", "channel2": "应用消息"}, "'channel2' is wecom_app, which reaches persons"),
        ({"target": "https://groups.example.com"}, "sandbox has no address"),
        ({"channel": "webhook"}, "'target' is empty; webhook needs an address that begins"),
        ({"channel": "webhook", "target": "ftp://x.example"}, "'target' is not what webhook needs"),
        ({"channel": "webhook", "target": "http://"}, "not what webhook needs"),
        ({"channel": "webhook", "target": "http://[x"}, "not what webhook needs"),
        ({"channel": "webhook", "target": "https://x.example:99999"}, "not what webhook needs"),
        ({"channel": "webhook", "target": "https://x.example/" + "a" * 2000}, "not what webhook needs"),
        ({"channel": "wecom_customer_group", "target": "chat1"}, "chat id (wr...)"),
        ({"channel": "dingtalk", "target": "https://x.example/robot/send?access_token=abcd1234"}, "not what"),
        ({"channel": "dingtalk", "target": "https://oapi.dingtalk.com/robot/send"}, "not what dingtalk"),
        ({"channel": "feishu", "target": "https://[x"}, "not what feishu"),
        ({"channel": "relay", "secret": "SECabc"}, "relay has no signing secret"),
        ({"channel": "dingtalk", "target": "abcd1234", "secret": "sealed:x"}, "sealed already"),
        ({"channel": "dingtalk", "target": "sealed:x"}, "not what dingtalk"),
        ({"credential": "a key/with=signs"}, "not a key"),
        ({"target2": "https://x.example"}, "'channel2' is empty"),
        ({"channel2": "sandbox"}, "'sandbox' is named for two ways"),
        ({"owner": "p1", "deputy": "p1"}, "'deputy' is the owner"),
        ({"quota_day": "many"}, "'quota_day' is a whole number"),
        ({"members": "10001"}, "'members' is a whole number"),
    ],
)  # fmt: skip
def test_a_wrong_row_is_refused_with_the_reason_and_without_the_address(
    given: dict[str, str], says: str
) -> None:
    with pytest.raises(WrongRowError) as caught:
        group_of(cells(**given), "示范区", sealed)
    assert says in str(caught.value)
    for secret in ("abcd1234", "SECabc", ROBOT, "groups.example.com"):
        assert secret not in str(caught.value)


EXAMPLES = {
    "wecom_robot": ROBOT, "dingtalk": "abcd1234", "feishu": "abcd1234", "webhook": "https://x.example/in",
    "apprise": "mailtos://post.example.com", "wecom_app": "zhou", "wecom_customer_group": "wrChat0001",
}  # fmt: skip
"""An address on each channel that needs one."""


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_signing_secret_is_taken_by_the_robots_that_sign_and_by_no_other(channel: str) -> None:
    row = cells(channel=channel, target=EXAMPLES.get(channel, ""), secret="SECabc")
    if channel in ("dingtalk", "feishu"):
        assert unseal(group_of(row, "示范区", sealed).secret, KEY) == "SECabc"
    else:
        with pytest.raises(WrongRowError, match=r"no signing secret|reaches persons and no group"):
            group_of(row, "示范区", sealed)


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_person_can_be_told_by_robots_webhooks_apprise_and_apps_and_by_nothing_else(channel: str) -> None:
    text = f"{channel}={EXAMPLES.get(channel, '')} credential=notices"
    if channel in ("sandbox", "relay", "wecom_customer_group"):
        with pytest.raises(WrongRowError) as caught:
            parse_notify(text, sealed)
        listed = str(caught.value).rpartition("channels: ")[2].split(", ")
        assert listed == ["wecom_robot", "dingtalk", "feishu", "webhook", "apprise", "wecom_app"]
    else:
        found = parse_notify(text, sealed)
        assert found is not None and unseal(found.target, KEY) == EXAMPLES[channel]


def test_further_ways_stand_in_order_of_preference() -> None:
    group = group_of(
        cells(channel="relay", channel2="dingtalk", target2="abcd1234", secret2="SECabc",
              channel4="webhook", target4="https://groups.example.com", credential4="property-office",
              quota_day="2", deputy="p2"),
        "示范区", sealed,
    )  # fmt: skip
    assert [x.channel for x in group.ways] == ["relay", "dingtalk", "webhook"]
    assert (unseal(group.also[0].secret, KEY), group.also[1].credential) == ("SECabc", "property-office")
    assert (group.quota_day, group.deputy) == (2, "p2")


def test_every_column_has_a_chinese_name() -> None:
    assert set(GROUP_COLUMNS) == set(GROUP_ALIASES.values())


def test_what_a_file_changes_is_told_field_by_field_and_no_secret() -> None:
    before = [
        group_of(cells(group_id="g1", owner="p1", town="东湖镇"), "示范区", sealed),
        group_of(cells(group_id="g2", channel="dingtalk", target="abcd1234"), "示范区", sealed),
        group_of(cells(group_id="g3"), "示范区", sealed),
        group_of(cells(group_id="g4"), "别处", sealed),
        group_of(cells(group_id="g7", owner="p1", channel="relay"), "示范区", sealed),
    ]
    rows = [
        TableRow(2, cells(group_id="g1", owner="p2")),
        TableRow(3, cells(group_id="g2", channel="dingtalk", target="other567", channel2="relay")),
        TableRow(4, cells(group_id="g5", members="x")),
        TableRow(5, cells(group_id="g6", channel="relay")),
        TableRow(6, cells(group_id="g6")),
        BadRow(7, "'name' is empty"),
        TableRow(8, cells(group_id="g7", owner="p1")),
    ]
    found = plan_groups(rows, {x.group_id: x for x in before}, "示范区", sealed)
    assert found.changes == {
        "g1": [FieldChange("town", "东湖镇", ""), FieldChange("owner", "p1", "p2")],
        "g2": [
            FieldChange("channel", "dingtalk", "dingtalk > relay"),
            FieldChange("target"),
            FieldChange("further ways"),
        ],
        "g7": [FieldChange("channel", "relay", "sandbox")],
    }
    assert ([x.group_id for x in found.new], found.missing) == (["g6"], ["g3"])
    assert [x.line for x in found.refused] == [4, 6, 7]
    assert found.notes == [
        "1 groups lose their channel to the sandbox, which residents do not see: g7 (a table without a "
        "channel column?)",
        "2 groups go out only when their owner taps (relay, wecom_customer_group) and name no owner: g6, g2",
    ]


def test_a_row_that_is_refused_is_not_missing() -> None:
    before = group_of(cells(), "示范区", sealed)
    found = plan_groups([TableRow(2, cells(members="x"))], {"g1": before}, "示范区", sealed)
    assert (found.missing, len(found.refused)) == ([], 1)


def test_people_have_a_duty_a_user_id_and_a_way_to_be_told() -> None:
    row = person(duty="是", station="东湖一所", userid="zhou", notify=f"企业微信机器人={ROBOT}")
    found = person_of(row, "示范区", sealed)
    assert (found.duty, found.userid) == (True, "zhou")
    assert found.notify == Binding(channel="wecom_robot", target=sealed(ROBOT))
    assert parse_notify("dingtalk=abcd1234 secret=SECabc", sealed) == Binding(
        channel="dingtalk", target=sealed("abcd1234"), secret=sealed("SECabc")
    )
    assert parse_notify("wecom_app=zhou credential=notices", sealed) == Binding(
        channel="wecom_app", target="zhou", credential="notices"
    )
    changed = plan_people([TableRow(2, person(role="approver"))], {"p1": found}, "示范区", sealed)
    assert [(x.name, x.after) for x in changed.changes["p1"]] == [
        ("role", "approver"), ("station", ""), ("duty", "no"), ("userid", ""), ("notify", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"duty": "perhaps"}, "'duty' is 'perhaps'"),
        ({"duty": "yes"}, "'station' is empty"),
        ({"notify": "relay"}, "'notify' is channel=address"),
        ({"notify": "webhook=abcd1234"}, "'notify': 'target' is not what webhook needs"),
        ({"notify": "wecom_app=zhou"}, "'notify': wecom_app needs credential=..."),
        ({"notify": "wecom_app=@all credential=notices"}, "not what wecom_app needs: the person's WeCom"),
        ({"notify": "dingtalk=abcd1234 to=x"}, "'notify' is channel=address"),
        ({"role": "boss"}, "known: resident"),
    ],
)
def test_a_wrong_person_is_refused(given: dict[str, str], says: str) -> None:
    with pytest.raises(WrongRowError) as caught:
        person_of(person(**given), "示范区", sealed)
    assert says in str(caught.value) and "abcd1234" not in str(caught.value)

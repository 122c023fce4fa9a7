"""What people decided, as it stands on the desk, becomes labelled examples."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from consumers.judging import shipped_judge
from consumers.learning.district import examples_of_desk, says_no_fraud
from consumers.learning.examples import Example
from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.domain.alert import Action, Alert, AlertId, Origin, PersonId, Role, State
from fenghuo.runtime.room import open_desk
from tests.browser.console_page import settings_at
from tests.support.builders import DISTRICT, NOON, content, unmatched

BAIT = "您好，我是商城客服，您误开了百万保障会员，不取消每月扣费八百元，请打开屏幕共享，我指导您关闭"
OTHER = "尊敬的客户，您的会员即将自动续费两千元，如需关闭请加客服微信，下载会议软件按指引操作"
NOTICE = "【城东水务】明天上午九点至下午四点检修管道，东湖花园停水，请提前储水，咨询可打物业前台。"


@pytest.fixture
async def desk(redis_url: str, namespace: str) -> AsyncIterator[Desk]:
    opened = open_desk(settings_at(redis_url, namespace))
    yield opened
    await opened.client.aclose()


def alert(name: str, state: State, *texts: str, version: int = 1, **changes: Any) -> e.AlertChanged:
    origin = Origin(
        first_report_at=NOON, fraud_type="KEFU", examples=texts, cluster_id=changes.pop("cluster_id", None)
    )
    made = Alert(
        alert_id=AlertId(name), revision=1, version=version, state=state,
        content=content(**changes.pop("content", {})), origin=origin, created_by=PersonId("analyst"),
        created_at=NOON, changed_at=NOON, **changes,
    )  # fmt: skip
    return e.AlertChanged(
        event_id=e.derive_id("changed", name),
        at=NOON,
        alert=made,
        decision_id=name,
        action=Action.APPROVE,
        actor="boss",
        role=Role.APPROVER,
    )


def cluster(name: str, *texts: str, **changes: Any) -> e.ClusterRedrawn:
    made = e.Cluster(
        cluster_id=name, district=DISTRICT, revision=1, first_at=NOON, last_at=NOON, exemplars=texts,
        reports=3, reporters=3, towns=("东湖镇",), danger=50, **changes,
    )  # fmt: skip
    return e.ClusterRedrawn(event_id=e.derive_id("drawn", name), at=NOON, cluster=made)


def corrected(kind: str, other: str) -> e.Correction:
    return e.Correction(
        correction_id=f"{kind}-{other}", at=NOON, kind=kind, actor="analyst", reason="看过", other_id=other,  # type: ignore[arg-type]
        reports=1,
    )  # fmt: skip


async def examples(desk: Desk, *events: e.Event) -> list[Example]:
    await desk.project(events)
    return await examples_of_desk(desk, shipped_judge())


async def test_a_released_alerts_texts_are_bait_of_its_type_with_its_version(desk: Desk) -> None:
    (found,) = await examples(desk, alert("a1", State.COMPLETED, BAIT, version=2))
    assert (found.voice, found.type, found.text, found.matter) == ("bait", "KEFU", BAIT, "fraud")
    assert "a1" in found.kind
    assert "v2" in found.id


async def test_what_was_rejected_or_recalled_as_no_fraud_is_honest_and_for_another_reason_nothing(
    desk: Desk,
) -> None:
    found = await examples(
        desk,
        alert("a1", State.REJECTED, NOTICE, version=0, reason="核实过，不是诈骗，是水务通知"),
        alert("a2", State.RECALLED, BAIT, reason="误报，商城属实"),
        alert("a3", State.REJECTED, OTHER, version=0, reason="与昨天的重复"),
        alert("a4", State.SUBMITTED, OTHER, version=0),
        alert("a5", State.COMPLETED, OTHER, content={"exercise": True}),
    )
    assert [(x.text, x.matter, x.type, x.is_fraud) for x in found] == [
        (NOTICE, "other", "", False),
        (BAIT, "other", "", False),
    ]


async def test_an_alert_that_expired_counts_if_it_was_released(desk: Desk) -> None:
    found = await examples(
        desk,
        alert("a1", State.EXPIRED, BAIT, version=1),
        alert("a2", State.EXPIRED, OTHER, version=0),
    )
    assert [x.text for x in found] == [BAIT]


async def test_what_was_split_off_is_no_example_and_what_was_merged_into_it_is(desk: Desk) -> None:
    found = await examples(
        desk,
        alert("a1", State.APPROVED, BAIT, NOTICE, cluster_id="c1"),
        cluster(
            "c1", BAIT, OTHER, corrections=(corrected("merge", "c2"), corrected("split", "c3"))
        ),
        cluster("c3", NOTICE),
    )  # fmt: skip
    assert {x.text for x in found} == {BAIT, OTHER}


async def test_a_false_alarm_is_nobodys_trouble(desk: Desk) -> None:
    urgent = unmatched("r1", "我已经把钱转给我女儿了，她收到了", stage=e.ScamStage.PAID, stage_by_text=True)
    handled = [
        e.UrgentHandled(event_id=f"h{n}", at=NOON, report_id=report, person_id="li", outcome=outcome)
        for n, (report, outcome) in enumerate(
            [("r1", e.UrgentOutcome.FALSE_ALARM), ("r2", e.UrgentOutcome.STOPPED)]
        )
    ]
    other = unmatched("r2", "我刚给骗子转了两万", stage=e.ScamStage.PAID)
    (found,) = await examples(desk, urgent, other, *handled)
    assert found.text.startswith("我已经把钱转给我女儿")
    assert (found.stage, found.matter, found.is_fraud) == ("received", "other", False)


async def test_the_same_desk_gives_the_same_examples_each_text_once(desk: Desk) -> None:
    events = [alert("a2", State.APPROVED, BAIT, BAIT), alert("a1", State.APPROVED, BAIT, OTHER)]
    first = await examples(desk, *events)
    assert [x.text for x in first] == [BAIT, OTHER]
    assert first == await examples(desk, *reversed(events))


def test_a_reason_says_no_fraud_in_the_words_that_people_use() -> None:
    said = ["不是诈骗", "核实为正规活动", "银行确认属实", "误报", "not a scam"]
    assert [x for x in said if not says_no_fraud(x)] == []
    other = ["不属实", "不正规的机构", "重复", "措辞不当", "", None]
    assert [x for x in other if says_no_fraud(x)] == []

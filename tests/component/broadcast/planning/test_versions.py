"""An alert's versions, its completion and shares, on a real Redis: who gets what, and when all have it."""

from datetime import UTC, datetime, timedelta

import pytest

from broadcast.channels.base import SendResult, SendStatus
from fenghuo import clock
from fenghuo.desk.warning_counts import held_back_groups, receiver
from fenghuo.domain import events as e
from fenghuo.domain.alert import SYSTEM, Action, AlertId, Audience, Role
from fenghuo.domain.alert_lifecycle import decide
from fenghuo.domain.events import DeliveryState as State
from fenghuo.domain.routing import route
from fenghuo.domain.taps import Tappers
from fenghuo.domain.warning_quotas import LimitReason, Limits
from fenghuo.errors import Transient
from fenghuo.settings import Settings
from tests.support.builders import DISTRICT, NOON, content, draft, group, person_changed, place, settings
from tests.support.scripted_channels import CUSTOMERS, BroadcastHarness, Scripted, ScriptedTasks, room, wanted

ALERT = AlertId("a1")
FROZEN = Audience(district=DISTRICT, frozen="digest")
OFFICER = e.Person(person_id="wang", name="wang", role=Role.OFFICER, district=DISTRICT)
LIMITS = Limits(per_day=2, per_week=4, platform_month=6, reserve=2)


@pytest.fixture
def told(redis_url: str, namespace: str) -> Settings:
    return settings(redis_url=redis_url, namespace=namespace, retry_base_s=0.01, quiet_from=0, quiet_to=0)


async def freeze(here: BroadcastHarness, *group_ids: str) -> None:
    frozen = e.AudienceFrozen(
        event_id="frozen", at=clock.now(), alert_id=ALERT, digest="digest", group_ids=group_ids
    )
    await here.desk.project([frozen])


def receipt(group_id: str, state: State, **changes: object) -> e.ReceiptRecorded:
    fields: dict[str, object] = {
        "alert_id": ALERT, "version": 1, "kind": "warning", "channel": "relay", "attempt": 1,
        "at": clock.now(),
    } | changes  # fmt: skip
    told = "|".join(str(x) for x in (group_id, state, *changes.values()))
    return e.ReceiptRecorded(  # type: ignore[arg-type]
        event_id=e.derive_id(told), delivery_id=f"d-{group_id}", group_id=group_id, state=state, **fields
    )


def planned(groups: int, version: int = 1) -> e.DeliveriesPlanned:
    return e.DeliveriesPlanned(
        event_id=f"planned-{version}", at=NOON, alert_id=ALERT, version=version, kind="warning", groups=groups
    )


def to(events: list[e.Event]) -> dict[str, tuple[int, str]]:
    """(version, kind) by group of the deliveries among ``events``."""
    return {x.group_id: (x.version, x.kind) for x in events if isinstance(x, e.DeliveryRequested)}


async def completed(here: BroadcastHarness, *events: e.Event) -> bool:
    """Whether the outcome stage asks for the completion on these; they are on the desk afterwards."""
    outcome = await here.completion.on_receipts_recorded(list(events))
    await here.desk.project(events)
    return any(isinstance(x, e.DecisionMade) for x in outcome.events)


async def test_an_update_goes_to_the_frozen_groups_and_to_those_who_have_the_older_version(
    told: Settings,
) -> None:
    hook = Scripted("webhook")
    async with room(told, hook) as here:
        await here.know(*(group(n, channel="webhook", target="u") for n in range(5)))
        await freeze(here, "g0000", "g0001")
        await here.deliver(await here.release(audience=FROZEN))
        assert hook.groups == ["g0000", "g0001"]
        second = e.AudienceFrozen(
            event_id="f2", at=clock.now(), alert_id=ALERT, digest="second", group_ids=("g0001", "g0002")
        )
        await here.desk.project([second])
        audience = Audience(district=DISTRICT, frozen="second")
        asked = await here.release("updated", version=2, audience=audience)
        assert to(asked) == dict.fromkeys(("g0000", "g0001", "g0002"), (2, "warning"))
        assert await here.desk.deliveries.planned_count(ALERT, 2) == 3
        await here.deliver(asked)
        assert set((await here.states(2)).values()) == {State.SHOWN}


async def test_a_release_waits_for_its_frozen_groups(told: Settings) -> None:
    async with room(told, Scripted("webhook")) as here:
        await here.know(group(1, channel="webhook", target="u"))
        with pytest.raises(Transient, match="audience"):
            await here.release(audience=FROZEN)


async def test_nothing_of_the_older_version_leaves_after_the_update(told: Settings) -> None:
    ding, hook = Scripted("dingtalk", idempotent=False), Scripted("webhook")
    hook.answer = lambda _m: SendResult(SendStatus.RETRY, "HTTP 503")
    async with room(told, ding, hook) as here:
        await here.know(
            group(1, channel="dingtalk", target="t"),
            group(2, channel="webhook", target="u"),
            group(3, channel="relay", owner=OFFICER.person_id),
        )
        await here.desk.project([person_changed(OFFICER)])
        first = {x.group_id: x for x in await here.release() if isinstance(x, e.DeliveryRequested)}
        await here.deliver([first["g0002"]])
        await here.desk.project([receipt("g0003", State.WAITING)])
        assert to(await here.release("updated", version=2)) == dict.fromkeys(
            ("g0001", "g0002", "g0003"), (2, "warning")
        )
        asked = len(hook.asked)
        await here.hurry()
        await here.deliver([first["g0001"], first["g0002"], *await here.retry()])
        assert (len(ding.asked), len(hook.asked)) == (0, asked)
        assert set((await here.states(1)).values()) == {State.SUPERSEDED}


async def test_who_turns_out_to_have_the_older_version_gets_the_newer(told: Settings) -> None:
    async with room(told, Scripted("webhook")) as here:
        await here.know(*(group(n, channel="webhook", target="u") for n in range(3)))
        await freeze(here, "g0001")
        await here.release(audience=FROZEN)
        await here.release("updated", version=2, audience=FROZEN)
        late = [receipt("g0001", State.SHOWN), receipt("g0002", State.SHOWN)]
        await here.desk.project(late)
        owed = await here.owed(late)
        assert to(owed) == {"g0002": (2, "warning")}, "the other has it asked for already"
        assert to(await here.owed(late)) == {}


@pytest.mark.parametrize("state", [State.SHOWN, State.ACCEPTED, State.UNKNOWN])
async def test_who_turns_out_to_have_what_was_recalled_gets_the_correction(
    told: Settings, state: State
) -> None:
    async with room(told, Scripted("webhook")) as here:
        await here.know(group(1, channel="webhook", target="u"), group(2, channel="webhook", target="u"))
        await here.release()
        assert await here.release("recalled") == []
        late = [
            receipt("g0001", state, channel="webhook"),
            receipt("g0002", State.REFUSED, channel="webhook"),
        ]
        await here.desk.project(late)
        assert to(await here.owed(late)) == {"g0001": (1, "correction")}
        assert to(await here.owed(late)) == {}


async def test_a_late_receipt_of_an_exercise_goes_no_further_than_the_sandbox(told: Settings) -> None:
    async with room(told, Scripted("sandbox")) as here:
        await here.know(group(1, channel="webhook", target="u"))
        await freeze(here)
        exercise = {"exercise": True, "audience": FROZEN}
        await here.release(**exercise)
        await here.release("updated", version=2, **exercise)
        (asked,) = wanted(await here.owed([receipt("g0001", State.SHOWN, channel="sandbox")]))
        assert isinstance(asked, e.DeliveryRequested) and asked.channel == "sandbox"


async def test_what_expired_owes_nobody_anything(told: Settings) -> None:
    async with room(told, Scripted("webhook")) as here:
        await here.know(group(1, channel="webhook", target="u"))
        await here.release()
        await here.release("expired")
        assert wanted(await here.owed([receipt("g0001", State.SHOWN)])) == []


async def test_it_is_complete_when_as_many_groups_as_were_planned_are_settled(told: Settings) -> None:
    async with room(told) as here:
        await here.desk.project([planned(3)])
        assert not await completed(here, receipt("g1", State.SHOWN), receipt("g2", State.RETRYING))
        assert not await completed(here, receipt("g2", State.WAITING, attempt=2))
        assert not await completed(here, receipt("g2", State.REFUSED, attempt=2))
        assert await completed(here, receipt("g3", State.UNKNOWN))


async def test_receipts_that_come_again_count_once(told: Settings) -> None:
    async with room(told) as here:
        await here.desk.project([planned(3)])
        first = receipt("g1", State.SHOWN)
        for _ in range(5):
            assert not await completed(here, first, first, receipt("g2", State.REFUSED))
        assert await completed(here, receipt("g3", State.SHOWN))
        assert await completed(here, first), "and it may be asked for again: the order is the same"


async def test_a_plan_that_comes_after_its_receipts_completes(told: Settings) -> None:
    async with room(told) as here:
        assert not await completed(here, receipt("g1", State.SHOWN), receipt("g2", State.SHOWN))
        assert await completed(here, planned(2))
    async with room(told.model_copy(update={"namespace": f"{told.namespace}b"})) as here:
        assert await completed(here, receipt("g1", State.SHOWN), planned(1))
        assert await completed(here, planned(0, version=2)), "nobody is left to be warned"


async def test_a_tap_that_was_taken_back_is_not_settled_whatever_comes_again(told: Settings) -> None:
    async with room(told) as here:
        await here.desk.project([planned(2)])
        tapped = receipt("g1", State.SHOWN, by="anna", cause="tap")
        undone = receipt("g1", State.WAITING, by="anna", cause="undo", word=1)
        other = receipt("g2", State.SHOWN)
        assert not await completed(here, tapped)
        assert not await completed(here, undone)
        assert not await completed(here, other)
        assert not await completed(here, tapped), "an old word that comes again"
        assert not await completed(here, tapped, undone, other)
        assert (await here.states())["g1"] is State.WAITING
        assert await completed(here, receipt("g1", State.SHOWN, by="anna", cause="tap", word=2))


async def test_a_tap_and_its_undo_in_one_batch_are_not_settled(told: Settings) -> None:
    async with room(told) as here:
        await here.desk.project([planned(1)])
        assert not await completed(here, receipt("g1", State.SHOWN), receipt("g1", State.WAITING, word=1))


async def had(
    here: BroadcastHarness, group_id: str, count: int, day: datetime, channel: str = "webhook", **more: str
) -> None:
    """So many warnings of other alerts reached the group on ``day``."""
    await here.desk.project(
        receipt(group_id, State.SHOWN, at=day, channel=channel, alert_id=AlertId(f"b{day.day}-{n}"), **more)
        for n in range(count)
    )


async def held(
    here: BroadcastHarness, *groups: e.Group, severity: str = "severe", override: str = ""
) -> dict[str, LimitReason]:
    approved = content(channels=("webhook", "dingtalk", CUSTOMERS))
    return await held_back_groups(
        here.desk, [receiver(x, route(x, approved, Tappers({})).channel) for x in groups], alert_id="a1",
        severity=severity, override=override, limits=LIMITS, now=NOON,
    )  # fmt: skip


async def test_shares_are_counted_over_days_in_china(told: Settings) -> None:
    one, two, three, four = (group(n, channel="webhook", target="u") for n in range(1, 5))
    late = datetime(2026, 3, 8, 16, 30, tzinfo=UTC)  # half past midnight of NOON's day in China
    async with room(told) as here:
        await had(here, "g0001", 2, NOON)
        await had(here, "g0002", 1, NOON)
        await had(here, "g0002", 1, late)
        for days in range(1, 5):
            await had(here, "g0003", 1, NOON - timedelta(days=days))
        await had(here, "g0004", 2, late - timedelta(hours=1))
        await had(here, "g0004", 5, NOON - timedelta(days=7))
        found = await held(here, one, two, three, four)
        assert found == {"g0001": LimitReason.DAY, "g0002": LimitReason.DAY, "g0003": LimitReason.WEEK}
        assert await held(here, one, two, three, four, override="正在转账") == {}
        assert await held(here, one, severity="moderate", override="正在转账") == {"g0001": LimitReason.DAY}
        roomy = group(1, channel="webhook", target="u", quota_day=3)
        assert await held(here, roomy) == {}


async def test_an_alerts_own_warnings_and_corrections_are_no_share(told: Settings) -> None:
    async with room(told) as here:
        await here.desk.project(
            [
                *(receipt("g0001", State.SHOWN, at=NOON, version=n, channel="webhook") for n in (1, 2, 3)),
                *(
                    receipt("g0001", State.SHOWN, at=NOON, kind="correction", alert_id=AlertId(f"c{n}"))
                    for n in range(3)
                ),
            ]
        )
        assert await held(here, group(1, channel="webhook", target="u")) == {}


async def test_an_exercise_is_no_share(told: Settings) -> None:
    """Three exercises in a morning must not keep back the real warning of the afternoon."""
    drill = decide(None, draft(content=content(exercise=True), alert_id="b9-0"), findings=(), reach=(1, 1))
    changed = e.AlertChanged(
        event_id="drill", at=NOON, alert=drill, decision_id="d", action=Action.DRAFT, actor=SYSTEM,
        role=Role.SYSTEM,
    )  # fmt: skip
    async with room(told) as here:
        await had(here, "g0001", 2, NOON)
        assert await held(here, group(1, channel="webhook", target="u")) == {"g0001": LimitReason.DAY}
        await here.desk.project([changed])
        assert await held(here, group(1, channel="webhook", target="u")) == {}


async def test_a_platform_counts_everything_of_its_month_and_nothing_lifts_it(told: Settings) -> None:
    full, reserve, free = (group(n, channel=CUSTOMERS, target=f"wr{n}", owner="o") for n in (1, 2, 3))
    async with room(told) as here:
        for days in range(6):
            kind = "correction" if days % 2 else "warning"
            await had(here, "g0001", 1, NOON - timedelta(days=days), CUSTOMERS, kind=kind)
        for days in range(4):
            await had(here, "g0002", 1, NOON - timedelta(days=days), CUSTOMERS, kind="correction")
        await had(here, "g0003", 6, NOON - timedelta(days=10), CUSTOMERS)
        assert await held(here, full, reserve, free, override="正在转账") == {"g0001": LimitReason.PLATFORM}
        assert await held(here, full, reserve, free, severity="moderate") == {
            "g0001": LimitReason.PLATFORM,
            "g0002": LimitReason.RESERVE,
        }


async def test_a_platforms_limit_leads_to_the_next_way_and_the_groups_own_does_not(told: Settings) -> None:
    """A group whose platform takes no more may have had its own share as well."""
    also = (e.Binding(channel="dingtalk", target="t"),)
    tight = told.model_copy(
        update={"customer_group_month": 2, "customer_group_reserve": 0, "warnings_a_day": 2, "quiet_from": 0}
    )
    ding = Scripted("dingtalk", idempotent=False)
    async with room(tight, ding, tasks=ScriptedTasks()) as here:
        await here.know(*(group(n, channel=CUSTOMERS, target=f"wr{n}", owner="o", also=also) for n in (1, 2)))
        now = clock.now()
        await had(here, "g0001", 2, now, CUSTOMERS, kind="correction")
        await had(here, "g0002", 2, now, CUSTOMERS)
        asked = await here.release()
        await here.deliver(asked)
        assert await here.states() == {"g0001": State.SHOWN, "g0002": State.REFUSED}
        rows = await here.desk.deliveries.ledger(ALERT, 1)
        assert (rows["g0001"].channel, rows["g0002"].reason) == ("dingtalk", "held back: day")
        assert await here.desk.deliveries.planned_count(ALERT, 1) == 2
    assert ding.groups == ["g0001"]


async def test_an_update_and_a_correction_go_to_groups_that_have_had_their_share(told: Settings) -> None:
    hook = Scripted("webhook")
    async with room(told.model_copy(update={"warnings_a_day": 1}), hook) as here:
        await here.know(group(1, channel="webhook", target="u", place=place()))
        await here.deliver(await here.release())
        await had(here, "g0001", 3, clock.now())
        await here.deliver(await here.release("updated", version=2))
        await here.deliver(await here.release("recalled", version=2))
    assert hook.times == {("g0001", "warning"): 2, ("g0001", "correction"): 1}


async def test_a_correction_is_the_text_that_was_approved_with_the_version(told: Settings) -> None:
    hook = Scripted("webhook")
    async with room(told, hook) as here:
        await here.know(group(1, channel="webhook", target="u"))
        await here.deliver(await here.release())
        await here.deliver(await here.release("recalled", correction="【更正】请忽略。"))
    assert [x.text.startswith("【更正】请忽略。") for x in hook.asked] == [False, True]

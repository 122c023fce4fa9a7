"""The two stories of the design, from the report to the wall, on both transports with real servers."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from fenghuo import clock
from fenghuo.commands.rebuild import drop_desk, fold_again
from fenghuo.demo.district import KNOWN, NOVEL, SIGHTING, everyday
from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.domain.alert import Action, Alert, Role, State
from fenghuo.settings import Settings
from tests.support.builders import DISTRICT, group, order, place, report, settings
from tests.support.rooms_in_process import RunningRooms, running_rooms, seen_hash
from tests.support.waiting import until

GROUPS = 60
PARCEL = (
    "您好，您寄往边境的木箱里查出违禁药品，已经立案，请马上添加经办人 zhang_liaison9 说明情况，否则冻结账户。"
)
OTHERS = (
    "【宠物认领】您走失的猫被好心人送到临江站，请先到 mao.example.com 交寄养押金 300 元，逾期送外地。",
    "【宠物认领】您家走失的猫被好心人送到了临江站，请先到 mao2.example.com 交寄养押金 500 元，逾期送往外地。",
    "各位车友，卫星导航年费到期，今晚前在 nav.example.net 补交 80 元并填卡号，否则行车记录被清空。",
)


@pytest.fixture(params=["redis", "kafka"])
def in_force(request: pytest.FixtureRequest, redis_url: str, namespace: str) -> Settings:
    kafka = request.getfixturevalue("kafka_bootstrap") if request.param == "kafka" else ""
    return settings(
        broker=request.param, redis_url=redis_url, kafka_servers=kafka, namespace=namespace,
        kafka_session_timeout_s=6, retry_base_s=0.2, surge_false_alarm=0.02, quiet_from=0, quiet_to=0,
    )  # fmt: skip


@pytest.fixture
async def running(in_force: Settings) -> AsyncIterator[RunningRooms]:
    async with running_rooms(in_force) as running:
        await running.add_groups([group(n, place=place(f"镇{n % 4}")) for n in range(GROUPS)], clock.now())
        yield running


async def send(running: RunningRooms, *texts: str, prefix: str = "n") -> list[str]:
    reports = [
        report(
            f"{prefix}{n}",
            text,
            place=place(f"镇{n}", f"g{n:04d}"),
            at=clock.now() + timedelta(milliseconds=n),
        )
        for n, text in enumerate(texts)
    ]
    await running.producers.publish(reports)
    return [x.report_id for x in reports]


async def the_draft(running: RunningRooms) -> Alert:
    return (await until(running.desk.alerts.all, what="the draft"))[0]


async def approved(running: RunningRooms, draft: Alert) -> None:
    now = clock.now()
    wanted = {"alert_id": draft.alert_id, "at": now}
    assert await running.decide(order(Action.SUBMIT, **wanted)) == ("ok", "")
    seen = {"seen_hash": await seen_hash(running.desk, draft.alert_id)}
    assert await running.decide(order(Action.APPROVE, "boss", Role.APPROVER, **wanted, **seen)) == ("ok", "")


async def in_state(running: RunningRooms, alert_id: str, state: State) -> Alert:
    async def look() -> Alert | None:
        alert = await running.desk.alerts.get(alert_id)
        return alert if alert and alert.state is state else None

    found = await until(look, what=f"{alert_id} {state}")
    assert found is not None
    return found


async def wall(desk: Desk, kind: str) -> dict[str, list[str]]:
    """What each group's wall shows of ``kind``: the texts."""
    shown: dict[str, list[str]] = {}
    for n in range(GROUPS):
        messages = await desk.client.hvals(desk.keys.wall(f"g{n:04d}"))
        shown[f"g{n:04d}"] = [m["text"] for m in map(json.loads, messages) if m["kind"] == kind]
    return shown


async def answered(running: RunningRooms, report_id: str, *words: str) -> str:
    async def look() -> str | None:
        views = await running.desk.reports.get_many([report_id])
        answer = views[0].answer if views else None
        return answer if answer and all(word in answer for word in words) else None

    return await until(look, what=f"an answer with {words}") or ""


async def test_a_known_scam_is_answered_and_a_surge_of_it_drafts_an_alert(running: RunningRooms) -> None:
    first, *_ = await send(running, KNOWN, KNOWN, KNOWN, KNOWN, prefix="k")
    assert "诈骗" in await answered(running, first)
    draft = await the_draft(running)
    assert (draft.state, draft.content.severity) == (State.DRAFT, "severe")
    assert draft.origin.pattern_id is not None
    counted = draft.origin.reports

    async def sighted() -> bool:
        return counted + len(await running.desk.alerts.sightings(draft.alert_id)) == 4

    assert counted >= 3
    assert await until(sighted, what="each further report as a sighting")
    assert len(await running.desk.alerts.all()) == 1


async def test_a_new_variant_becomes_a_warning_in_every_group_once(running: RunningRooms) -> None:
    await send(running, *[everyday(n) for n in range(20)], prefix="everyday")
    reports = await send(running, *NOVEL)
    draft = await the_draft(running)
    assert (draft.findings, draft.reach_groups, draft.reach_residents) == ((), GROUPS, GROUPS * 100)
    await approved(running, draft)
    await known_everywhere(running, SIGHTING)
    done = await in_state(running, draft.alert_id, State.COMPLETED)
    texts = await wall(running.desk, "warning")
    assert all(len(x) == 1 for x in texts.values())
    assert all(done.content.text in x[0] and "核验码" in x[0] for x in texts.values())
    for report_id in reports:
        await answered(running, report_id, "预警已发到各群")
    more = await send(running, SIGHTING, prefix="later")
    assert "诈骗" in await answered(running, more[0])
    sightings = await until(lambda: running.desk.alerts.sightings(draft.alert_id), what="the sighting")
    assert [x.report_id for x in sightings] == more
    assert len(await running.desk.alerts.all()) == 1


async def test_a_recall_sends_the_correction_to_those_who_have_the_warning(running: RunningRooms) -> None:
    await send(running, *NOVEL)
    draft = await the_draft(running)
    await approved(running, draft)
    await in_state(running, draft.alert_id, State.COMPLETED)
    recall = order(
        Action.RECALL, "boss", Role.APPROVER, alert_id=draft.alert_id, at=clock.now(), reason="核实有误"
    )
    assert await running.decide(recall) == ("ok", "")
    await known_everywhere(running, NOVEL[0], known=False)

    async def all_corrected() -> bool:
        return all(len(x) == 1 for x in (await wall(running.desk, "correction")).values())

    assert await until(all_corrected, what="the correction in every group")
    later, *_ = await send(running, NOVEL[0], prefix="later")
    await answered(running, later, "很像")


async def test_an_update_that_a_second_person_approved_reaches_every_group_once(
    running: RunningRooms,
) -> None:
    await send(running, *NOVEL)
    draft = await the_draft(running)
    await approved(running, draft)
    done = await in_state(running, draft.alert_id, State.COMPLETED)
    now = clock.now()
    wanted = {"alert_id": draft.alert_id, "at": now}
    later = replace(done.content, text=done.content.text[:200] + "新手法：还会要求共享屏幕。")
    assert await running.decide(order(Action.UPDATE, content=later, **wanted)) == ("ok", "")
    assert await running.decide(order(Action.SUBMIT_UPDATE, **wanted)) == ("ok", "")
    seen = {"seen_hash": await seen_hash(running.desk, draft.alert_id)}
    own = order(Action.APPROVE_UPDATE, role=Role.APPROVER, **wanted, **seen)
    assert (await running.decide(own))[0] == "wrong_role"
    approve = order(Action.APPROVE_UPDATE, "boss", Role.APPROVER, **wanted, **seen)
    assert await running.decide(approve) == ("ok", "")
    again = await in_state(running, draft.alert_id, State.COMPLETED)
    assert (again.version, again.update) == (2, None)
    texts = await wall(running.desk, "warning")
    assert all(sum("共享屏幕" in text for text in x) == 1 for x in texts.values())


async def test_the_same_decision_twice_is_one_and_a_stale_page_is_refused(running: RunningRooms) -> None:
    await send(running, *NOVEL)
    draft = await the_draft(running)
    submit = order(Action.SUBMIT, alert_id=draft.alert_id, at=clock.now())
    assert await running.decide(submit) == ("ok", "")
    assert await running.decide(submit) == ("ok", "")
    stale = order(
        Action.APPROVE,
        "boss",
        Role.APPROVER,
        alert_id=draft.alert_id,
        at=clock.now(),
        seen_hash="of another text",
    )
    code, _ = await running.decide(stale)
    assert code == "stale"
    assert (await in_state(running, draft.alert_id, State.SUBMITTED)).revision == 2


async def known_everywhere(running: RunningRooms, text: str, *, known: bool = True) -> None:
    """Return once the matcher in force knows the text (or no longer), two seconds after the decision at the
    latest."""
    library = running.rooms["consumers"].follows[0].apply.__self__  # type: ignore[attr-defined]

    async def look() -> bool:
        return bool((library.match([text])[0][0].band == "known") is known)

    await until(look, within_s=2, what="the pattern in force")


async def correct(running: RunningRooms, **said: Any) -> tuple[str, str]:
    """What came of a person's word on clusters."""
    wanted = e.ClusterCorrected(at=clock.now(), district=DISTRICT, actor="zhao", reason="核对过", **said)
    await running.console.publish([wanted])
    return await until(lambda: running.desk.order_outcomes.get(wanted.event_id), what=f"the {wanted.kind}")


async def cluster_of(running: RunningRooms, report_id: str) -> str:
    async def look() -> str | None:
        views = await running.desk.reports.get_many([report_id])
        return views[0].cluster_id if views else None

    return await until(look, what=f"the cluster of {report_id}") or ""


async def corrected(running: RunningRooms) -> list[str]:
    """Two reports of one scam and one of another that a person says is the same; the reports."""
    reports = [*await send(running, *NOVEL[:2]), *await send(running, PARCEL, prefix="p")]
    first, _, other = [await cluster_of(running, x) for x in reports]
    assert await correct(running, event_id="m1", kind="merge", cluster_id=first, other_id=other) == ("ok", "")
    assert {await cluster_of(running, x) for x in reports} == {first}
    return reports


async def test_those_whose_cluster_a_person_merged_are_told_of_the_warning_too(running: RunningRooms) -> None:
    reports = await corrected(running)
    draft = await the_draft(running)
    assert draft.origin.reports == 3
    await approved(running, draft)
    await known_everywhere(running, PARCEL)
    await in_state(running, draft.alert_id, State.COMPLETED)
    for report_id in reports:
        await answered(running, report_id, "预警已发到各群")
    (later,) = await send(running, PARCEL, prefix="later")
    assert "诈骗" in await answered(running, later)


async def desk_dump(desk: Desk) -> dict[str, object]:
    """Everything on the desk, comparable."""
    found: dict[str, object] = {}
    async for key in desk.client.scan_iter(match=desk.keys.desk + "*"):
        kind = (await desk.client.type(key)).decode()
        if kind == "hash":
            found[key.decode()] = await desk.client.hgetall(key)
        elif kind == "zset":
            found[key.decode()] = dict(await desk.client.zrange(key, 0, -1, withscores=True))
        elif kind == "set":
            found[key.decode()] = await desk.client.smembers(key)
        else:
            found[key.decode()] = await desk.client.get(key)
    return found


async def test_the_desk_rebuilt_from_the_events_equals_the_live_one(in_force: Settings) -> None:
    async with running_rooms(in_force) as running:
        await running.add_groups([group(n, place=place(f"镇{n % 4}")) for n in range(GROUPS)], clock.now())
        await send(running, KNOWN, *[everyday(n) for n in range(5)], *NOVEL)
        draft = await the_draft(running)
        await approved(running, draft)
        await in_state(running, draft.alert_id, State.COMPLETED)
        first, second, third = await send(running, *OTHERS, prefix="o")
        one = await cluster_of(running, first)
        said = {"cluster_id": one, "other_id": await cluster_of(running, third)}
        assert await correct(running, event_id="m1", kind="merge", **said) == ("ok", "")
        said = {"cluster_id": one, "report_ids": (second,)}
        assert await correct(running, event_id="s1", kind="split", **said) == ("ok", "")
        assert await cluster_of(running, second) == "c-s1"
        words = [("w1", e.UrgentOutcome.STOPPED), ("w2", e.UrgentOutcome.FALSE_ALARM)]
        for key, outcome in words:
            handled = e.UrgentHandled(
                event_id=key, at=clock.now(), report_id=first, person_id="zhao", outcome=outcome
            )
            await running.console.publish([handled])
            await until(lambda key=key: running.desk.order_outcomes.get(key), what=f"{key} on the desk")
        for room in running.rooms.values():
            await room.transport.stop()
        live = await desk_dump(running.desk)
        await drop_desk(running.desk)
        assert await desk_dump(running.desk) == {}
        counts = await fold_again(running.desk, running.console)
        assert counts["reports.received"] == 12
        assert await desk_dump(running.desk) == live

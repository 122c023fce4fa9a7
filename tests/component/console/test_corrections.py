"""What a person says of clusters, from the button to where the next report goes; the real consumers do it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from fenghuo import clock
from fenghuo.domain.events import Cluster, ClusterCorrected, Event
from tests.browser.console_page import Opened, console_at, settings_at
from tests.browser.scenes import every_state as d
from tests.support.builders import place, unmatched
from tests.support.rooms_in_process import RunningRooms, running_rooms
from tests.support.waiting import until

LICENCE = (
    "【市场监督】尊敬的法人，您的企业法人信息已到期，请于今日内登录网站更新，逾期将吊销营业执照。",
    "【市场监督】尊敬的法人，您的企业法人信息已到期，请于今日内回电更新，逾期将吊销营业执照。",
)
PARCEL = "您好，您寄往新疆的包裹里被查出违禁药品，海关已立案，请马上联系刘干事做笔录，否则冻结名下账户。"
WHY = "回电的是另一伙人，链接没有。"


@dataclass(slots=True)
class District:
    """A console and, where a test lets reports come in, the consumers behind it."""

    console: Opened
    running: RunningRooms | None = None
    reports: int = 0

    async def report(self, text: str, reporter: str = "", **changes: Any) -> str:
        """The id of a report that has found its cluster."""
        assert self.running is not None
        self.reports += 1
        report_id = f"r{self.reports}"
        fields = {"at": clock.now(), "place": place(f"镇{self.reports}")} | changes
        event = unmatched(report_id, text, reporter, **fields)
        await self.running.desk.project([event])
        await self.running.rooms["consumers"].transport.publish([event])
        await until(lambda: self.cluster_of(report_id), what=f"{report_id} in a cluster")
        return report_id

    async def cluster_of(self, report_id: str) -> str | None:
        views = await self.console.room.desk.reports.get_many([report_id])
        return views[0].cluster_id if views else None

    async def cluster(self, cluster_id: str) -> Cluster:
        found = await self.console.room.desk.clusters.get(cluster_id)
        assert found is not None
        return found

    async def page(self, path: str) -> str:
        answer = await self.console.client.get(path)
        assert answer.status_code == 200, path
        return answer.text

    async def say(self, cluster_id: str, kind: str, **fields: Any) -> httpx.Response:
        """Press the button on the cluster's page as it is now."""
        path = f"/clusters/{cluster_id}/{kind}"
        self.console.later()
        form = await self.console.form(f"/clusters/{cluster_id}", path)
        return await self.console.post(path, form | {"reason": WHY} | fields)


@pytest.fixture
async def district(redis_url: str, namespace: str) -> AsyncIterator[District]:
    async with (
        console_at(redis_url, namespace, deciding=False) as console,
        running_rooms(settings_at(redis_url, namespace), "consumers") as running,
    ):
        await running.desk.project(d.people(clock.now()))
        await console.issue_password(*d.PEOPLE)
        await console.log_in("ana")
        yield District(console, running)


@pytest.fixture
async def mixed(district: District) -> tuple[District, str]:
    """A cluster of five reports, the last two of which are another thing."""
    for text in (LICENCE[0], LICENCE[0], LICENCE[0], LICENCE[1], LICENCE[1]):
        await district.report(text)
    cluster_id = await district.cluster_of("r1")
    assert cluster_id is not None
    assert (await district.cluster(cluster_id)).reports == 5
    return district, cluster_id


@pytest.fixture
async def seeded(redis_url: str, namespace: str) -> AsyncIterator[District]:
    """Three clusters as the consumers would have left them: five reports here, two there, one elsewhere."""
    now = clock.now()
    reports = [x for n in range(1, 9) for x in d.report(n, now, LICENCE[0])]
    clusters = [
        *d.cluster("c-here", [now] * 5, 1),
        *d.cluster("c-there", [now] * 2, 6),
        *d.cluster("c-elsewhere", [now], 8, district="邻区"),
    ]
    async with console_at(redis_url, namespace, deciding=False) as console:
        await console.room.desk.project([*d.people(now), *reports, *clusters])
        await console.issue_password(*d.PEOPLE)
        await console.log_in("ana")
        yield District(console)


def noting(district: District, monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """What the console publishes, seen on its way to the broker."""
    seen: list[Event] = []
    transport = district.console.room.transport
    publish = transport.publish

    async def note(events: list[Event]) -> None:
        seen.extend(events)
        await publish(events)

    monkeypatch.setattr(transport, "publish", note)
    return seen


async def test_ticked_reports_become_a_cluster_and_the_next_one_goes_there(
    mixed: tuple[District, str],
) -> None:
    district, cluster_id = mixed
    answer = await district.say(cluster_id, "split", report=["r4", "r5"])
    assert answer.status_code == 303
    page = await district.page(answer.headers["location"])
    other_id = await district.cluster_of("r4")
    assert other_id not in {None, cluster_id}
    assert "已分成两条线索" in page
    assert f'href="/clusters/{other_id}"' in page
    for text in (page, await district.page(f"/clusters/{other_id}")):
        assert WHY in text
        assert "安静" in text
        assert "认定不是一件事的线索" in text
    assert "从另一条线索分出，共 2 条上报" in await district.page(f"/clusters/{other_id}")
    assert f'href="/clusters/{cluster_id}"' in await district.page(f"/clusters/{other_id}")
    again = await district.report(LICENCE[1])
    assert await district.cluster_of(again) == other_id
    first = await district.report(LICENCE[0])
    assert await district.cluster_of(first) == cluster_id


async def test_two_clusters_become_one_and_old_links_lead_to_it(mixed: tuple[District, str]) -> None:
    district, cluster_id = mixed
    for _ in range(2):
        await district.report(PARCEL)
    gone_id = await district.cluster_of("r6")
    page = await district.page(f"/clusters/{cluster_id}")
    assert f'name="other" value="{gone_id}"' in page
    answer = await district.say(cluster_id, "merge", other=gone_id)
    page = await district.page(answer.headers["location"])
    assert "已合并为一条线索" in page
    assert "并入另一条线索的 2 条上报" in page
    old = await district.console.client.get(f"/clusters/{gone_id}")
    assert (old.status_code, old.headers["location"]) == (303, f"/clusters/{cluster_id}?from={gone_id}")
    assert "你打开的线索已并入这一条" in await district.page(old.headers["location"])
    draft = await district.console.client.get(f"/clusters/{gone_id}/draft")
    assert draft.headers["location"] == f"/clusters/{cluster_id}/draft"
    assert f"/clusters/{cluster_id}" in await district.page(f"/queue?show=cluster:{gone_id}")
    again = await district.report(PARCEL)
    assert await district.cluster_of(again) == cluster_id
    assert (await district.cluster(cluster_id)).reports == 8


async def test_a_double_press_is_one_correction(mixed: tuple[District, str]) -> None:
    district, cluster_id = mixed
    path = f"/clusters/{cluster_id}/split"
    form = await district.console.form(f"/clusters/{cluster_id}", path) | {"reason": WHY, "report": ["r4"]}
    pressed = await asyncio.gather(*[district.console.post(path, form) for _ in range(3)])
    late = await district.console.post(path, form)
    said = f"/clusters/{cluster_id}?said={form['decision_id']}"
    assert {(x.status_code, x.headers["location"]) for x in (*pressed, late)} == {(303, said)}
    cluster = await district.cluster(cluster_id)
    assert (cluster.reports, len(cluster.corrections)) == (4, 1)


async def test_the_second_of_two_people_is_told_who_was_first_and_keeps_what_they_typed(
    mixed: tuple[District, str],
) -> None:
    district, cluster_id = mixed
    path = f"/clusters/{cluster_id}/split"
    mine = await district.console.form(f"/clusters/{cluster_id}", path)
    await district.console.log_in("chen")
    await district.say(cluster_id, "split", report=["r4"], reason="先到的人说的")
    await district.console.log_in("ana")
    mine["_csrf_token"] = (await district.console.form("/alerts", "/logout"))["_csrf_token"]
    answer = await district.console.post(path, mine | {"reason": WHY, "report": ["r4", "r5"]})
    assert answer.status_code == 409
    assert "可能刚被别人分走" in answer.text
    assert "陈岚" in answer.text
    assert "先到的人说的" in answer.text
    assert f"{WHY}</textarea>" in answer.text
    assert 'value="r5" checked' in answer.text
    assert f'value="{mine["decision_id"]}"' not in answer.text
    assert (await district.cluster(cluster_id)).reports == 4


async def test_a_page_of_a_cluster_merged_meanwhile_keeps_ticks_and_reason(
    mixed: tuple[District, str],
) -> None:
    district, cluster_id = mixed
    for _ in range(2):
        await district.report(PARCEL)
    into_id = await district.cluster_of("r6")
    path = f"/clusters/{cluster_id}/split"
    form = await district.console.form(f"/clusters/{cluster_id}", path)
    opened_before = await district.console.form(f"/clusters/{into_id}", f"/clusters/{into_id}/merge")
    await district.say(str(into_id), "merge", other=cluster_id)
    answer = await district.console.post(path, form | {"reason": "还没说完", "report": ["r4"]})
    assert answer.status_code == 409
    assert "这条线索已被并入另一条" in answer.text
    assert f'action="/clusters/{into_id}/split"' in answer.text
    assert 'value="r4" checked' in answer.text
    assert "还没说完</textarea>" in answer.text
    late = await district.console.post(
        f"/clusters/{into_id}/merge", opened_before | {"reason": WHY, "other": cluster_id}
    )
    assert late.status_code == 409
    assert "已经在这条线索里了" in late.text


@pytest.mark.parametrize(
    ("kind", "fields", "status", "told"),
    [
        ("split", {}, 422, "一条也没有勾选"),
        ("split", {"report": ["r0001", "r0002", "r0003", "r0004", "r0005"]}, 422, "不能全部勾选"),
        ("split", {"report": ["r0004", "r0999"]}, 409, "有的已不在这条线索里"),
        ("split", {"report": ["r0004"], "reason": "  "}, 422, "请写明理由"),
        ("split", {"report": ["r0004"], "reason": "长" * 10_000}, 422, "最多 500 个字"),
        ("merge", {}, 422, "还没有选是哪条线索"),
        ("merge", {"other": "c-nowhere"}, 409, "已不在本区的线索里"),
        ("merge", {"other": "c-here"}, 409, "已经在这条线索里了"),
        ("merge", {"other": "c-elsewhere"}, 409, "已不在本区的线索里"),
    ],
)
async def test_what_cannot_be_done_is_said_and_nothing_typed_is_lost(
    seeded: District,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    fields: dict[str, Any],
    status: int,
    told: str,
) -> None:
    published = noting(seeded, monkeypatch)
    answer = await seeded.say("c-here", kind, **fields)
    assert answer.status_code == status
    assert told in answer.text
    assert f"{fields.get('reason', WHY).strip()}</textarea>" in answer.text
    for report_id in fields.get("report", []):
        assert (f'value="{report_id}" checked' in answer.text) == (report_id != "r0999")
    assert published == []


@pytest.mark.parametrize("person", ["dong", "admin", "audit"])
async def test_only_those_who_draft_may_correct(seeded: District, person: str) -> None:
    console = seeded.console
    form = await console.form("/clusters/c-here", "/clusters/c-here/split")
    await console.log_in(person)
    form["_csrf_token"] = (await console.form("/alerts", "/logout"))["_csrf_token"]
    for kind in ("split", "merge"):
        answer = await console.post(f"/clusters/c-here/{kind}", form | {"reason": WHY})
        assert answer.status_code == 403
    if person != "dong":
        page = await seeded.page("/clusters/c-here")
        assert "/split" not in page
        assert "/merge" not in page


async def test_a_correction_that_does_not_settle_keeps_its_form_and_its_id(
    redis_url: str, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.web.submission.WAIT_S", 0.2)
    now = clock.now()
    async with console_at(redis_url, namespace, deciding=False) as opened:
        await opened.room.desk.project([*d.people(now), *d.cluster("c-x", [now, now, now], 0)])
        await opened.issue_password("ana")
        await opened.log_in("ana")
        path = "/clusters/c-x/split"
        form = await opened.form("/clusters/c-x", path) | {"reason": WHY, "report": ["r0001"]}
        answer = await opened.post(path, form)
        assert answer.status_code == 202
        assert "已收到你的决定，正在处理" in answer.text
        assert f'value="{form["decision_id"]}"' in answer.text
        assert f"/live/clusters/c-x?said={form['decision_id']}" in answer.text
        assert f"{WHY}</textarea>" in answer.text
        assert 'value="r0001" checked' in answer.text


async def test_a_correction_stands_on_its_topic_with_who_and_why(
    mixed: tuple[District, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    district, cluster_id = mixed
    published = noting(district, monkeypatch)
    answer = await district.say(cluster_id, "split", report=["r5", "r5", "r4"], reason=" 两行\r\n理由 ")
    (event,) = published
    assert isinstance(event, ClusterCorrected)
    assert answer.headers["location"] == f"/clusters/{cluster_id}?said={event.event_id}"
    assert (event.kind, event.cluster_id, event.district) == ("split", cluster_id, d.DISTRICT)
    assert (event.actor, event.reason, event.report_ids) == ("ana", "两行\n理由", ("r5", "r4"))

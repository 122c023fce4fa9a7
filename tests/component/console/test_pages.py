"""What the pages show: much, nothing, another language, and every way in which something is wrong."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace

from console.clusters import pages as cluster_pages
from console.reports import queue
from console.web.rendering import render_fragment
from console.web.words import Words
from fenghuo import clock
from fenghuo.domain.events import ClusterRedrawn, ScamStage
from fenghuo.servers.redis import RedisServer
from tests.browser.console_page import Opened, console_at, deps_of
from tests.browser.scenes import busy_night
from tests.browser.scenes import every_state as d

PAGES = {
    "ana": [
        "/queue",
        "/queue?show=cluster:c-biz",
        "/queue?show=report:r0020",
        "/clusters/c-biz",
        "/clusters/c-school",
        "/clusters/c-school/draft",
        "/alerts",
        "/alerts?state=submitted",
        "/alerts/dra5t000000000000000aaaa",
        "/alerts/re7urned000000000000aaaa/edit",
        "/wall",
        "/wall?town=西山镇",
    ],
    "bo": [
        "/alerts/a5ubm1tted0000000000aaaa",
        "/alerts/b5oadca5t00000000000aaaa",
        "/alerts/c0mp1eted00000000000aaaa",
        "/alerts/recal1ed000000000000aaaa",
        "/alerts/re5ected000000000000aaaa",
        "/alerts/exerc15e000000000000aaaa",
    ],
    "dong": ["/report", "/report/r0031", "/report/r0002", "/alerts", "/groups?owner=none"],
    "admin": ["/groups", "/groups?town=东湖街道&page=2", "/groups/coverage", "/people", "/queue"],
}


@pytest.fixture
async def console(redis_url: str, namespace: str) -> AsyncIterator[Opened]:
    async with console_at(redis_url, namespace) as opened:
        await opened.room.desk.project(busy_night.busy_district(clock.now(), 140))
        await busy_night.fill_wall(opened.room.desk, clock.to_ms(clock.now()))
        await opened.issue_password(*d.PEOPLE)
        yield opened


@pytest.mark.parametrize("person", list(PAGES))
async def test_every_page_stands_in_both_languages(console: Opened, person: str) -> None:
    await console.log_in(person)
    for path in PAGES[person]:
        for language, tag in (("en", 'lang="en"'), ("zh", 'lang="zh-CN"')):
            mark = "&" if "?" in path else "?"
            page = await console.client.get(f"{path}{mark}lang={language}")
            assert page.status_code == 200, path
            assert f"<html {tag}>" in page.text
    kept = await console.client.get("/alerts")
    assert '<html lang="zh-CN">' in kept.text


@pytest.mark.parametrize(
    "path", ["/queue", "/alerts", "/wall", "/report", "/groups", "/groups/coverage", "/people"]
)
async def test_an_empty_desk_says_what_to_do_next(redis_url: str, namespace: str, path: str) -> None:
    async with console_at(redis_url, namespace) as opened:
        await opened.room.desk.project(d.people(clock.now()))
        await opened.issue_password("admin", "dong")
        await opened.log_in("dong" if path == "/report" else "admin")
        page = await opened.client.get(path)
        assert page.status_code == 200
        assert 'class="empty"' in page.text or path in {"/report", "/people"}


async def test_the_most_dangerous_stands_first(console: Opened) -> None:
    await console.log_in("ana")
    page = (await console.client.get("/queue")).text
    order = [
        page.index(x) for x in ("您的企业法人信息已到期", "冒充老师收校服费", "低价代充话费", "季度演练")
    ]
    assert order == sorted(order), "submitted, returned, draft, and exercises last"
    assert page.index("钱正在转出或已付款") < page.index("您的企业法人信息已到期")
    assert page.index("危险度 280") < page.index("危险度 85")
    assert page.index("正在转账</span>") < page.index("已知骗局</span>")


async def test_money_on_its_way_stands_above_everything_known_or_not(console: Opened) -> None:
    now = clock.now()
    known = "安全账户的老话术，正在付款"
    await console.room.desk.project(
        d.report(60, now - timedelta(minutes=2), known, ScamStage.MONEY_MOVING, "known")
    )
    flood = [e for n in range(100, 220) for e in d.report(n, now, "平常的一条")]
    await console.room.desk.project(flood)
    await console.log_in("ana")
    page = (await console.client.get("/queue")).text
    alarm = page[page.index('class="alarm"') : page.index("</section>")]
    assert page.index('class="alarm"') < page.index('class="figures"')
    assert "钱正在转出或已付款：5 条上报" in alarm
    assert known in alarm
    assert "已知骗局" in alarm
    assert alarm.count("正在转账</span>") == 4
    assert alarm.index("正在转账</span>") < alarm.index("已经付款</span>"), (
        "who can still be stopped is first"
    )
    assert page.count(known) == 1, "not once more among the latest"
    assert "城关镇平安第 7 群" in alarm


async def test_a_doubtful_cluster_says_why(console: Opened) -> None:
    cluster = await console.room.desk.clusters.get("c-biz")
    assert cluster is not None
    doubted = replace(cluster, credibility_flags=("one_reporter", "new_reporters"))
    shown = await cluster_pages.values_of(deps_of(console), doubted)
    page = render_fragment("_cluster_evidence.html", Words("zh"), **shown)
    assert "可疑刷量：同一人反复上报，同一地点一下子来了许多新账号" in page
    board = queue.Board(urgent=[], handled=[], alerts=[], clusters=[doubted], reports=[])
    listed = await queue.board_values(deps_of(console), board, {"key": ""})
    assert "可疑刷量：同一人反复上报，同一地点一下子来了许多新账号" in render_fragment(
        "_board.html", Words("zh"), **listed
    )
    assert "可疑刷量" not in (await console.client.get("/clusters/c-biz")).text


async def test_an_alert_keeps_the_evidence_of_a_cluster_that_was_merged(console: Opened) -> None:
    desk, now = console.room.desk, clock.now()
    gone = await desk.clusters.get("c-biz")
    into = await desk.clusters.get("c-licence")
    assert gone is not None and into is not None
    members = (*into.members, *gone.members)
    for cluster, left in (
        (replace(into, revision=90, members=members, reports=len(members)), ()),
        (replace(gone, revision=91, members=(), reports=0, merged_into="c-licence"), gone.members),
    ):
        redrawn = ClusterRedrawn(
            event_id=d.event_id("redrawn", cluster.cluster_id), at=now, cluster=cluster,
            gone=tuple(m.report_id for m in left),
        )  # fmt: skip
        await desk.project([redrawn])
    await console.log_in("bo")
    page = (await console.client.get("/alerts/a5ubm1tted0000000000aaaa")).text
    assert 'href="/clusters/c-biz"' in page
    assert "南桥街道</td>" in page, "the towns of what it is now"
    live_parts = await cluster_pages.fragments(
        deps_of(console), Words("zh"), "c-biz", may=True, correction_id=""
    )
    assert set(live_parts) == {"outcome"}
    assert "这条线索刚被并入另一条" in live_parts["outcome"]


async def test_differences_and_delivery_are_shown(console: Opened) -> None:
    await console.log_in("bo")
    assert "<mark>" in (await console.client.get("/clusters/c-biz")).text
    page = (await console.client.get("/alerts/c0mp1eted00000000000aaaa")).text
    assert "预警后又有 5 人上报同样内容" in page
    assert "HTTP 404：群机器人已被移除" in page
    waiting = (await console.client.get("/alerts/b5oadca5t00000000000aaaa")).text
    assert "个群等民警点击" in waiting


async def test_texts_of_strangers_are_never_markup(console: Opened) -> None:
    evil = "<script>alert(1)</script> & <b>"
    now = clock.now()
    await console.room.desk.project(
        [*d.report(90, now, evil), *d.cluster("c-evil", [now, now], 90, exemplars=("平常的话", evil))]
    )
    await console.log_in("ana")
    for path in ("/queue", "/queue?show=report:r0090", "/queue?show=cluster:c-evil", "/clusters/c-evil"):
        page = (await console.client.get(path)).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;" in page


async def test_wrong_addresses_and_long_forms_get_a_page_that_says_what_to_do(console: Opened) -> None:
    await console.log_in("dong")
    assert "没有这个页面" in (await console.client.get("/nowhere")).text
    missing = await console.client.get("/alerts/none")
    assert (missing.status_code, "没有这个页面" in missing.text) == (404, True)
    token = (await console.form("/report", "/report"))["_csrf_token"]
    big = await console.post("/report", {"_csrf_token": token, "text": "字" * 60_000})
    assert (big.status_code, "内容太长了" in big.text, "“后退”" in big.text) == (413, True, True)
    odd = await console.client.get("/alerts", params={"page": "99999", "state": "<x>"})
    assert odd.status_code == 200


async def test_static_files_may_be_kept_for_a_year(console: Opened) -> None:
    page = (await console.client.get("/login")).text
    for name in ("console.css", "console.js", "beacon.svg"):
        at = page.index(f"/static/{name}")
        file = await console.client.get(page[at : page.index('"', at)])
        assert file.status_code == 200
        assert "immutable" in file.headers["cache-control"]


async def test_without_redis_a_page_says_so_and_no_form_is_lost(
    private_redis: Callable[..., RedisServer], namespace: str
) -> None:
    server = private_redis()
    async with console_at(server.url, namespace) as opened:
        await opened.room.desk.project(d.people(clock.now()))
        await opened.issue_password("ana")
        await opened.log_in("ana")
        server.kill()
        page = await opened.client.get("/queue")
        assert page.status_code == 503
        assert int(page.headers["retry-after"]) > 0
        assert "系统暂时连不上" in page.text
        assert (await opened.client.get("/login?lang=en", follow_redirects=False)).status_code in {200, 503}


async def test_a_broker_that_is_away_leaves_the_alert_as_it_was_and_gives_the_text_back(
    console: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    console.room.started = False
    await console.log_in("bo")
    path = "/alerts/a5ubm1tted0000000000aaaa"
    form = await console.form(path, f"{path}/return")
    answer = await console.post(f"{path}/return", form | {"reason": "请写得更明白"})
    assert answer.status_code == 503
    assert "没有执行" in answer.text
    assert "请写得更明白" in answer.text

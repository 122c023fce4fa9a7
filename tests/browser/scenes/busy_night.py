"""A district on a bad night: everything that the console's pages can show."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.domain.alert import Audience
from tests.browser.scenes.every_state import (
    DISTRICT,
    EXAMPLES,
    NAMED_TEXT,
    SCHOOL,
    TEXT,
    TOWNS,
    answer,
    cluster,
    content,
    deliveries,
    event_id,
    group,
    groups,
    life,
    mentions_in,
    people,
    report,
)

CLEARED = "c1eared0000000000000aaaa"
LICENCE = "您的营业执照年检未通过，请在 hxxp://qy-gsxt[.]cc 补交资料，逾期注销。"
ANNUAL = "尊敬的法人，您的企业年报信息已到期，请于今日内联系客服更新，逾期将列入异常名录。"
TAX = "【税务局】贵公司税务信息待核验，请回电提供对公账户，逾期冻结发票。"


def busy_district(now: datetime, count: int = 3162) -> list[e.Event]:
    """A district on a bad night: everything that the pages can show, with as many groups as the real one."""
    minutes = [now - timedelta(minutes=m) for m in (19, 17, 13, 12, 9, 8, 6, 4, 3, 2, 1)]
    others = [now - timedelta(minutes=m) for m in (95, 40)]
    reach = (count, sum(group(n).members for n in range(count)))
    events = [*people(now - timedelta(days=1)), *groups(now - timedelta(days=1), count)]
    for n, at in enumerate(minutes):
        stage = (
            e.ScamStage.RECEIVED,
            e.ScamStage.IN_CONTACT,
            e.ScamStage.MONEY_MOVING,
            e.ScamStage.RECEIVED,
        )[n % 4]
        events += report(n, at, EXAMPLES[n % 3], stage)
    for n, at in enumerate(others, 20):
        events += report(n, at, SCHOOL, e.ScamStage.PAID)
    for n, (who, outcome) in {
        22: ("bo", e.UrgentOutcome.STOPPED),
        23: ("dong", e.UrgentOutcome.CONTACTED),
    }.items():
        events += report(n, now - timedelta(minutes=n), SCHOOL, e.ScamStage.PAID)
        said = {"report_id": f"r{n:04d}", "person_id": who, "outcome": outcome}
        events.append(e.UrgentHandled(event_id=event_id("handled", n), at=now - timedelta(minutes=2), **said))
    for n in range(30, 36):
        state = "known" if n % 2 else "suggested"
        text = (
            "点赞关注抖音号，每单返 5 元，进群领任务，垫付后秒返。"
            if n % 2
            else "您的快递丢失，加客服 QQ▇▇▇ 办理三倍理赔。"
        )
        events += report(n, now - timedelta(minutes=n - 29), text, state=state)
        events.append(answer(n, now, "这是已知骗局：刷单返利。请不要付款，不要点链接。咨询请拨 96110。"))
    events += clusters(now, minutes, others)
    hour = now - timedelta(hours=1)
    events += life(
        "a5ubm1tted0000000000aaaa",
        ["draft", "edit", "submit"],
        now - timedelta(minutes=6),
        reach=reach,
        body=content(now),
        cluster_id="c-biz",
    )
    events += life(
        "dra5t000000000000000aaaa",
        ["draft"],
        now - timedelta(minutes=11),
        reach=reach,
        body=content(now, title="虚假购物、服务：低价代充话费", text=TEXT.replace("企业", "话费")),
        findings=("link: http://chong.example",),
    )
    named = content(now, title="谨防冒充领导、熟人的骗局", text=NAMED_TEXT)
    for alert_id, steps in (("4amed000000000000000aaaa", ["draft"]), (CLEARED, ["draft", "clear", "submit"])):
        at, found = now - timedelta(minutes=14), mentions_in(named)
        events += life(alert_id, steps, at, reach=reach, body=named, mentions=found)
    events += life(
        "re7urned000000000000aaaa",
        ["draft", "submit", "return"],
        now - timedelta(minutes=31),
        reach=(527, 71_000),
        body=content(now, title="冒充老师收校服费", audience=Audience(district=DISTRICT, towns=TOWNS[:1])),
    )
    events += life(
        "b5oadca5t00000000000aaaa",
        ["draft", "submit", "approve", "begin"],
        now - timedelta(minutes=5),
        reach=reach,
        body=content(now, title="刷单返利：点赞关注领佣金"),
    )
    events += deliveries("b5oadca5t00000000000aaaa", now - timedelta(minutes=3), count, 0.86)
    events += life(
        "c0mp1eted00000000000aaaa",
        ["draft", "submit", "approve", "begin", "complete"],
        hour,
        reach=reach,
        body=content(now, title="快递丢失理赔：加客服领三倍赔付"),
    )
    events += deliveries("c0mp1eted00000000000aaaa", hour + timedelta(minutes=2), count)
    events += [
        e.SightingRecorded(
            event_id=event_id("seen", n),
            at=now,
            alert_id="c0mp1eted00000000000aaaa",
            report_id=f"r{n}",
            place=e.ReportPlace(district=DISTRICT, town=TOWNS[n % 4]),
        )
        for n in range(5)
    ]
    events += life(
        "recal1ed000000000000aaaa",
        ["draft", "submit", "approve", "recall"],
        now - timedelta(hours=5),
        reach=reach,
    )
    events += life("re5ected000000000000aaaa", ["draft", "reject"], now - timedelta(hours=7), reach=reach)
    events += life(
        "exerc15e000000000000aaaa",
        ["draft", "submit"],
        now - timedelta(hours=2),
        reach=reach,
        body=content(now, title="季度演练：冒充公检法", exercise=True),
    )
    return events


def clusters(now: datetime, minutes: Sequence[datetime], others: Sequence[datetime]) -> Iterator[e.Event]:
    """Two that grow; beside the first one that carries its link, one nearly alike, and one split off it."""
    split_off = e.Correction(
        correction_id="5p1it",
        at=now - timedelta(minutes=5),
        kind="split",
        actor="chen",
        reason="这两条是冒充税务局，要的是对公账户，不是法人信息。",
        other_id="c-5p1it",
        reports=2,
    )
    few = [now - timedelta(minutes=m) for m in (50, 16)]
    told = {"fraud_type": "BIZ", "indicators": ()}
    for n in range(40, 46):
        yield from report(n, now - timedelta(minutes=n), (LICENCE, ANNUAL, TAX)[(n - 40) // 2])
    yield from cluster(
        "c-biz",
        minutes,
        0,
        alert_id="a5ubm1tted0000000000aaaa",
        related=("c-licence", "c-annual"),
        corrections=(split_off,),
        cannot_link=("c-5p1it",),
    )
    yield from cluster(
        "c-school", others, 20, exemplars=(SCHOOL,), danger=85, fraud_type="LEADER", indicators=()
    )
    yield from cluster(
        "c-licence", few, 40, exemplars=(LICENCE,), fraud_type="BIZ", indicators=("hxxp://qy-gsxt[.]cc",)
    )
    yield from cluster("c-annual", few, 42, exemplars=(ANNUAL,), danger=70, **told)
    yield from cluster(
        "c-5p1it",
        few,
        44,
        exemplars=(TAX,),
        danger=65,
        cannot_link=("c-biz",),
        corrections=(msgspec.structs.replace(split_off, other_id="c-biz"),),
        **told,
    )


async def fill_wall(desk: Desk, now_ms: int, count: int = 60) -> None:
    """What the sandbox channel would have shown."""
    pipe = desk.client.pipeline(transaction=False)
    for n in range(count):
        body = {
            "group_id": f"g{n:04d}",
            "kind": "warning",
            "subject": "预警",
            "text": TEXT,
            "severity": "severe",
            "at_ms": now_ms - n * 900,
        }
        pipe.hset(desk.keys.wall(f"g{n:04d}"), f"k{n}", json.dumps(body))
        pipe.zadd(desk.keys.wall_recent, {f"g{n:04d}|k{n}": body["at_ms"]})
        if n % 4 == 1:
            body = body | {
                "kind": "reply",
                "text": "您上报的信息是骗局，请不要付款。",
                "at_ms": now_ms - n * 900 + 400,
            }
            pipe.hset(desk.keys.wall(f"g{n:04d}"), f"r{n}", json.dumps(body))
            pipe.zadd(desk.keys.wall_recent, {f"g{n:04d}|r{n}": body["at_ms"]})
    await pipe.execute()

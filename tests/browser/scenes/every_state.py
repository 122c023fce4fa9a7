"""A district for the console's tests: people, groups, reports, a cluster, alerts in every state, deliveries.

Everything is events folded onto the desk, so it is the desk that real rooms would have made.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.domain.alert import (
    NEEDS_REASON,
    SYSTEM,
    Action,
    Alert,
    Audience,
    Clearing,
    Content,
    Mention,
    Order,
    Origin,
    PersonId,
    Role,
    content_hash,
)
from fenghuo.domain.alert_lifecycle import affected_content, decide
from fenghuo.domain.audience import digest_of, freeze, frozen_reach, still_there
from fenghuo.domain.taps import Tappers
from fenghuo.errors import Denied
from fenghuo.topics import DECISIONS_MADE
from fenghuo.transport.stage import Outcome, Stage

DISTRICT = "示范区"
TOWNS = ("城关镇", "东湖街道", "西山镇", "南桥街道", "北岭镇", "开发区")
PASSWORD = "lamp-on-the-wall-9"
PEOPLE = {
    "ana": ("安静", Role.ANALYST),
    "bo": ("薄明", Role.APPROVER),
    "chen": ("陈岚", Role.APPROVER),
    "dong": ("董海", Role.OFFICER),
    "admin": ("管理员", Role.ADMINISTRATOR),
    "audit": ("审计", Role.AUDITOR),
}
TEXT = (
    "【反诈预警】冒充市场监管、企业办事。近期我区已有 3 人（城关镇、东湖街道、西山镇）收到同类信息，"
    "内容为“您的企业法人信息已到期”。手法：以法人信息到期为由，发来仿冒办事网站的链接，"
    "骗取银行卡和验证码。识别：市场监管部门不会用短信发链接要求填写银行卡。"
    "请不要点链接、不要转账、不要告诉别人验证码；已付款请立即拨打 110，咨询请拨 96110。\n"
    "示范区反诈中心 11月23日 23:20"
)
CORRECTION = (
    "【更正】此前关于“冒充市场监管、企业办事”的预警经核实有误，现予撤回，请以本条为准。"
    "如有疑问请拨打 96110。\n示范区反诈中心"
)
EXAMPLES = (
    "【市场监督】尊敬的法人，您的企业法人信息已到期，请于今日内登录 hxxp://gsxt-年报[.]top 更新，"
    "逾期将吊销营业执照。",
    "尊敬的经营者：您的企业法人信息即将到期，请于今日 18:00 前登录 hxxp://qy-gsxt[.]cc 完成更新，"
    "逾期列入异常名录。",
    "【企业服务】法人信息到期提醒，请尽快登录 hxxp://gsxt-年报[.]top 更新备案，"
    "否则营业执照将被吊销。退订回 T",
)
SCHOOL = "老师您好，孩子的校服费请扫码交到班主任的收款码，今晚 10 点前。"


def mentions_in(body: Content) -> tuple[Mention, ...]:
    """The names of NAMED_TEXT, as the release check would find them."""
    pieces = [x for x in body.text.replace("。", "\n").splitlines() if "东湖小学" in x]
    names = (("school", "东湖小学二年级三班"), ("person", "张桂芳"))
    return tuple(
        Mention(kind=kind, value=value, sentence=x) for x in pieces for kind, value in names if value in x
    )


def event_id(*parts: object) -> str:
    return e.derive_id("test", *[str(part) for part in parts])


def people(now: datetime) -> list[e.Event]:
    return [
        e.PersonChanged(
            event_id=event_id("person", key),
            at=now,
            person=e.Person(person_id=key, name=name, role=role, district=DISTRICT, station="城关派出所"),
        )
        for key, (name, role) in PEOPLE.items()
    ]


def group(n: int) -> e.Group:
    town = TOWNS[n % len(TOWNS)]
    return e.Group(
        group_id=f"g{n:04d}",
        name=f"{town}平安第 {n + 1} 群",
        place=e.ReportPlace(district=DISTRICT, town=town),
        station=f"{town[:2]}派出所",
        owner="" if n % 37 == 5 else f"o{n % 40}",
        members=90 + n * 7 % 90,
        channel="webhook" if n % 11 == 3 else "sandbox",
    )


def groups(now: datetime, count: int) -> list[e.Event]:
    return [e.GroupChanged(event_id=event_id("group", n), at=now, group=group(n)) for n in range(count)]


def report(
    n: int, at: datetime, masked: str, stage: e.ScamStage = e.ScamStage.RECEIVED, state: str = "new"
) -> list[e.Event]:
    place = e.ReportPlace(district=DISTRICT, town=TOWNS[n % 4], group_id=f"g{n:04d}")
    common = {
        "event_id": event_id("judged", n),
        "at": at,
        "report_id": f"r{n:04d}",
        "place": place,
        "reporter": f"p{n}",
        "stage": stage,
        "masked": masked,
    }
    if state == "known":
        return [
            e.ReportMatched(
                **common,
                pattern_id="seed-7",
                fraud_type="SHUADAN",
                title="刷单返利：点赞关注领佣金",
                score=91.4,
            )
        ]
    suggested = (
        {
            "suggested_pattern": "seed-9",
            "suggested_title": "冒充快递客服理赔",
            "suggested_score": 66.0,
            "fraud_type": "EXPRESS",
        }
        if state == "suggested"
        else {"fraud_type": "BIZ"}
    )
    return [e.ReportUnmatched(**common, suspicious=True, danger=60, **suggested)]


def answer(n: int, at: datetime, text: str) -> e.Event:
    place = e.ReportPlace(district=DISTRICT, town=TOWNS[n % 4])
    return e.ReplyRequested(
        event_id=event_id("answer", n),
        at=at,
        report_id=f"r{n:04d}",
        kind="known",
        text=text,
        place=place,
        reporter=f"p{n}",
    )


def members_of(at: Sequence[datetime], first: int) -> tuple[e.Member, ...]:
    return tuple(
        e.Member(
            report_id=f"r{first + i:04d}",
            reporter=f"p{first + i}",
            town=TOWNS[(first + i) % 4],
            at=moment,
            suspicious=True,
        )
        for i, moment in enumerate(at)
    )


def cluster(cluster_id: str, at: Sequence[datetime], first: int, **more: object) -> list[e.Event]:
    """The events that brought a cluster and its members to the desk."""
    members = members_of(at, first)
    values = {
        "district": DISTRICT,
        "revision": len(members),
        "first_at": at[0],
        "last_at": at[-1],
        "exemplars": EXAMPLES[:2],
        "reports": len(members),
        "reporters": len(members),
        "towns": tuple(dict.fromkeys(m.town for m in members)),
        "danger": 60 + 20 * len(members),
        "suspicious": True,
        "tier": "draft" if len(members) > 2 else "watch",
        "told_alike": len(members) > 2,
        "reasons": (
            "像骗子的话",
            "冒充市场监管",
            "以证件到期为由",
            "要求点链接",
            "可疑的话：“逾期列入”、“今日24时前登录”",
        ),
        "fraud_type": "BIZ" if len(members) > 2 else None,
        "likely_types": ("BIZ", "KEFU", "OTHER"),
        "indicators": ("hxxp://gsxt-年报[.]top", "hxxp://qy-gsxt[.]cc"),
    }
    head = e.Cluster(cluster_id=cluster_id, **(values | more))
    heads = [replace(head, revision=head.revision - len(members) + n) for n in range(1, len(members) + 1)]
    return [
        e.ClusterChanged(event_id=event_id("cluster", m.report_id), at=m.at, cluster=now, member=m)
        for now, m in zip(heads, members, strict=True)
    ]


def content(now: datetime, **more: object) -> Content:
    values = {
        "title": "冒充市场监管、企业办事：您的企业法人信息已到期",
        "text": TEXT,
        "correction": CORRECTION,
        "audience": Audience(district=DISTRICT),
        "channels": ("sandbox", "webhook"),
        "severity": "severe",
        "expires_at": now + timedelta(hours=22),
        "exercise": False,
    }
    return Content(**(values | more))


def origin(now: datetime, cluster_id: str | None = None) -> Origin:
    return Origin(
        first_report_at=now - timedelta(minutes=19),
        fraud_type="BIZ",
        cluster_id=cluster_id,
        reports=5,
        towns=TOWNS[:3],
        examples=EXAMPLES,
    )


STEPS: dict[str, tuple[str, Role]] = {
    "draft": (SYSTEM, Role.SYSTEM),
    "edit": ("ana", Role.ANALYST),
    "clear": ("ana", Role.ANALYST),
    "submit": ("ana", Role.ANALYST),
    "approve": ("bo", Role.APPROVER),
    "return": ("bo", Role.APPROVER),
    "reject": ("bo", Role.APPROVER),
    "recall": ("chen", Role.APPROVER),
    "begin": (SYSTEM, Role.SYSTEM),
    "complete": (SYSTEM, Role.SYSTEM),
    "expire": (SYSTEM, Role.SYSTEM),
    "update": ("ana", Role.ANALYST),
    "submit_update": ("ana", Role.ANALYST),
    "approve_update": ("bo", Role.APPROVER),
    "drop_update": ("bo", Role.APPROVER),
}
CLEARS = ("clear", "clear_update")
CLEARED = "骗子冒充的名义，已向学校核实"
NAMED_TEXT = TEXT.replace("手法：", "骗子自称东湖小学二年级三班的班主任张桂芳。手法：").replace(
    "（城关镇、东湖街道、西山镇）", ""
)
SUBMITS = ("submit", "submit_update")
APPROVES = {"approve": "approved", "approve_update": "updated"}
FROZEN = tuple(f"g{n:04d}" for n in range(3162))
"""What every submission here means: the groups of the whole district, whether they are there or not."""


def life(
    alert_id: str,
    steps: Sequence[str],
    at: datetime,
    *,
    reach: tuple[int, int],
    body: Content | None = None,
    update: Content | None = None,
    frozen: Sequence[str] = FROZEN,
    update_frozen: Sequence[str] = FROZEN,
    cluster_id: str | None = None,
    findings: Sequence[str] = (),
    mentions: Sequence[Mention] = (),
) -> list[e.Event]:
    """The events of an alert that took ``steps``, a minute apart."""
    alert: Alert | None = None
    found: list[e.Event] = []
    body = body or content(at)
    for n, step in enumerate(steps):
        moment = at + timedelta(minutes=n)
        actor, role = STEPS[step]
        ids = update_frozen if step == "submit_update" else frozen
        order = Order(
            decision_id=event_id(alert_id, n),
            alert_id=alert_id,
            action=Action(step),
            actor=PersonId(actor),
            role=role,
            at=moment,
            content=body if step in ("draft", "edit") else update if step == "update" else None,
            origin=origin(at, cluster_id) if step == "draft" else None,
            seen_hash=content_hash(affected_content(alert, Action(step)))
            if alert and step in APPROVES
            else None,
            clears=tuple(Clearing(key=x.key, reason=CLEARED) for x in mentions) if step in CLEARS else (),
            reason="请写明是哪类企业，居民看不懂“法人信息”。" if step in NEEDS_REASON else None,
        )
        alert = decide(
            alert, order, findings=() if step in SUBMITS else findings, reach=reach, frozen=digest_of(ids),
            mentions=mentions,
        )  # fmt: skip
        found.append(
            e.AlertChanged(
                event_id=event_id(alert_id, n, "changed"),
                at=moment,
                alert=alert,
                decision_id=order.decision_id,
                action=order.action,
                actor=actor,
                role=role,
            )
        )
        if step in SUBMITS:
            found.append(
                e.AudienceFrozen(
                    event_id=event_id(alert_id, n, "frozen"), at=moment, alert_id=alert.alert_id,
                    digest=digest_of(ids), group_ids=tuple(ids),
                )
            )  # fmt: skip
        if step in APPROVES:
            found.append(released(alert, APPROVES[step], moment))
    return found


def released(alert: Alert, kind: str, at: datetime) -> e.AlertReleased:
    c = alert.content
    return e.AlertReleased(
        event_id=event_id(alert.alert_id, kind),
        at=at,
        kind=kind,
        release=e.Release(
            alert_id=alert.alert_id,
            version=alert.version,
            title=c.title,
            text=c.text,
            correction=c.correction,
            audience=c.audience,
            channels=c.channels,
            severity=c.severity,
            expires_at=c.expires_at,
            approved_at=at,
            exercise=c.exercise,
            groups=alert.reach_groups,
        ),
    )


def receipt(alert_id: str, n: int, state: e.DeliveryState, at: datetime, reason: str = "") -> e.Event:
    return e.ReceiptRecorded(
        event_id=event_id(alert_id, n, state),
        at=at,
        delivery_id=event_id(alert_id, n),
        alert_id=alert_id,
        version=1,
        kind="warning",
        group_id=f"g{n:04d}",
        channel=group(n).channel,
        state=state,
        attempt=1,
        reason=reason,
    )


def deliveries(alert_id: str, approved_at: datetime, count: int, done: float = 1.0) -> list[e.Event]:
    """Receipts of ``count`` groups: ``done`` of them shown, some refused, unknown, waiting."""
    states = e.DeliveryState
    events: list[e.Event] = [
        e.DeliveriesPlanned(
            event_id=event_id(alert_id, "planned"),
            at=approved_at,
            alert_id=alert_id,
            version=1,
            kind="warning",
            groups=count,
        )
    ]
    for n in range(count):
        at = approved_at + timedelta(milliseconds=400 + n * 20)
        if n >= count * done:
            state, reason = (states.WAITING, "") if n % 3 else (states.REQUESTED, "")
        elif n % 53 == 7:
            state, reason = states.REFUSED, "HTTP 404：群机器人已被移除"
        elif n % 97 == 11:
            state, reason = states.UNKNOWN, "10 秒内没有答复"
        else:
            state, reason = states.SHOWN, ""
        events.append(receipt(alert_id, n, state, at, reason))
    return events


async def on_decisions_made(desk: Desk, events: Sequence[e.Event]) -> Outcome:
    """The stage that applies decisions, but for the linter, which would not pass this district's texts."""
    outcome = Outcome()
    for event in events:
        assert isinstance(event, e.DecisionMade)
        order = event.order
        before = await desk.alerts.get(order.alert_id)
        body = order.content or (affected_content(before, order.action) if before else None)
        groups = await desk.directory.groups()
        tappers = Tappers(await desk.directory.people())
        digest = body.audience.frozen if body and order.action in APPROVES else ""
        ids = (
            (await desk.releases.audience(digest) or ())
            if digest
            else freeze(groups.values(), body.audience)
            if body
            else ()
        )
        common = {
            "at": order.at,
            "decision_id": order.decision_id,
            "action": order.action,
            "actor": order.actor,
        }
        try:
            reach = frozen_reach(body, still_there(ids, groups), tappers) if body else (0, 0)
            named = mentions_in(body) if body else ()
            after = decide(before, order, findings=(), reach=reach, frozen=digest_of(ids), mentions=named)
        except Denied as denied:
            outcome.events.append(
                e.DecisionRefused(
                    event_id=event_id(order.decision_id, "no"),
                    alert_id=order.alert_id,
                    code=denied.code,
                    message=str(denied),
                    **common,
                )
            )
            continue
        if after is before:
            continue
        if order.action in SUBMITS:
            outcome.events.append(
                e.AudienceFrozen(
                    event_id=event_id(order.decision_id, "frozen"), at=order.at, alert_id=order.alert_id,
                    digest=digest_of(ids), group_ids=ids,
                )
            )  # fmt: skip
        outcome.events.append(
            e.AlertChanged(
                event_id=event_id(order.decision_id, "yes"), alert=after, role=order.role, **common
            )
        )
        if order.action in APPROVES:
            outcome.events.append(released(after, APPROVES[order.action], order.at))
    return outcome


def stand_in(desk: Desk) -> Stage:
    async def handle(events: Sequence[e.Event]) -> Outcome:
        return await on_decisions_made(desk, events)

    return Stage(room="consumers", name="decisions", topic=DECISIONS_MADE, handle=handle, batch=1)

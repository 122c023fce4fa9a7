"""Events and settings for tests, each with what the test does not care about filled in."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from fenghuo.domain import events as e
from fenghuo.domain.alert import Action, AlertId, Audience, Content, Order, Origin, PersonId, Role
from fenghuo.settings import Settings
from patterns.clustering import Placement

NOON = datetime(2026, 3, 9, 4, 0, tzinfo=UTC)
DISTRICT = "示范区"
SAFE_TEXT = (
    "【反诈预警】近期有人冒充市场监管发信息，说执照要作废，都是诈骗。请不要点链接、不要转账，咨询请拨 96110。"
    "\n示范区反诈中心 03月09日 12:00"
)
PEOPLE = tuple(
    e.Person(person_id=who, name=who, role=role, district=DISTRICT)
    for who, role in (("analyst", Role.ANALYST), ("boss", Role.APPROVER), ("chief", Role.APPROVER))
)
"""Who acts in the tests; an order by anybody else is refused."""
_COMMON = b"".join(bytes((row, cell)) for row in range(0xB0, 0xD7) for cell in range(0xA1, 0xFF)).decode(
    "gb2312"
)
SAFE_CORRECTION = "【更正】此前的预警有误，现予撤回。"


def settings(**changes: Any) -> Settings:
    """Settings untouched by the environment and by any .env file."""
    return Settings(_env_file=None, **({"secret_key": "s" * 40, "webhook_secret": "w" * 40} | changes))


def place(town: str = "东湖镇", group_id: str | None = None, district: str = DISTRICT) -> e.ReportPlace:
    return e.ReportPlace(district=district, town=town, group_id=group_id)


def report(report_id: str, text: str, reporter: str = "", **changes: Any) -> e.ReportReceived:
    fields = {"place": place(), "at": NOON} | changes
    return e.ReportReceived(
        event_id=e.derive_id("received", report_id), report_id=report_id, text=text,
        reporter=reporter or f"who-{report_id}", **fields,
    )  # fmt: skip


def unmatched(report_id: str, text: str, reporter: str = "", **changes: Any) -> e.ReportUnmatched:
    fields: dict[str, Any] = {
        "place": place(), "at": NOON, "stage": e.ScamStage.RECEIVED, "suspicious": True, "danger": 60,
    } | changes  # fmt: skip
    return e.ReportUnmatched(
        event_id=e.derive_id("unmatched", report_id), report_id=report_id, masked=text,
        reporter=reporter or f"who-{report_id}", **fields,
    )  # fmt: skip


def placed(cluster_id: str, *, exemplar: bool = True) -> Placement:
    """What the clusterer says of a report that went into ``cluster_id``."""
    return Placement(cluster_id, exemplar, 0.0, exemplar)


def content(**changes: Any) -> Content:
    fields: dict[str, Any] = {
        "title": "冒充市场监管", "text": SAFE_TEXT, "correction": SAFE_CORRECTION,
        "audience": Audience(district=DISTRICT), "channels": ("sandbox", "webhook"), "severity": "severe",
        "expires_at": NOON + timedelta(hours=24),
    } | changes  # fmt: skip
    return Content(**fields)


def order(action: Action, actor: str = "analyst", role: Role = Role.ANALYST, **changes: Any) -> Order:
    fields: dict[str, Any] = {
        "at": NOON,
        "alert_id": AlertId("a1"),
        "decision_id": f"{action}-{actor}",
    } | changes
    return Order(action=action, actor=PersonId(actor), role=role, **fields)


def draft(**changes: Any) -> Order:
    """The order of the system that drafts the alert ``a1``."""
    fields: dict[str, Any] = {
        "content": content(), "origin": Origin(first_report_at=NOON, fraud_type="BIZ"),
    } | changes  # fmt: skip
    return order(Action.DRAFT, "system", Role.SYSTEM, **fields)


def decision(wanted: Order) -> e.DecisionMade:
    return e.DecisionMade(event_id=wanted.decision_id, at=wanted.at, order=wanted)


def group(n: int, **changes: Any) -> e.Group:
    fields: dict[str, Any] = {"name": f"第 {n} 群", "place": place(), "members": 100} | changes
    return e.Group(group_id=f"g{n:04d}", **fields)


def group_changed(changed: e.Group, at: datetime = NOON) -> e.GroupChanged:
    return e.GroupChanged(event_id=e.derive_id("group", changed.group_id, str(at)), at=at, group=changed)


def person_changed(person: e.Person, at: datetime = NOON) -> e.PersonChanged:
    return e.PersonChanged(event_id=e.derive_id("person", person.person_id, str(at)), at=at, person=person)


def release(**changes: Any) -> e.Release:
    fields: dict[str, Any] = {
        "alert_id": AlertId("a1"), "version": 1, "title": "冒充市场监管", "text": SAFE_TEXT,
        "correction": SAFE_CORRECTION, "audience": Audience(district=DISTRICT), "channels": ("sandbox",
        "webhook"),
        "severity": "severe", "expires_at": NOON + timedelta(hours=24), "approved_at": NOON, "groups": 3,
    } | changes  # fmt: skip
    return e.Release(**fields)


def released(kind: str = "approved", **changes: Any) -> e.AlertReleased:
    return e.AlertReleased(event_id=f"released-{kind}", at=NOON, kind=kind, release=release(**changes))  # type: ignore[arg-type]


def request(group_id: str = "g0001", **changes: Any) -> e.DeliveryRequested:
    fields: dict[str, Any] = {
        "at": NOON, "alert_id": AlertId("a1"), "version": 1, "kind": "warning", "channel": "sandbox",
        "delivery_id": e.derive_id("delivery", "a1", "1", "warning", group_id),
    } | changes  # fmt: skip
    return e.DeliveryRequested(event_id=f"request-{group_id}", group_id=group_id, **fields)


def invented_scam(n: int) -> str:
    """The text of the n-th scam that nobody knows: like no other but for what it wants people to do."""
    dice = random.Random(n)
    about, threat = ("".join(dice.choices(_COMMON, k=k)) for k in (18, 12))
    return f"【通知】{about}，请今日24时前登录 k{n}.example.com 认证，{threat}"


def altered(text: str, dice: random.Random, signs: int) -> str:
    """``text`` with so many signs of it, at most, replaced by others."""
    found = list(text)
    for _ in range(signs):
        found[dice.randrange(len(found))] = dice.choice(_COMMON)
    return "".join(found)

"""A district of 4,601 groups on every channel, most of which wait for an officer's tap: for the pages before
an approval and while a warning goes out."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec.structs import replace

from fenghuo.domain import events as e
from fenghuo.domain.alert import Audience, Role
from fenghuo.domain.audience import freeze
from tests.browser.scenes.every_state import DISTRICT, TEXT, content, event_id, group, groups, life, people

COUNT = 4601
IDS = [f"g{n:04d}" for n in range(COUNT - 1)]
"""What was submitted; one group came later."""
OFFICERS = 80
CHANNELS = ("relay",) * 12 + ("wecom_customer_group",) * 5 + ("wecom_robot", "dingtalk", "webhook")
"""Of 20 groups: 60 % relay, 25 % customer groups, 10 % robots, 5 % webhooks."""
BEFORE, LIVE, UPDATING = "be4ore00000000000000aaaa", "11ve0000000000000000aaaa", "upda7e00000000000000aaaa"


def mixed_group(n: int) -> e.Group:
    owner = "" if n % 61 == 7 else f"o{n % OFFICERS}"
    return replace(
        group(n), channel=CHANNELS[n % len(CHANNELS)], owner=owner, deputy=f"o{(n + 7) % OFFICERS}",
        members=60 + n * 37 % 240, tags=("business",) if n % 4 == 0 else ("residents",),
    )  # fmt: skip


def mixed_district(now: datetime) -> Iterator[e.Event]:
    before = now - timedelta(days=9)
    yield from people(before)
    for n in range(OFFICERS):
        person = e.Person(
            person_id=f"o{n}", name=f"{'赵钱孙李周吴郑王'[n % 8]}警官{n}", role=Role.OFFICER,
            district=DISTRICT, station=group(n).station,
        )  # fmt: skip
        yield e.PersonChanged(event_id=event_id("officer", n), at=before, person=person)
    for n, changed in enumerate(groups(before, COUNT)):
        assert isinstance(changed, e.GroupChanged)
        yield replace(changed, group=mixed_group(n))
    yield from _past(now)
    body = content(now, channels=tuple(dict.fromkeys(CHANNELS)))
    reach = (COUNT, sum(mixed_group(n).members for n in range(COUNT)))
    yield from life(
        BEFORE, ["draft", "edit", "submit"], now - timedelta(minutes=6), reach=reach, body=body, frozen=IDS
    )
    steps = ["draft", "edit", "submit", "approve", "begin"]
    yield from life(LIVE, steps, now - timedelta(minutes=19), reach=reach, body=body, frozen=IDS)
    yield from _deliveries(LIVE, now - timedelta(minutes=16), now)
    later = replace(
        body, title=body.title + "（新手法）", text=TEXT.replace("骗取银行卡", "要求共享屏幕，骗取银行卡"),
        audience=Audience(district=DISTRICT, expression="镇=城关镇,西山镇 且 标签=商户"),
    )  # fmt: skip
    yield from life(
        UPDATING, [*steps, "complete", "update", "submit_update"], now - timedelta(minutes=50), reach=reach,
        body=body, frozen=IDS, update=later,
        update_frozen=freeze(map(mixed_group, range(COUNT)), later.audience),
    )  # fmt: skip
    yield e.ChannelChanged(
        event_id="halted", at=now - timedelta(minutes=4), name="dingtalk", halted=True,
        reason="最近 60 次发送有 31 次失败：机器人已被移除（310000）", by="system",
    )  # fmt: skip


def _past(now: datetime) -> Iterator[e.Event]:
    """What officers tapped in the last days, and groups that have had their share today."""
    dice = random.Random(7)
    for n in range(OFFICERS):
        for day in range(1, 6):
            at = now - timedelta(days=day, minutes=dice.randrange(300))
            waited = timedelta(seconds=int(120 * 2 ** dice.gauss(n % 9 * 0.7, 1)))
            yield _receipt(f"past{day}", n, e.DeliveryState.SHOWN, at + waited, by=f"o{n}", since=at)
    for n in range(0, 400, 5):
        for k in range(3):
            yield _receipt(f"today{k}", n, e.DeliveryState.SHOWN, now - timedelta(minutes=1))


def _receipt(
    alert_id: str, n: int, state: e.DeliveryState, at: datetime, **more: object
) -> e.ReceiptRecorded:
    fields: dict[str, object] = {"version": 1, "kind": "warning", "attempt": 1} | more
    return e.ReceiptRecorded(
        event_id=event_id(alert_id, n, state), at=at, delivery_id=event_id(alert_id, n), alert_id=alert_id,
        group_id=f"g{n:04d}", channel=mixed_group(n).channel, state=state, **fields,
    )  # fmt: skip


def _deliveries(alert_id: str, since: datetime, now: datetime) -> Iterator[e.Event]:
    yield e.DeliveriesPlanned(
        event_id=event_id(alert_id, "planned"), at=since, alert_id=alert_id, version=1, kind="warning",
        groups=COUNT,
    )  # fmt: skip
    dice = random.Random(11)
    states = e.DeliveryState
    for n in range(COUNT):
        channel = mixed_group(n).channel
        waited = timedelta(seconds=60 * 2 ** dice.gauss(n % OFFICERS % 9 * 0.6, 1))
        if channel in {"relay", "wecom_customer_group"}:
            tapped = since + waited < now
            at = min(since + waited, now) if tapped else since
            more = {"cause": "tap", "by": f"o{n % OFFICERS}", "since": since} if tapped else {}
            yield _receipt(alert_id, n, states.SHOWN if tapped else states.WAITING, at, **more)
        elif channel == "dingtalk":
            yield _receipt(alert_id, n, states.RETRYING, now, held="halted:dingtalk")
        elif n % 53 == 7:
            yield _receipt(alert_id, n, states.REFUSED, since, reason="机器人已被移除（93000）")
        else:
            yield _receipt(alert_id, n, states.SHOWN, since + timedelta(seconds=n % 40))
    for n in range(60):
        level = ("remind", "remind", "deputy", "station")[n % 4]
        yield e.NoticeRequested(
            event_id=event_id(alert_id, "notice", n), at=now - timedelta(minutes=5), person_id=f"o{n}",
            alert_id=alert_id, version=1, kind="warning", level=level, group_ids=(f"g{n:04d}",),
        )  # fmt: skip

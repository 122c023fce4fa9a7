"""Who says that they got it too is counted for the warning that stands, once; nobody else is."""

from types import SimpleNamespace

import msgspec
import pytest

from consumers.clusters.sightings import fits, says_too, sightings_in_words
from fenghuo.domain import events as e
from fenghuo.domain.alert import Alert, State
from tests.support.builders import NOON, content, draft, unmatched

BIZ = "谨防冒充市场监管部门的骗局"
SAID = "【反诈预警】近日有人发短信称“法人信息到期，请更新电签版”，索要银行卡。"


def standing(
    alert_id: str = "a1", title: str = BIZ, text: str = SAID, state: State = State.COMPLETED
) -> Alert:
    origin = draft().origin
    assert origin is not None
    return Alert(
        alert_id=alert_id, revision=3, version=1, state=state, content=content(title=title, text=text),  # type: ignore[arg-type]
        origin=msgspec.structs.replace(origin, fraud_type="OTHER", examples=()), created_by="system",  # type: ignore[arg-type]
        created_at=NOON, changed_at=NOON,
    )  # fmt: skip


async def found(text: str, *alerts: Alert, **changes: object) -> list[e.Event]:
    async def every() -> list[Alert]:
        return list(alerts)

    desk = SimpleNamespace(alerts=SimpleNamespace(all=every))
    ids, events = await sightings_in_words(desk, [unmatched("r1", text, **changes)])  # type: ignore[arg-type]
    assert ids == ({"r1"} if events else set())
    return events


@pytest.mark.parametrize("text", ["我也收到这个法人信息到期的短信了", "我们小区也有，说法人信息到期要更新"])
async def test_who_got_it_too_is_a_sighting_and_is_told_so(text: str) -> None:
    sighting, answer = await found(text, standing())
    assert isinstance(sighting, e.SightingRecorded) and isinstance(answer, e.ReplyRequested)
    assert (sighting.alert_id, sighting.reporter) == ("a1", "who-r1")
    assert answer.kind == "known" and BIZ in answer.text


async def test_nothing_is_counted_where_no_warning_fits_or_stands_or_two_do() -> None:
    text = "我也收到这个法人信息到期的短信了"
    assert await found(text) == []
    assert await found(text, standing(title="谨防刷单", text="【反诈预警】做任务垫付")) == []
    assert await found(text, standing(state=State.RECALLED)) == []
    assert await found(text, standing(), standing("a2")) == []


async def test_another_district_and_somebody_in_trouble_are_no_sighting() -> None:
    text = "我也收到这个法人信息到期的短信了"
    elsewhere = e.ReportPlace(district="别处")
    assert await found(text, standing(), place=elsewhere) == []
    assert await found(text, standing(), trouble=True) == []


def test_what_does_not_say_too_is_none() -> None:
    assert not says_too("法人信息到期，请更新电签版")
    assert not says_too("我也收到" + "了很长的一段话" * 30)
    assert not fits("我也收到这个短信了，是骗子吧", standing())

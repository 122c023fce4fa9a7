"""What a reporter is told first: danger before any judgement, an office for what is no fraud."""

from pathlib import Path

import pytest

from consumers import reply_texts
from consumers.judging import shipped_judge
from consumers.live_library import LiveLibrary
from consumers.service_table import ANY, load_services, shipped_services
from consumers.triage import Triage
from fenghuo.domain import events as e
from fenghuo.errors import Refused
from tests.support.builders import report

TRIAGE = Triage(LiveLibrary([]), shipped_judge())


async def told(text: str, stage: e.ScamStage = e.ScamStage.RECEIVED) -> tuple[e.ReportUnmatched, str]:
    outcome = await TRIAGE.on_reports_received([report("r1", text, stage=stage)])
    (row,) = [x for x in outcome.events if isinstance(x, e.ReportUnmatched)]
    (reply,) = [x for x in outcome.events if isinstance(x, e.ReplyRequested)]
    return row, reply.text


async def test_who_has_paid_is_told_to_call_110_whatever_stage_was_chosen() -> None:
    row, answer = await told("我刚转了两万给对方，他把我拉黑了，怎么办")
    assert row.stage in e.URGENT and row.stage_by_text and row.trouble and row.matter == "fraud"
    assert "110" in answer


async def test_a_stage_that_the_reporter_chose_is_not_by_the_text() -> None:
    row, _ = await told("我刚转了两万给对方，他把我拉黑了，怎么办", e.ScamStage.PAID)
    assert row.stage is e.ScamStage.PAID and not row.stage_by_text


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("我们楼六层着火了，窗户往外冒黑烟", ("119",)),
        ("我爷爷突然倒在地上，叫不醒", ("120",)),
        ("我真的不想活了，对不起爸妈", ("110", "12356", "打电话")),
    ],
)
async def test_an_emergency_is_answered_with_its_numbers_at_once(text: str, numbers: tuple[str, ...]) -> None:
    row, answer = await told(text)
    assert row.matter == "emergency" and row.trouble
    assert all(number in answer for number in numbers)


async def test_a_matter_for_an_office_is_sent_there() -> None:
    row, answer = await told("三单元路灯坏了一个星期没人修")
    assert row.matter == "service" and not row.trouble
    assert "这不归反诈" in answer and "12345" in answer


async def test_nothing_certain_is_never_called_harmless() -> None:
    _, answer = await told("有人让我明天去一个地方见面")
    assert "还不能确定，先别转账" in answer


def test_a_type_that_is_sure_is_named_with_what_to_do() -> None:
    calm = reply_texts.like("刷单返利", "凡是要求垫付资金做任务的，都是诈骗！", e.ScamStage.RECEIVED)
    assert "很像“刷单返利”骗局" in calm and "垫付" in calm
    assert "马上拨打 110" in reply_texts.like("刷单返利", "", e.ScamStage.PAID)


def test_every_service_that_ships_can_be_said() -> None:
    numbers = {service.number for service in shipped_services()}
    assert {"12345", "12333", "12315", "12393", "12329", "12348", "12356"} <= numbers
    assert all(
        service.number in reply_texts.service(service, e.ScamStage.RECEIVED)
        for service in (*shipped_services(), ANY)
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('[[service]]\nkind = "a"\nwords = ["b"]\nname = "c"\n', "line 1: number: missing"),
        ('[[service]]\nkind = "a"\nwords = "b"\nname = "c"\nnumber = "12345"\n', "line 3: words: a list"),
        ('[[service]]\nkind = "a"\nwords = ["b"]\nname = "c"\nnumber = "x"\n', "line 5: number: a telephone"),
        (
            '[[service]]\nkind = "a"\nwords = ["b"]\nname = "c"\nnumber = "110"\nfax = "1"\n',
            "line 6: fax: unknown",
        ),
        ('[[office]]\nkind = "a"\n', "office: only [[service]]"),
        ("kind = ", "Invalid value"),
    ],
)
def test_a_wrong_table_is_refused_by_line_and_field(tmp_path: Path, body: str, said: str) -> None:
    file = str(tmp_path / "services.toml")
    Path(file).write_text(body, "utf-8")
    with pytest.raises(Refused) as refused:
        load_services(file)
    assert said in str(refused.value) and file in str(refused.value)


def test_a_districts_own_table_replaces_the_shipped_one(tmp_path: Path) -> None:
    file = str(tmp_path / "services.toml")
    Path(file).write_text(
        '[[service]]\nkind = "灯"\nwords = ["路灯"]\nname = "路灯所"\nnumber = "0555-1234"\nsay = ""\n',
        "utf-8",
    )
    (own,) = load_services(file)
    assert (own.name, own.number, own.words) == ("路灯所", "0555-1234", ("路灯",))

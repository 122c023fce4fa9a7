"""The laws of telling from the words who is in trouble, whom to call, and what is no fraud."""

import pytest

from patterns.signals.urgency import CALM, LONGEST, urgency
from patterns.text.normalise import clean


def test_plain_talk_is_calm() -> None:
    assert urgency("") == urgency(clean("今天天气不错，晚上散步去吗")) == CALM


def test_money_gone_calls_the_police_and_is_never_drafted_from() -> None:
    found = urgency(clean("我刚转了两万给对方，他把我拉黑了，怎么办"))
    assert found.stage in ("money_moving", "paid") and found.trouble and found.calls == ("110",)
    assert found.matter is None and found.reasons


@pytest.mark.parametrize(
    ("text", "kind", "first"),
    [
        ("我们楼六层着火了，窗户往外冒黑烟", "fire", "119"),
        ("楼道里好重的煤气味，头都晕了", "gas", "119"),
        ("我爷爷突然倒在地上，叫不醒", "medical", "120"),
        ("隔壁男的拿刀追他老婆，女的一直喊救命", "violence", "110"),
        ("我真的不想活了，对不起爸妈", "despair", "110"),
    ],
)
def test_an_emergency_names_whom_to_call_first(text: str, kind: str, first: str) -> None:
    found = urgency(clean(text))
    assert (found.matter, found.emergency, found.calls[0]) == ("emergency", kind, first)
    assert found.trouble


def test_despair_over_lost_money_is_both() -> None:
    found = urgency(clean("借的二十万全被骗走了，我不想活了，对不起孩子"))
    assert found.stage in ("money_moving", "paid") and found.emergency == "despair"
    assert set(found.calls) == {"110", "12356"}


def test_what_stands_in_quotation_marks_is_the_fraudsters() -> None:
    told = "我妈说“您要保密，请别挂电话”，她正在银行柜台给对方转账，拦不住"
    assert urgency(clean(told)).trouble


def test_a_matter_for_an_office_is_no_trouble() -> None:
    found = urgency(clean("三单元路灯坏了一个星期没人修"))
    assert found.matter == "service" and not found.trouble and found.calls == ()


def test_padding_is_not_read() -> None:
    cry = clean("我刚转了两万给对方，他把我拉黑了，怎么办")
    assert urgency(cry + "。" + "好" * 10_000).trouble
    assert urgency("好" * LONGEST + cry) == CALM


def test_the_same_words_give_the_same_answer() -> None:
    text = clean("司机到楼下了，我爷爷正在数现金，对方一直催")
    assert urgency(text) == urgency(text)

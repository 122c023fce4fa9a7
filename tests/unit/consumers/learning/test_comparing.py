"""Comparing two judges: what a poisoned or a contradictory set of examples would do is said in words."""

from consumers.judging import shipped_judge
from consumers.learning.comparing import MOST_TEXTS, comparison_lines, shown_text, text_lines, warnings
from consumers.learning.examples import Example
from consumers.learning.figures import Comparison, compare, figures, is_honest, of, seen_by
from consumers.learning.senders import sender_of
from patterns.judgement.judge import Judgement

HONEST = [
    f"【城东农商银行】您尾号{1000 + n}的储蓄卡{n % 28 + 1}日入账工资{3000 + n}元，可在网点或手机银行查看。"
    for n in range(20)
]
FRAUDS = [
    f"妈，我手机摔坏了，这是同学{n}的号，培训班今天截止，先帮我转{1000 + n}到这张卡上，别打电话，在上课"
    for n in range(20)
]
NOTICES = [
    Example(id=f"h{n}", kind=f"h{n}", voice="notice", matter="other", text=x) for n, x in enumerate(HONEST)
]
BAITS = [Example(id=f"f{n}", kind=f"f{n}", voice="bait", type="LEADER", text=x) for n, x in enumerate(FRAUDS)]
CALM: list[Judgement] = [
    x._replace(voice="notice", suspicion=-4.0) for x in seen_by(shipped_judge(), NOTICES)
]
CALLED: list[Judgement] = [x._replace(voice="bait", suspicion=5.0, points=12) for x in CALM]


def compared(before: list[Judgement], after: list[Judgement]) -> Comparison:
    return compare([*NOTICES, *BAITS], before, after)


def unchanged() -> Comparison:
    return compared([*CALM, *CALLED], [*CALM, *CALLED])


def test_a_judge_that_changes_nothing_is_warned_of_in_no_word() -> None:
    assert warnings(unchanged(), [*NOTICES, *BAITS], [*CALM, *CALLED]) == []
    assert unchanged().cleared == 0
    assert unchanged().missed == unchanged().called == ()


def test_a_banks_notices_that_are_labelled_as_scams_are_named_as_a_banks() -> None:
    poison = [Example(id=x.id, kind=x.kind, voice="bait", type="KEFU", text=x.text) for x in NOTICES]
    (told,) = warnings(unchanged(), poison, seen_by(shipped_judge(), poison))
    assert "of the 20 examples that are labelled as fraud read as honest texts" in told
    assert "of senders of the kind bank" in told


def test_frauds_that_are_labelled_as_honest_are_named_too() -> None:
    bleach = [Example(id=x.id, kind=x.kind, voice="chat", matter="other", text=x.text) for x in BAITS]
    (told,) = warnings(unchanged(), bleach, CALLED)
    assert "20 of the 20 examples that are labelled as honest read as fraud" in told


def test_a_text_that_is_labelled_both_ways_is_counted() -> None:
    both = [NOTICES[0], Example(id="x", kind="x", voice="bait", text=NOTICES[0].text)]
    assert any(
        x.startswith("1 texts are labelled as fraud in one") for x in warnings(unchanged(), both, CALM[:2])
    )


def test_honest_texts_newly_called_are_told_by_voice_and_by_sender() -> None:
    found = compared([*CALM, *CALLED], [*CALLED, *CALLED])
    assert found.honest["notice"] == found.senders["bank"] == (20, 20)
    told = warnings(found, [], [])
    assert any("voice notice" in x and "20 of 20" in x for x in told)
    assert any("kind bank" in x for x in told)


def test_frauds_newly_missed_are_warned_of() -> None:
    found = compared([*CALM, *CALLED], [*CALM, *CALM])
    assert len(found.missed) == 20
    assert any("held-out frauds more would be missed" in x for x in warnings(found, [], []))


def test_at_most_so_many_texts_are_shown_of_both_kinds_masked_and_on_one_line() -> None:
    lines = list(text_lines([compared([*CALM, *CALLED], [*CALLED, *CALM])]))
    assert len(lines) == MOST_TEXTS
    assert {x.split("(")[0].strip() for x in lines} == {"now taken for fraud", "now missed"}
    shown = shown_text("请加 13812345678\n\x1b[31m" + "转账" * 100)
    assert "13812345678" not in shown
    assert shown.isprintable()
    assert len(shown) <= 90


def test_every_line_of_figures_stands_for_both_judges() -> None:
    lines = list(comparison_lines(unchanged()))
    assert sum("in force" in x for x in lines) == sum("learned " in x for x in lines)
    assert figures([*NOTICES], CALM).honest_called["notice"] == (0, 20)
    assert of((0, 0)) == "none to look at"


def test_a_warning_and_a_question_are_told_apart_when_honest_texts_are_counted() -> None:
    assert is_honest(NOTICES[0])
    assert not is_honest(BAITS[0])
    assert not is_honest(Example(id="q", kind="q", voice="question", text="这是真的吗"))


def test_a_sender_is_known_by_its_words() -> None:
    assert sender_of(HONEST[0]) == "bank"
    assert sender_of("取件码 3-2-1，驿站九点关门") == "courier"
    assert sender_of("今晚吃什么") == "others"

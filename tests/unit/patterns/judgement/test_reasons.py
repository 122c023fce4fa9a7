"""Why a text is suspicious, in words of our own tables and of the masked text."""

from consumers.judging import shipped_judge
from patterns.judgement.reasons import reasons, slots_in_words
from patterns.text.normalise import clean_batch


def test_slots_are_told_in_words_that_fit_who_it_is() -> None:
    assert slots_in_words("customer_service", "membership", ("screen",)) == (
        "冒充客服", "以会员扣费为由", "要求共享屏幕",
    )  # fmt: skip
    assert slots_in_words("landlord", "rent", ()) == ("自称房东", "以租房为由")
    assert slots_in_words("stranger", "", ("money",)) == ("要求付钱",)
    assert slots_in_words("", "", ("no such act",)) == ()


def test_the_reasons_begin_with_the_voice_and_quote_the_text_alone() -> None:
    text = "您的会员今晚开始每月扣费八百元，请下载会议软件共享屏幕，我教您关闭"
    judge, cleaned = shipped_judge(), clean_batch((text,))
    first, *others = reasons(judge, judge.judge(cleaned)[0], cleaned, 0)
    assert first == "像骗子的话"
    quoted = [word for line in others if line.startswith("可疑的话") for word in line.split("“")[1:]]
    assert quoted and all(word.split("”")[0] in text for word in quoted)

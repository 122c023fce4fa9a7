"""The laws of the learned judge, on the weights that ship and on small ones made by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.judging import judged_texts, shipped_judge
from patterns.judgement.judge import Judge, Judgement
from patterns.judgement.labels import ACTS, MATTERS, PRETEXTS, STAGES, VOICES, WAYS, WHO
from patterns.text.normalise import clean_batch

BAIT = "您好，我是平台客服，您的直播会员今晚开始每月扣费八百元，请下载会议软件共享屏幕，我教您关闭"
PADDING = "今天菜场的豆角便宜了，楼下的桂花也开了，晚上去广场走走吧，孩子的作业写完了没有，周末回不回来吃饭。"


def judge_of(*texts: str) -> list[Judgement]:
    return judged_texts(shipped_judge(), texts)


def test_a_text_is_judged_alike_alone_and_in_a_batch() -> None:
    texts = [BAIT, PADDING, "", "收到", "🔥" * 30, PADDING * 9 + BAIT]
    together = judge_of(*texts)
    assert [judge_of(text)[0] for text in texts] == together


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_judged_within_the_tables(text: str) -> None:
    [found] = judge_of(text)
    assert found.voice in VOICES and found.stage in STAGES and found.matter in MATTERS
    assert found.slots.who in {"", *WHO} and found.slots.pretext in {"", *PRETEXTS}
    assert set(found.slots.acts) <= ACTS.keys() and found.slots.way in {"", *WAYS}
    assert np.isfinite(found.suspicion) and all(0 <= share <= 1 for _, share in found.likely_types)


def test_a_type_that_does_not_lead_is_not_named() -> None:
    for text in (BAIT, PADDING, "在吗", "帮我个忙"):
        [found] = judge_of(text)
        (first, share), (_, next_share), _ = found.likely_types
        assert found.fraud_type in {None, first}
        assert (found.fraud_type is not None) == (share >= 0.30 and share - next_share >= 0.10)


@pytest.mark.parametrize("text", ["", " ", "。。。", "👍", "1", "ok", "收到，谢谢", "我到楼下了"])
def test_what_says_little_is_not_suspicious(text: str) -> None:
    assert judge_of(text)[0].suspicion < 0


def test_bait_hides_in_no_amount_of_everyday_talk() -> None:
    alone, hidden = judge_of(BAIT, PADDING * 12 + BAIT + PADDING * 12)
    assert judge_of(PADDING)[0].suspicion < 0 < hidden.suspicion
    assert alone.suspicion > 0


def test_spaces_between_characters_change_nothing() -> None:
    spaced = " ".join(BAIT)
    judge = shipped_judge()
    assert judge.judge(clean_batch((spaced,))) == judge.judge(clean_batch((BAIT,)))


@pytest.mark.parametrize(
    "written",
    [BAIT[::-1].replace("，", "。") + "。", "。" + BAIT[::-1], "\u202e" + BAIT[::-1]],
    ids=["ends_first", "behind_a_full_stop", "right_to_left"],
)
def test_what_is_written_backwards_is_read_backwards(written: str) -> None:
    assert judge_of("。" + BAIT[::-1] if written[0] not in "。\u202e" else written)[0].suspicion > 0


def test_the_telling_words_are_spans_of_the_text_in_order() -> None:
    judge, cleaned = shipped_judge(), clean_batch((PADDING, BAIT, " ".join(BAIT)))
    for i in range(3):
        spans = judge.telling(cleaned, i)
        assert all(0 <= start < end <= len(cleaned.string(i)) for start, end in spans)
        assert list(spans) == sorted(spans) and len(spans) <= 3
    assert spans, "a bait has telling words"


def test_two_judges_of_the_same_weights_judge_alike() -> None:
    weights = shipped_judge().weights
    again = Judge(weights)
    assert again.judge(clean_batch((BAIT,))) == shipped_judge().judge(clean_batch((BAIT,)))

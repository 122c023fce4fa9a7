"""What a report is: the rules of urgency and the judge's reading, together."""

import pytest

from consumers.judging import Assessed, assess_all, shipped_judge
from consumers.live_library import LiveLibrary

LIBRARY = LiveLibrary([])


def seen(text: str) -> Assessed:
    [found] = assess_all(LIBRARY.match, shipped_judge(), [text])
    return found


@pytest.mark.parametrize(
    "text",
    [
        "妈，我手机掉水里坏了，用同学的号跟你说，学校补课要交钱，急，先转三千到我们主任这个账户，别打电话",
        "您名下的卡涉嫌洗钱，请到没人的房间接受线上笔录，不要告诉家里人，全程开着摄像头，资金转入核查账户",
    ],
)
def test_the_fraudsters_own_words_are_nobodys_trouble(text: str) -> None:
    found = seen(text)
    assert (found.trouble, found.stage, found.called) == (False, "received", "like")


@pytest.mark.parametrize(
    "text",
    [
        "我刚把两万块转给那个客服了，现在他不接电话，怎么办",
        "我妈被电话里的人叫去银行转钱，拉都拉不住，快来人",
        "他还在电话里，让我把屏幕共享着，我卡里的钱已经少了八千",
    ],
)
def test_somebody_in_trouble_is_in_trouble(text: str) -> None:
    found = seen(text)
    assert found.trouble and found.stage in {"money_moving", "paid"}


@pytest.mark.parametrize("text", ["楼道里冒黑烟，有烧焦味，好像着火了", "有人拿刀在楼下砍人，快报警"])
def test_an_emergency_is_one_whatever_the_judge_reads(text: str) -> None:
    assert seen(text).matter == "emergency"


def test_what_could_be_a_scam_is_no_matter_for_an_office() -> None:
    assert seen("社保卡年审未过已停用，点 sb.example.org 重新登记").matter == "fraud"
    assert seen("小区路灯坏了一个星期，晚上黑得看不见路").matter in {"service", "other"}

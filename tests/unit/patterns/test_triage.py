"""The laws of judging one message by its cues."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.live_library import fraud_types, seed_patterns
from patterns.data.everyday_messages import EVERYDAY
from patterns.model import FraudType
from patterns.text.slots import example
from patterns.triage import assess

TYPES = tuple(fraud_types().values())
SEEDED = {pattern.pattern_id: (pattern.fraud_type, example(pattern.text)) for pattern in seed_patterns()}


def missed(right: Callable[[str, str], bool]) -> list[str]:
    return [pattern_id for pattern_id, (kind, text) in SEEDED.items() if not right(kind, text)]


def test_nine_seeds_of_ten_are_suspicious_without_any_pattern() -> None:
    wrong = missed(lambda _, text: assess(text, TYPES).suspicious)
    assert len(wrong) <= 0.1 * len(SEEDED), wrong


def test_the_guessed_type_is_right_for_most_seeds() -> None:
    wrong = missed(lambda kind, text: assess(text, TYPES).fraud_type == kind)
    assert len(wrong) <= 0.2 * len(SEEDED), wrong


def test_the_phrases_of_the_types_make_the_guess_and_nothing_else() -> None:
    for _, text in SEEDED.values():
        alone, helped = assess(text), assess(text, TYPES)
        assert (alone.cues, alone.danger, alone.suspicious) == (helped.cues, helped.danger, helped.suspicious)
        assert alone.fraud_type is None or helped.fraud_type is not None


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.code)
def test_the_phrases_of_a_type_point_to_it(kind: FraudType) -> None:
    assert assess("，".join(kind.cues), TYPES).fraud_type == kind.code


def test_a_likeness_decides_where_words_do_not_and_a_chance_one_says_nothing() -> None:
    said = "今天天气好"
    assert assess(said, TYPES, [("LOAN", 9.0)]).fraud_type is None
    assert assess(said, TYPES, [("LOAN", 20.0), ("ETC", 25.0)]).fraud_type == "ETC"
    told = "您的ETC认证失效，行驶证也失效"
    assert assess(told, TYPES, [("LOAN", 12.0)]).fraud_type == "ETC"
    assert assess(told, TYPES, [("LOAN", 90.0)]).fraud_type == "LOAN"


def test_a_likeness_makes_nothing_suspicious() -> None:
    alone, helped = assess("明天开会"), assess("明天开会", TYPES, [("LOAN", 90.0)])
    assert (alone.danger, alone.suspicious) == (helped.danger, helped.suspicious) == (0, False)


def test_where_nothing_points_to_a_type_none_is_guessed() -> None:
    assert assess("今天天气好", TYPES).fraud_type is None


@pytest.mark.parametrize(
    "text",
    [
        "收到，谢谢",
        "今天停水通知：因管道维修，今日上午九点至下午五点停水",
        "明天下午三点开家长会，请准时参加",
        "您的快递已到驿站，请凭取件码12-3-4567领取",
        "【某银行】您尾号1234的账户6月1日完成一笔支付交易，余额5元",
        "会议改到明天上午十点，在三楼会议室",
        "",
    ],
)
def test_an_everyday_message_offers_no_hook(text: str) -> None:
    found = assess(text, TYPES)
    assert not found.suspicious and not found.money_moving and found.danger < 20


def test_few_everyday_messages_are_suspicious() -> None:
    wrong = [text for text in EVERYDAY if assess(text).suspicious]
    assert len(wrong) <= 0.03 * len(EVERYDAY), wrong


@pytest.mark.parametrize(
    "text",
    [
        "您好，本公司长期代开各行业正规发票，验后付款，需要的请拨打 13800138000，打扰见谅",
        "【某某银行】您的信用记录良好，现可提高额度，请致电 13800138000，当日办理有效",
        "您好，本地长期办理各类证件、职称、学历，可先看样，有需要请加 zhuanyuan_88",
    ],
)
def test_a_text_that_only_leads_to_a_number_or_an_account_leans(text: str) -> None:
    found = assess(text, TYPES)
    assert found.leaning and not found.suspicious


@pytest.mark.parametrize(
    "text",
    [
        "我们小区的快递柜坏了，有事打物业电话",
        "反诈提醒：凡是要求转到安全账户的都是诈骗，不轻信、不转账，请拨打96110",
        "您的积分已到账，登录 www.10086.cn 查询",
    ],
)
def test_talk_advice_and_known_good_sites_do_not_lean(text: str) -> None:
    assert not assess(text, TYPES).leaning


def test_what_is_suspicious_leans_and_few_everyday_messages_do() -> None:
    seen = [assess(text) for text in EVERYDAY]
    assert all(found.leaning for found in seen if found.suspicious)
    assert sum(found.leaning for found in seen) <= 0.06 * len(EVERYDAY)


def test_a_police_notice_is_not_suspicious() -> None:
    assert not assess("反诈提醒：凡是要求转到安全账户的都是诈骗，不轻信、不转账，请拨打96110").suspicious


MOVING = (
    "我刚转了5000元怎么办",
    "我妈正在给对方转账",
    "已经被骗了3万",
    "钱已经转过去了",
    "老人准备去银行取现",
    "我把钱打过去了怎么办",
    "刚给他们付了800块押金",
    "我爸在银行排队汇款呢，劝不住",
    "我婆婆已经把金条寄走了",
    "刚充值了3000，现在提不出来",
    "卡里被扣了两万",
    "银行卡里的钱全没了",
    "骗子让我转账我已经转了两千",
    "已经付款了，能追回来吗",
    "我老公正在给那个客服打钱",
    "她非要去取钱，谁也拦不了",
    "前后一共转了六万多",
    "验证码已经告诉他了",
    "我交了1200保证金，对方就把我拉黑了",
    "邻居王阿姨正要去取现金交给上门的人",
    "昨天转了五千，今天又让我转一万",
    "我被骗了，三千块",
    "刚才按他说的打了两万过去",
    "家里老人急着要转钱给网上的人",
    "钱被转走了，卡里的钱没了",
    "我表妹已经垫了三单，她转了两千八",
    "刚付了定金对方就不回了",
    "刚刚被骗走了五千多块钱",
    "我婆婆现在正往那个账号汇钱",
    "定金付了他人就消失了",
    "我不小心给他们转了八百",
    "老妈在农行柜台要转钱，怎么劝都不听",
    "已经充了两万进那个投资软件，提不了现",
    "我弟弟刚刚扫码付了3800",
    "按客服说的操作，卡里少了一万二",
    "钱已经打给他了，现在联系不上",
    "昨晚我被骗了两万八，能追回来吗",
    "同事刚把5万转到那个所谓安全账户",
    "刚买了两千的购物卡把密码发给他了",
    "我爷爷正要把养老钱取出来交给他们",
    "一共垫了七单，投进去四万",
    "我姐刚才给骗子转了一万五",
    "老人正往柜员机那边去，要转八万",
    "我已经按他说的付了四百九",
    "怎么办，钱打出去了",
    "已经交了两笔保证金，还让我再交",
    "女儿刚刚把压岁钱全充进去了",
    "对方把我卡里两万多转走了",
    "投了五万进去，现在平台打不开",
    "我妈拿着存折要去汇款",
    "现金已经被上门的人拿走了",
    "我被刷走了六千",
    "我刚才手快给他扫了两千块过去",
    "表哥已经去银行给那个警官打款了",
    "我爸刚出门去取钱",
    "手机银行刚显示转出去四万九",
    "我按要求下载软件以后卡里的钱被转空了",
    "老伴偷偷给那个讲课的交了两万八",
    "已经给了他三千定金",
    "家里老人瞒着我们汇了十几万",
    "我已经寄出去两根金条了",
)
AT_REST = (
    "不要转账",
    "骗子让我转账我没理",
    "转账前先核实",
    "请在30分钟内垫付6800元，超时作废",
    "为证明清白，请将存款转入国家监管账户",
    "先帮我给朋友转五万，下午还你",
    "您已付款成功，感谢惠顾",
    "我差点转账，幸好银行拦住了",
    "对方让我转五千，我没转",
    "这个要我交保证金，是真的吗",
    "上次借你的五百，今天转给你了，查收一下",
    "帮我先垫一下，晚上给你",
    "【某银行】您尾号1234的账户转账800元",
    "听说隔壁小区有人被骗了几十万",
    "如已转账请立即拨打110",
    "需先缴纳解冻金2000元方可提现",
    "把钱打到这个账户，今天就放款",
    "快去银行取八万现金，叔叔来拿",
    "我已为您垫付三百元，请尽快归还",
    "爸，这个月房贷我已经转到你卡上了",
    "你先转两千，晚上我还你",
    "买家已付款，请尽快发货",
    "反诈提醒：凡是要求转账的都是诈骗",
    "转了三个群就能领",
    "付款后联系客服",
    "刚收到的短信，让我交钱，是不是诈骗",
    "今天下午五点前付款的当天发",
    "他说只要充值就能返利",
    "转账时请备注学生姓名",
    "您有一笔转账待领取，请点击链接",
    "今天交了物业费，一共八百",
    "刚给孩子交了学费三千",
    "我没有转钱，就是问问",
    "刚在超市付了款发现少找钱",
    "他让我先打五百块押金，我有点怀疑",
    "马上就要交房租了",
    "请把货款打到公司账户，户名某某",
    "电话里说要我转到安全账户，我挂了",
    "做任务要先垫付三百才能领佣金",
    "银行说我妈的卡刚才转账成功",
    "我准备去银行存点钱",
    "还差最后一单，充值3000即可全部提现",
    "如需转账请到柜台办理",
    "妈，生活费收到了，谢谢",
    "他要我加微信转账，我没加",
    "我妈问能不能转账给她",
    "客户昨天把货款打过来了",
    "请问转账限额是多少",
    "今天去银行取号排队",
    "帮我转发一下，谢谢",
    "他一直催我付款，我还没付",
    "下午去取快递",
    "保证金两千，交了才能接单",
    "我们已经付款的订单怎么退",
    "他让我去取钱，我没去",
    "每月固定给老人打钱",
    "这个要先交钱吗",
    "我把身份证丢了，怎么补办",
    "儿子要转学，材料交给谁",
    "他们公司把工资打到卡上",
    "被拉进一个群，说能赚钱",
    "卡里余额怎么查",
    "我妈去取药了",
    "客服说退款已经打给商家了",
)


@pytest.mark.parametrize("text", MOVING)
def test_money_on_the_move_is_noticed(text: str) -> None:
    assert assess(text).money_moving
    assert assess(f"大家帮我看看。{text}。急！").money_moving


def test_money_on_the_move_is_dangerous_even_beside_advice() -> None:
    found = assess("反诈提醒说这是诈骗，可我妈正在给对方转账")
    assert found.money_moving and found.danger >= 40


@pytest.mark.parametrize("text", AT_REST)
def test_talk_of_transfers_is_not_money_on_the_move(text: str) -> None:
    assert not assess(text).money_moving


def test_a_scam_that_tells_its_victim_to_pay_is_not_money_on_the_move() -> None:
    assert missed(lambda _, text: not assess(text).money_moving) == []


def test_everyday_payments_are_not_money_on_the_move() -> None:
    assert [text for text in EVERYDAY if assess(text).money_moving] == []


def test_a_threat_with_a_deadline_and_a_link_is_dangerous() -> None:
    found = assess("您的法人信息已到期，请于今日24时前登录 gs.example.com 认证，逾期列入经营异常名录")
    assert found.fraud_type == "BIZ" and found.suspicious and found.danger >= 60


def test_a_government_link_is_no_cue() -> None:
    assert "link" not in assess("请登录 www.gsxt.gov.cn 办理").cues
    assert "link" in assess("请登录 gov.cn.example.com 办理").cues


@pytest.mark.parametrize(
    "text", ["想了解的佳嶶 zhang_1987", "加扣扣1234567", "+v: abcdefg", "家薇芯zhang1987"]
)
def test_a_disguised_account_is_a_hook(text: str) -> None:
    assert "account" in assess(text).cues


@pytest.mark.parametrize("text", ["加扣1234567", "加秋1234567"])
def test_a_qq_number_behind_one_character_is_a_hook(text: str) -> None:
    assert "account" in assess(text).cues


@pytest.mark.parametrize("text", ["收\u200b到\u200b了", "①②③④", "刷銭収恏"])
def test_characters_dressed_up_are_a_hook(text: str) -> None:
    found = assess(text)
    assert "disguise" in found.cues and found.suspicious


def test_a_list_with_circled_numbers_is_no_disguise() -> None:
    assert "disguise" not in assess("请带①身份证②户口本③照片④居住证").cues


def test_an_honest_notice_that_refuses_what_scams_ask_for_is_not_suspicious() -> None:
    asked = "您的快递丢失，请添加理赔专员微信 lipei_668 并下载会议软件办理三倍赔付"
    refused = "您的快递丢失，三天内原路退回，请在官方APP查看，无需添加任何人，也不用下载会议软件"
    assert assess(asked).suspicious and not assess(refused).suspicious


@given(st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_any_text_is_assessed(text: str) -> None:
    assert 0 <= assess(text, TYPES).danger <= 100

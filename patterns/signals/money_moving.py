"""Whether money is moving: the writer reports that somebody is paying a stranger now, or has just paid.

A scam that tells its victim to pay, a payment to a friend and a past case use the same words, so each clause
is judged by itself.
"""

import re
from functools import cache

from patterns.text.literals import Literals, needed

_WHO = (
    r"我|俺|咱|家里|家人|老[人公婆伴]|[妈爸爷奶姑姨叔舅哥姐弟妹]|孩子|儿子|女儿|邻居|朋友|同[事学]"
    r"|住户|居民|群众|她|他"
)
_SUM = r"(?:\d|[一二两三四五六七八九十几]+[百千万]|[一二两三四五六七八九十]块)"
_GIVING = (
    r"(?:转账|转钱|汇款|汇钱|打款|打钱|付款|付钱|交钱|给钱|充值|充钱|垫付|垫钱|取钱|取现|取款|取现金|提现金"
    r"|买金条|买黄金|寄黄金|寄金条)"
)
_NOW = (
    r"正(?:在|要|准备|往|给|向)|准备|马上要|马上就要|就要|打算|急着|非要|已经?在|这会儿?在|在银行|去银行|到银行"
    r"|柜员机|atm"
)
_DONE = r"刚刚?|刚才|方才|已经?|今[天早]|昨[天晚]|上午|下午|早上|先后|前后|一共|总共|陆续"
_PAID = r"(?:转账?|汇款?|打款?|付款?|交|缴|充值|垫付?|存|刷|寄|取现?)"
_MOVING = (
    rf"(?:{_NOW}).{{0,10}}?{_GIVING}",
    rf"(?:{_NOW}).{{0,8}}?(?:转|汇|打|(?<!领)取|充|交|付).{{0,3}}?{_SUM}",
    r"(?:在|去|到)(?:银行|柜台|网点|柜员机|atm).{0,8}?(?:转账?|汇款?|打款|(?<!领)取)(?![件票号药])",
    rf"(?:{_DONE}|{_WHO}).{{0,8}}?{_PAID}(?:了|出去?了?|过去了?).{{0,6}}?{_SUM}",
    rf"(?:{_DONE}).{{0,10}}?(?:{_GIVING}|(?:转|汇|打|付|交)(?:了|出|过去)|付[定订押]金)",
    rf"(?:{_NOW}|{_DONE}|{_WHO}).{{0,4}}?把.{{0,10}}?(?:钱|款|{_SUM}).{{0,4}}?(?:转|汇|打|付|存|交|取|充|寄)",
    rf"(?:[妈爸爷奶婆公姑姨叔舅她他]|老人|家人).{{0,10}}?(?:(?<![只需想])要|(?<![让叫要]我)去){_GIVING}",
    rf"(?:{_DONE}).{{0,8}}?(?:[扫给]了.{{0,4}}?{_SUM}|寄(?:了|出).{{0,6}}?[金钱])",
    rf"^要(?:转|汇|取).{{0,2}}?{_SUM}",
    rf"(?:卡|账户|账).{{0,4}}?(?:钱|{_SUM}).{{0,3}}?(?:转走|刷走|扣走|划走|取走)"
    r"|(?:钱|现金|黄金|金条|存款).{0,4}?被.{0,10}?(?:拿走|取走|转走|骗走|刷走|划走)"
    r"|被(?:转走|刷走|划走|扣走|盗刷)了?",
    rf"投(?:了|进去?|入)了?.{{0,3}}?{_SUM}|买了.{{0,8}}?(?:购物卡|充值卡|金条|黄金)",
    rf"(?:{_DONE}).{{0,6}}?(?:转|汇|打|付|交|垫).{{0,4}}?{_SUM}.{{0,3}}?(?:了|过去|出去|给[他她]|给对方)",
    r"充了.{0,4}?(?:\d{4}|[一二两三四五六七八九十几]+[千万])",
    r"(?:钱|款|存款|积蓄|定金|押金|保证金|现金|金条|黄金|验证码).{0,6}?(?:转|打|汇|付|交|寄|取|给|报|告诉)"
    r"(?:过去|出去|走|出|给?(?:他|她|对方|骗子|人家))?了",
    rf"(?:被骗|骗走|骗去|被诈骗)了?.{{0,4}}?(?:{_SUM}|钱|光)|(?:我|妈|爸|老人|家人).{{0,4}}?(?:被骗了|上当了)",
    r"(?:卡|账户|账|余额|微信)(?:里|上|内)?的?(?:钱|余额|存款).{0,4}?(?:没了|不见了|被(?:转|刷|扣|划|盗))",
    rf"(?:卡|账户|账|余额)(?:里|上)?.{{0,3}}?少了.{{0,2}}?{_SUM}",
    r"(?:卡|账户)(?:里|上)?(?:刚|刚刚|已经)?被扣",
)
_NOT_MOVING = (
    r"您|贵[司方]|尊敬|请|差[点些]|幸好|幸亏|还好|好在|险些|多亏|没有?[转汇打付交给理]|没让|拦[住下]|劝[住阻]|拒绝|不要|别|勿"
    r"|如[果已]?|若|一旦|凡|避免|防止|(?:转|打|付|还|汇).{0,4}你|你(?!们).{0,6}(?:转|打|付|交|充)|[骗让叫要]你|讲座|案例|自称|冒充"
    r"|声称|据悉|近[日期]|听说|有人|隔壁|上(?:礼拜|周|个?月|次|回)|去年|前年|新闻|买家|卖家|发货|付款的|前付款|延迟|拨付|发放"
    r"|(?:快|赶紧|马上)去|先垫|物业费|学费|房[租贷]|水[电费]|电费|话费|超市|打[了过]?个?电话|宽带|饭|外卖|医院|挂号|停车|成功|过来"
)
"""Signs that rule a clause out: it addresses the victim, or is about something that did not happen, is past,
or is news."""
_SENT_IN_TRADE = r"回单|查收|收到回"
_OWN = r"[我俺咱]"
_SHORTEST_TOLD = 3


@cache
def _compiled(rule: str) -> re.Pattern[str]:
    return re.compile(rule)


@cache
def _literals() -> Literals:
    return Literals([needed(rule) for rule in _MOVING])


def money_is_moving(norm: str, advice: bool) -> bool:
    """Whether the writer says that somebody is paying a stranger right now, or has just paid.

    Within advice, which is about others, only what happens to the writer's own people counts.
    """
    rules = [_compiled(_MOVING[number]) for number in _literals().held(norm)]
    if not rules or _compiled(_SENT_IN_TRADE).search(norm):
        return False
    return any(
        any(rule.search(clause) for rule in rules)
        and not _compiled(_NOT_MOVING).search(clause)
        and (not advice or _compiled(_OWN).search(clause) is not None)
        for clause in re.split(r"[,。!?;:\n】\]]", norm)
        if len(clause) > _SHORTEST_TOLD
    )

"""Whose a number, an account or a name in a text is: a resident's, the fraudster's, or nobody can tell.

What a person tells (骗子让我转到…) is read by the words nearest to the entity. In a bait everything to
contact or to pay is the fraudster's, and what is said to be yours (您的卡号) is a resident's.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import Literal

Owner = Literal["resident", "fraudster", "unknown"]
Teller = Literal["told", "bait", "unknown"]
"""Who speaks: somebody who tells of a fraud or of themselves, the fraudster, or nobody can tell."""

OWNED = frozenset(
    "phone virtual_phone landline foreign_phone bank_card email qq qq_group wechat handle wallet plate person"
    " invite_code".split()
)
"""Kinds that are somebody's."""

_WOMEN = "妈|奶|母亲|外婆|姥姥|女儿|闺女|孙女|老婆|妻子|媳妇|大妈|阿姨|婶"
_MEN = "爸|爷|父亲|外公|姥爷|儿子|孙子|老公|丈夫|大爷|叔"
_ANYBODY = (
    "父母|姥|孩子|孙|爱人|老伴|邻居|同事|同学|朋友|亲戚|室友|战友|居民"
    "|住户|村民|业主|老人|受害|报案|当事|失主|事主|机主|家长|学生|被骗人"
)
_KIN = f"{_WOMEN}|{_MEN}|{_ANYBODY}"
_MEANT_BY = {"他": f"{_MEN}|{_ANYBODY}", "她": f"{_WOMEN}|{_ANYBODY}"}
"""Whom of a family a pronoun may mean instead of the fraudster."""
_TO_ME = "[发留推传寄送让叫要逼教骗拉喊催给跟问找对加约带劝把]"
_TOLD = (
    rf"骗子|被骗|上当|对方|[他她](?:让|说|叫|给|发|要|问|打|用|把|知道|拿|教|留|推)|(?:[让叫逼骗教喊催]|问)我|我(?:{_KIN})"
    r"|报了?警|怎么办|咋办|帮忙|救命|(?:接|收)到(?:了)?(?:一个|一条|个|条)|打来|取[钱现]的|嫌疑人|嫌犯|诈骗电话|民警同志"
)
_BAIT = (
    r"您|尊敬|恭喜|点击|戳|详询|咨询|领取|名额|日结|佣金|返利|额度|下款|贷款|兼职|福利|优惠|特价|激活|冻结|逾期|认证|开通|【"
    r"|请(?!问|帮|大家)|回复|下载|你的"
)
_GREETS = "^(?:【[^】]{0,20}】)?(?:你好|亲|嘿|嗨|哈[啰喽罗]|hi(?![a-z])|hello|客户|老板|美女|帅哥|老?朋友)"
_INVITES = "加我|速加|进[群裙]|[加家佳伽迦咖枷泇嘉+][^a-z0-9]{0,3}(?:微|徽|薇|维|威|扣|抠|筘|q|v|裙|群|我)"
_ABOUT_ME = rf"(?<!加)[我俺咱](?!们)|本人|自己|家里|{_KIN}|(?<![a-z])my(?![a-z])"

_THEIRS = (
    r"骗子|诈骗|对方|嫌疑|嫌犯|犯罪|自称|冒充|假冒|陌生|不明|可疑|客服|专员|导师|主播|卖家|商家|群主|老师|助理|中介|车手|马仔"
    rf"|{_TO_ME}我|收[款钱账]|[转汇打存付充交](?:账|款|钱|现)?[到给入往进]|[转汇打]账|打款|转账|汇款|充值|户名|开户|加(?:了|的|过|个|微信|qq|扣|v|群|[他她])|添加"
    r"|进群|群号|那个?人|有[人个]|(?<!我)说是|来电|打来|打过来|发来|发的|推[给送]|留的?|接[到了]|收到|看到|显示|[取拿收]现|取钱|取款|走[的了]|上门|开着?(?:一?辆|了辆|的|个)?$|开走|跑了|坐的车|拨打|致电|联系(?!我)"
)
_OURS = (
    rf"(?<!{_TO_ME})[我俺咱](?!们)|本人|自己|家里|{_KIN}|联系方式"
    r"|(?:联系|打|找|回)我|回电|(?<![a-z])my(?![a-z])"
)
_THEIR_NAMES = "骗子|对方|自称|嫌疑|嫌犯|收[款钱]|户名|开户|[转汇打]给|取[钱现]"
_YOURS = (
    r"(?:[您你贵]的?|用户|客户)(?:尾号|名下|账[户号]|银行卡|储蓄卡|信用卡|卡号?|手机号?码?|号码?|订单|包裹|快递|车辆?|身份证|电话|本人|微信|qq|邮箱)"
    r"[^,。]{0,6}$|(?:用户|客户|会员|尊敬的|您好)[:, ]?$"
)
"""What a bait says of its reader, up to the detail."""
_PRONOUN = "[他她](?!人)"
_NEAR, _BEHIND = 26, 12
_SENTENCE = re.compile("[。!?;]")


@cache
def _compiled(rule: str) -> re.Pattern[str]:
    return re.compile(rule)


@cache
def _cues(named: bool) -> re.Pattern[str]:
    theirs = _THEIR_NAMES if named else _THEIRS
    return re.compile(f"(?P<f>{theirs})|(?P<r>{_OURS})|(?P<p>{_PRONOUN})")


def teller(text: str) -> Teller:
    """Who speaks in a normalised text."""
    if _compiled(_TOLD).search(text):
        return "told"
    if _compiled(_BAIT).search(text) or _compiled(_GREETS).search(text):
        return "bait"
    about_me, invites = _compiled(_ABOUT_ME).search(text), _compiled(_INVITES).search(text)
    if about_me or invites:
        return "told" if not invites else "bait" if not about_me else "unknown"
    return "unknown"


def owners(text: str, spans: Iterable[tuple[str, int, int, str]]) -> list[Owner]:
    """The owner of each span of a normalised text, in order."""
    found, speaks = list[Owner](), ""
    for kind, start, end, _ in spans:
        if kind not in OWNED:
            found.append("unknown")
            continue
        speaks = speaks or teller(text)
        left = _SENTENCE.split(text[max(0, start - _NEAR) : start])[-1]
        if speaks == "bait":
            found.append(_of_bait(kind, left))
        else:
            right = _SENTENCE.split(text[end : end + _BEHIND], maxsplit=1)[0]
            owner = _of_story(kind, left, right, text[:start])
            found.append("unknown" if owner == "resident" and speaks == "unknown" else owner)
    return found


def _of_bait(kind: str, left: str) -> Owner:
    if _compiled(_YOURS).search(left):
        return "resident"
    return "fraudster" if kind != "person" or _compiled(_THEIR_NAMES).search(left) else "unknown"


def _of_story(kind: str, left: str, right: str, before: str) -> Owner:
    """By the nearest word before it in its sentence, else by the first one behind it; a name is the
    fraudster's only behind a word that says so."""
    cues = _cues(kind == "person")
    last = None
    for match in cues.finditer(left):
        last = match
    if last is None:
        last = cues.search(right) if kind != "person" else None
    if last is None:
        return "unknown"
    if last.lastgroup == "p":
        return "unknown" if _compiled(_MEANT_BY[last[0]]).search(before) else "fraudster"
    return "fraudster" if last.lastgroup == "f" else "resident"

"""Second checks of names: a surname with its title, a full name that the words around it make certain.

Wherever a surname stands before characters of given names, what is left and right of it decides.
"""

import re
from functools import cache

from patterns.data.personal_names import (
    COMPOUND_SURNAMES,
    GIVEN,
    NOT_NAMES,
    SURNAMES,
    TITLES,
    WORDS_LIKE_NAMES,
)

Place = tuple[str, int, int]

H = "\u4e00-\u9fff"
FULL_NAME_RULE = rf"(?P<surname>{COMPOUND_SURNAMES}|[{SURNAMES}])(?=[{GIVEN}])"
"""Where a full name may begin; `full_name` sees how long it is, and whether it is one."""

_GIVEN_CHARACTERS = frozenset(GIVEN)
_NO_NAME = frozenset("的了是在有和与们位这那么")
_NOT_A_MANAGER = frozenset("解由论念性智想会应当顺费")
_ONE_CHARACTER_TITLES = frozenset("总局处科队所")
_SPEAKS = frozenset("说让找要的你您,")
_CALLED_BY = frozenset("是找叫给跟我")

_KIN = (
    "[妈爸爹娘爷奶婆公叔舅姑姨嫂哥弟姐妹]|父亲|母亲|外婆|外公|姥姥|姥爷|女儿|儿子|闺女|孩子|宝贝|娃|孙子|孙女|外孙|侄子|侄女"
    "|老公|老婆|爱人|丈夫|妻子|老伴|对象|男友|女友|邻居|同事|同学|朋友|室友|战友|老乡|亲戚"
)
_OFFICE = (
    "老板娘?|班主任|老师|教练|民警|辅警|警官|会计|店主|房东|租客|医生|护士|经理|校长|园长|院长|书记|主任|司机|业主|户主|律师"
    "|师傅|学生|家长|群主|网格员|楼长|组长|队长|村长|阿姨|大爷|大妈|保姆|护工|住户|居民|村民|老人|患者|病人|机主|车主|店员|快递员|骑手"
)
_LABELS = (
    "(?:联系|收[款钱]|汇款|付款|开户|经手|持卡|嫌疑|报案|当事|收件|介绍|证明|推荐|担保|紧急联系|经办|负责|报警|受害|被害|被骗|借款|贷款|申请|监护|寄件|签收|委托)人|事主|失主|机主|受害者|[收取]钱的|收款的|户名|姓名|名字|昵称"
    "|卡主|嫌犯|骗子|自称"
)
_LIVES = r"[楼栋号室户村组院]的?$"
_BEHIND = '[ :是,“"]{0,2}$'
_INTRODUCES = rf"(?:[叫@]|我是|本人|{_KIN}|{_OFFICE}|{_LABELS}){_BEHIND}"
_ANNOUNCES = rf"(?:{_OFFICE}|{_LABELS}){_BEHIND}"
_BEGINS = r"(?:^|[ \])>】}|])"
_ENDS = rf"(?![{H}])|[的说让被在是给把刚昨今前上已收跑骗转联和跟与男女住家]|电话|手机|身份"
_SPOKE = (
    r" ?(?:发起|撤回|加入|退出|邀请|拍了拍|分享|修改)| ?(?:\([^)]{1,15}\))?:(?!//)"
    r"|[ (,]{1,2}(?:(?:19|20)\d\d[\-/年.]|\d{1,2}:\d\d|[上下]午|昨天)"
)
_DESCRIBED = (
    r"[,(]? ?(?:[男女](?![儿友方性人孩生])|今?年?\d{2}岁)|(?:的)?(?:身份证|手机号|银行卡|病历|户口|学籍)"
)
_DID = (
    r"(?:昨天|今天|前天|刚|刚刚|已经?|上午|下午|早上|晚上|又|也|都){0,3}"
    r"(?:收(?![到入款钱费回])|又去|被骗|被诈|上当|说[,:“\"]|让我|叫我|转了|汇了|报了?警|打来|失联|失踪|走失|住院|在家|加我)"
)
_ROOM = r"\d[室号户栋楼]?[ \-·]?"
_CLOSES = r"[”\"’'」)\]】 ,。]|$"
_TITLE_END = rf"(?:{TITLES}|[局处科队所院校厂镇乡村区县市]长|董事长?|总监|总裁|[总局处科队所老某])+$"


@cache
def _compiled(rule: str) -> re.Pattern[str]:
    return re.compile(rule)


def _han(char: str) -> bool:
    return "\u4e00" <= char <= "\u9fff"


def person(match: re.Match[str], text: str, _taken: bytearray) -> Place | None:
    """A full name, a labelled name, or a surname with its title; the title is part of it."""
    if "surname" in match.re.groupindex:
        return _full_name(text, *match.span())
    start, end = match.span(match.lastindex or 0)
    if match.lastindex:
        return None if text[start : start + 2] in WORDS_LIKE_NAMES else ("person", start, end)
    return ("person", start, end) if _titled(text, start, end) else None


def _titled(text: str, start: int, end: int) -> bool:
    """Whether text[start:end] is a surname with its title, and no common word (基金经理)."""
    before, behind = text[max(0, start - 1) : start], text[end : end + 1]
    if (
        before + text[start] in NOT_NAMES
        or text[start : start + 2] in NOT_NAMES
        or set(text[start:end]) & _NO_NAME
    ):
        return False
    if text[end - 1] in _ONE_CHARACTER_TITLES and (
        (_han(behind or " ") and behind not in _SPEAKS) or (_han(before or " ") and before not in _CALLED_BY)
    ):
        return False
    return not (text[end - 1] == "理" and behind in _NOT_A_MANAGER and behind)


def _full_name(text: str, start: int, given: int) -> Place | None:
    """A surname with one or two characters of given names, the longer first, if the place is certain."""
    if text[start : start + 2] in WORDS_LIKE_NAMES or text[start : start + 2] in NOT_NAMES:
        return None
    left = text[max(0, start - 6) : start]
    introduced = _compiled(f"{_INTRODUCES}|{_LIVES}").search(left) is not None
    if not introduced and left[-1:] + text[start] in NOT_NAMES | WORDS_LIKE_NAMES:
        return None
    ends = [
        end
        for end in (given + 2, given + 1)
        if end <= len(text) and _GIVEN_CHARACTERS.issuperset(text[given:end])
    ]
    for end in ends:
        if title := _compiled(rf" ?(?:{TITLES})").match(text, end):
            return ("person", start, title.end())
    for end in ends:
        if _certain(left, text[end : end + 24], introduced, whole=end - given > 1):
            return ("person", start, end)
    return None


def _certain(left: str, right: str, introduced: bool, *, whole: bool) -> bool:
    """Whether the words left and right of a name leave no doubt; `whole`: it has two given characters."""
    if _compiled(_DESCRIBED).match(right):
        return True
    if introduced and (
        _compiled(f"{_ENDS}|{_DID}").match(right) or (whole and _compiled(_ANNOUNCES).search(left))
    ):
        return True
    if _compiled(rf"{_BEGINS}$").search(left) and _compiled(_SPOKE).match(right):
        return True
    if _compiled(rf"{_ROOM}$").search(left) and _compiled(_CLOSES).match(right):
        return True
    return whole and not _han(left[-1:] or " ") and _compiled(_DID).match(right) is not None


def without_title(name: str) -> str:
    """The name in "surname, given name, title": "" if it is a surname with a title."""
    bare = _compiled(_TITLE_END).sub("", name).strip()
    return bare if len(bare) > 1 else ""

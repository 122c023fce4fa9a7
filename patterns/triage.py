"""Judge one message without any pattern: its cues of fraud, a guess at its type, how dangerous it is.

Weights are for ranking on a desk, not probabilities.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from patterns.entities import find_in
from patterns.identifiers import is_known_good
from patterns.judging import is_advice
from patterns.model import Entity, FraudType
from patterns.normalise import clean, normalise, sound


@dataclass(frozen=True, slots=True)
class Assessment:
    """`danger` is 0 to 100; `suspicious` means it offers a hook (link, account, timed threat ...)."""

    fraud_type: str | None
    cues: tuple[str, ...]
    danger: int
    money_moving: bool
    suspicious: bool


@dataclass(frozen=True, slots=True)
class _Cue:
    name: str
    weight: int
    rule: str
    types: tuple[str, ...] = ()
    hook: bool = True


_CUES: tuple[_Cue, ...] = (
    _Cue(
        "safe_account",
        45,
        r"安全账户|监管账户|核查账户|清查账户|核验账户|清查资金|资金(?:清查|核查)|公证账户",
        ("POLICE",),
    ),
    _Cue(
        "secrecy", 25, r"保密|不(?:要|得|许|能)告诉(?:家人|任何人|别人|爸|妈)|不要声张|单独房间", ("POLICE",)
    ),
    _Cue(
        "police",
        30,
        r"通信管理局|强制停机|涉嫌.{0,12}(?:洗钱|诈骗|犯罪)|通缉令|逮捕令|拘捕|警官|做笔录|线上笔录|检察院|公安局.{0,20}账",
        ("POLICE",),
    ),
    _Cue(
        "task",
        40,
        r"垫付|福利群|佣金|关注任务|联单|卡单|派单|返佣|返利|做任务|刷单|做单|点赞.{0,8}(?:元|佣|一单)|关注.{0,6}一单|日结",
        ("SHUADAN",),
    ),
    _Cue(
        "insider",
        35,
        r"内幕|内部[票股消]|带单|稳赚|高回报|高收益|收益率?\d|保本|听课|牛股|涨停|跟单|老师.{0,6}直播|助理进群",
        ("INVEST",),
    ),
    _Cue(
        "coin",
        30,
        r"虚拟币|数字货币|usdt|搬砖|跑分|走流水|泰达币|数字藏品|出借.{0,4}(?:收款码|银行卡|账户)",
        ("CRYPTO",),
    ),
    _Cue(
        "fee_first",
        40,
        r"解冻[费金]|(?<!一笔)保证金|刷流水|验资|核验金|激活金|会员费|手续费.{0,6}先|诚意金",
        ("LOAN",),
    ),
    _Cue("loan", 25, r"无抵押|秒批|秒到账|当天放款|预授信|授信额度|低息|放款|贷款", ("LOAN",)),
    _Cue(
        "credit",
        45,
        r"(?<!看)征信|校园贷|学生账户|注销.{0,6}(?:贷|账户)|利率.{0,8}(?:不符|超)|清空.{0,4}额度",
        ("CREDIT",),
    ),
    _Cue(
        "screen",
        40,
        r"共享屏幕|屏幕共享|远程(?:协助|控制)|下载.{0,4}会议|会议软件|进入?会议室|无障碍权限",
        ("KEFU",),
    ),
    _Cue(
        "secret_asked",
        35,
        r"(?:填写|提供|发送|输入|告知|核验|报|填).{0,8}(?:验证码|银行卡|卡号|密码|cvv)",
        (),
    ),
    _Cue(
        "auto_charge",
        40,
        r"百万保障|代理费|自动扣费|误开|误开通|每月(?:自动)?扣|(?:铂金|钻石|直播|金牌)会员|自动续费",
        ("MEMBER", "KEFU"),
    ),
    _Cue("claim", 25, r"理赔|双倍赔|三倍赔|赔付|备用金|退款.{0,8}(?:客服|专员)|主动退", ("KEFU",)),
    _Cue(
        "parcel", 30, r"(?:快递|包裹).{0,14}(?:丢失|破损|遗失|超标|召回|理赔|赔|到付)|礼品快递", ("EXPRESS",)
    ),
    _Cue("flight", 40, r"(?:航班|机票|高铁|列车).{0,24}(?:取消|延误|改签|退改|故障|补偿)", ("TICKET",)),
    _Cue(
        "etc",
        40,
        r"(?:一卡通|行驶证|车辆).{0,14}(?:停用|暂停|过有效期)|etc.{0,20}(?:失效|停用|过期|禁用|认证|冻结)|行驶证.{0,10}(?:失效|过期)|通行卡.{0,10}(?:失效|停用)",
        ("ETC",),
    ),
    _Cue(
        "medicare",
        35,
        r"(?:医保|社保|养老金|医疗保障|电子凭证).{0,20}(?:停用|冻结|失效|封停|异常|补贴|注销|更新)",
        ("MEDICARE",),
    ),
    _Cue(
        "business",
        30,
        r"(?:税务稽查|发票抽查|对公账户|公司账户|年度报告).{0,16}(?:异常|年检|截图|服务费|罚款)|(?:法人|营业执照|年报|工商|对公账户|经营异常|企业信息|市场监[管督]).{0,30}(?:已到期|信息.{0,3}到期|过期|认证|注销|登[录陆].{0,6}[a-z0-9]|逾期|更新|冻结|异常)",
        ("BIZ",),
    ),
    _Cue(
        "subsidy",
        30,
        r"可退税|(?:补贴|补助|消费券|退税|以旧换新|津贴).{0,20}(?:领取|申领|发放|扫码|可退|点击|登记|认证)",
        ("SUBSIDY",),
    ),
    _Cue(
        "refund", 35, r"清退|回款(?:通知|登记|通道)?|退费.{0,14}(?:app|群|下载|对冲|登记)|兑付", ("REFUND",)
    ),
    _Cue(
        "leader",
        35,
        r"(?:财务|出纳).{0,20}(?:打过去|付一笔|货款)|各位家长.{0,14}(?:资料费|材料费|培训费|教辅费).{0,20}扫|(?:我是|这是).{0,6}(?:[张王李刘陈杨赵黄周吴徐孙]?[局处总]长?|领导|书记|主任|老板).{0,30}(?:号|急|转|钱)|私人号",
        ("LEADER",),
    ),
    _Cue(
        "kin",
        36,
        r"(?:手机|电话).{0,2}坏了|听声音|换(?:了)?(?:个)?号|借同学号|信号不好.{0,20}(?:转|钱|保证金)|急用钱|先帮我(?:转|垫|付)",
        ("DEEPFAKE", "LEADER"),
    ),
    _Cue(
        "romance",
        35,
        r"亲爱的.{0,40}(?:平台|漏洞|稳赢|投|充)|海外服役|托人.{0,8}包裹|海关扣.{0,8}税|(?:宝贝|亲爱的).{0,30}路费",
        ("ROMANCE",),
    ),
    _Cue(
        "game",
        30,
        r"(?:账号|皮肤|装备|游戏币).{0,20}(?:元|解冻|担保|秒发|低价)|防沉迷|偶像.{0,10}(?:周边|福利|粉丝)",
        ("GAME",),
    ),
    _Cue(
        "sextort",
        50,
        r"裸聊|私密直播|删除费|通讯录.{0,20}(?:群发|发给|视频)|视频.{0,14}(?:群发|发给|通讯录)|激活后.{0,8}(?:看|直播)",
        ("SEXTORT",),
    ),
    _Cue(
        "courier_cash",
        45,
        r"取(?:出)?现金.{0,20}(?:交给|上门|专员|网约车)|网约车.{0,12}(?:送|现金|黄金|指定)|(?:金条|黄金).{0,16}(?:快递|寄|验资|上门)",
        ("COURIER_CASH",),
    ),
    _Cue(
        "elder",
        35,
        r"民族资产|老钱币|鉴定费|解冻资金|养老床位|免费(?:体检)?领鸡蛋|分得.{0,6}资金",
        ("ELDER",),
    ),
    _Cue(
        "shopping",
        25,
        r"内部员工价|先付定金|(?:直接|私下)转我|走平台.{0,8}手续费|关税.{0,10}元|尾款|内场票|代购.{0,14}(?:补缴|海关)|定金.{0,10}转",
        ("SHOPPING",),
    ),
    _Cue(
        "gamble",
        30,
        r"中.{0,3}[一二三特]等奖|公证费|包赔|彩金|首(?:充|存).{0,6}送|返水|棋牌|百家乐|娱乐城|稳赢|注册.{0,4}送\d",
        ("OTHER",),
    ),
    _Cue(
        "earnings",
        25,
        r"(?:日|月|天|周)(?:赚|挣|入\d|收入?\d|结)|每[天日月].{0,8}(?:赚|挣|\d{3})|带[你您我].{0,6}(?:赚|挣|玩彩|做单)|盈利|"
        r"(?:回血|回本)|手机挂机|送\d{2,}|冲\d{2,}|首批提取",
    ),
    _Cue(
        "transfer",
        25,
        r"转账|汇款|打款|转(?:入|到|进|给|我)|\d元.{0,8}(?:付|缴|交)|(?:缴纳?|付|交)[^，,。易]{0,4}\d{1,9}元|先垫",
        (),
    ),
    _Cue(
        "contact",
        20,
        r"加(?:我|微信|qq|群|好友|客服|专员|助理|警官)|添加.{0,10}(?:微信|专员|客服|老师)|进群|入群|联系(?:客服|专员|接待)",
        (),
    ),
    _Cue("app", 20, r"下载.{0,8}(?:app|软件|应用)|安装.{0,8}(?:app|软件)|邀请码", ()),
    _Cue("qr", 20, r"扫码|扫.{0,6}二维码|扫一扫", ()),
    _Cue("click", 15, r"点击|点开|点此|戳|登[录陆]\s?[a-z0-9]|访问", (), False),
)
_THREAT = r"失效|停用|冻结|注销|逾期|封停|异常名录|销户|作废|影响征信|扣费|起诉|吊销"
_DEADLINE = (
    r"今日|今天|今晚|\d{1,2}[时点](?:前|之前)|\d\s?(?:小时|分钟)|24小时|即将|立即|尽快|马上|最后|仅剩"
    r"|(?:月|日)前"
)
_MONEY = (
    r"(?:我|我妈|我爸|家人|老人|妈妈|爸爸|邻居|他|她)?(?:刚才?|已经?|正在|正要|准备|马上要?)(?:给.{0,8})?(?:转了?账?|汇了?款?|打了?款|付了?款|取钱|取现)"
    r"|(?:已|已经|刚)(?:被骗|转出|转过去|付出去|汇出)|(?:刚|正在|正要|准备|马上要?)(?:去|到)?.{0,4}(?:转账|汇款|打款|取钱|取现)|被骗了?.{0,4}\d|钱.{0,4}(?:转|打|汇)(?:过去|出去|走)了|转了.{0,6}(?:万|元|块|千)"
)


@cache
def _compiled(rule: str) -> re.Pattern[str]:
    return re.compile(rule)


def _strange_link(link: Entity) -> bool:
    return not is_known_good(link.value)


@cache
def _spoken_account() -> re.Pattern[str]:
    """An invitation to add an account, in whatever characters sound alike (佳嶶 zhang_1987, 扣1234567).

    为, which sounds like 微, is no disguise of it: a code is 为640287.
    """
    add, we, letter, q = sound("加"), sound("微"), sound("信"), sound("扣")
    handle = r"[^a-z0-9\n]{0,4}(?=[a-z0-9_\-]*\d)[a-z0-9_\-]{6,20}"
    return re.compile(
        rf"(?:{add}.{{0,2}}{we}|{we}.?{letter}|[{q}{we}{letter}]|(?<![a-z0-9])(?:v|q|vx|wx|qq)[:+ ])"
        rf"(?:{handle}|[^a-z0-9\n]{{0,3}}[a-z]{{6,20}}(?![a-z]))"
    )


_SHORT_LINK = (
    r"(?<![a-z0-9.])[a-z0-9]{1,12}(?:\.[a-z0-9]{1,8}){1,3}/[a-z0-9]{1,12}(?![0-9./])"
    r"|[a-z0-9]\.c[0o]m?(?![a-z])"
)
_PHRASE_WEIGHT = 8
"""What each character of a type's phrase weighs in the guess at the type."""
_ODD = frozenset("亻讠钅氵扌忄銭収忝伱恏琓荬佣氺沖鎹莪嘚菿啲")


def _disguised(raw: str) -> bool:
    """Whether characters are dressed up in a way that only evading a filter explains."""
    hidden = sum(unicodedata.category(c) == "Cf" and c not in "\u200d\ufeff" for c in raw.strip())
    odd = sum(c in _ODD or 0x2460 <= ord(c) < 0x2500 or 0x1D400 <= ord(c) < 0x1D800 for c in raw)
    return hidden >= 2 or odd >= 3


def _entity_cues(raw: str, norm: str, entities: tuple[Entity, ...]) -> list[tuple[str, int]]:
    cues = []
    if any(e.kind == "url" and _strange_link(e) for e in entities) or _compiled(_SHORT_LINK).search(norm):
        cues.append(("link", 25))
    if any(
        e.kind in ("wechat", "qq", "qq_group", "handle", "wallet") for e in entities
    ) or _spoken_account().search(sound(norm.replace("为", " "))):
        cues.append(("account", 20))
    if any(e.kind == "invite_code" for e in entities):
        cues.append(("invite_code", 15))
    if _disguised(raw):
        cues.append(("disguise", 20))
    return cues


def _guess(cues: list[_Cue], norm: str, types: Iterable[FraudType]) -> str | None:
    """The type with the most weight among the cues and the phrases of the types; of equals, the one met
    first."""
    scores: dict[str, int] = {}
    for cue in cues:
        for place, code in enumerate(cue.types):
            scores[code] = scores.get(code, 0) + cue.weight - place
    for kind in types:
        weight = sum(_PHRASE_WEIGHT * len(phrase) for phrase in _phrases(kind) if phrase in norm)
        if weight:
            scores[kind.code] = scores.get(kind.code, 0) + weight
    return max(scores, key=lambda code: scores[code]) if scores else None


@cache
def _phrases(kind: FraudType) -> tuple[str, ...]:
    return tuple(clean(phrase) for phrase in kind.cues)


def assess(text: str, types: Iterable[FraudType] = ()) -> Assessment:
    """Cues, likely type, danger, whether money is said to be moving, and whether it could be bait at all.

    `types` lend their phrases to the guess at the type.
    """
    norm = normalise(text)
    hits = [cue for cue in _CUES if _compiled(cue.rule).search(norm.text)]
    extra = _entity_cues(text, norm.text, find_in(norm))
    if _compiled(_THREAT).search(norm.text) and _compiled(_DEADLINE).search(norm.text):
        extra.append(("threat_deadline", 20))
    moving = _compiled(_MONEY).search(norm.text) is not None
    danger = min(100, sum(c.weight for c in hits) + sum(w for _, w in extra) + (40 if moving else 0))
    advice = is_advice(norm.text) and not moving
    hooked = any(c.hook for c in hits) or bool(extra)
    cues = tuple(c.name for c in hits) + tuple(name for name, _ in extra)
    guess = _guess(hits, norm.text, types)
    return Assessment(guess, cues, danger // 3 if advice else danger, moving, hooked and not advice)

"""Judge one message without any pattern: its cues of fraud, a guess at its type, how dangerous it is.

Weights are for ranking on a desk, not probabilities.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from patterns.entities import find_in, is_known_good
from patterns.judging import hooks, is_advice, names_known_good
from patterns.model import Entity, FraudType
from patterns.normalise import clean, normalise, sound
from patterns.wording import WEAK_ADVICE


@dataclass(frozen=True, slots=True)
class Assessment:
    """`danger` is 0 to 100; `suspicious` means that it could be bait: it leads somewhere, or asks for money
    or secrets, as honest messages seldom do."""

    fraud_type: str | None
    cues: tuple[str, ...]
    danger: int
    money_moving: bool
    suspicious: bool


@dataclass(frozen=True, slots=True)
class _Cue:
    """`weight` is what it adds to the danger, `points` to the suspicion."""

    name: str
    weight: int
    points: int
    rule: str
    types: tuple[str, ...] = ()


_THEMES: tuple[_Cue, ...] = (
    _Cue(
        "safe_account", 45, 3,
        r"安全账户|监管账户|核查账户|清查账户|核验账户|清查资金|资金(?:清查|核查)|公证账户|保全户",
        ("POLICE",),
    ),
    _Cue(
        "secrecy", 25, 4,
        r"(?:案件|案情|全程|务必|必须)保密|不(?:要|得|许|能|准)告诉(?:家人|家里|爸|妈|儿女|大人|老[公婆])|别(?:跟|和|告诉).{0,4}(?:爸|妈|家里|儿女|邻居)"
        r"|不要声张|单独房间|瞒着|勿外传|别往",
        ("POLICE",),
    ),
    _Cue(
        "police", 30, 5,
        r"通信管理局|强制停机|涉嫌.{0,12}(?:洗钱|诈骗|犯罪)|通缉令|逮捕令|拘捕|警官.{0,3}(?:号|账)|线上笔录|专案组|撤案|保释|检察院|公安局.{0,20}账|被拘留",
        ("POLICE",),
    ),
    _Cue(
        "task", 40, 3,
        r"垫付|福利群|佣金|关注任务|联单|卡单|派单[员群]|返佣|返利|做任务|刷单|做单|点赞.{0,8}(?:元|佣|一单)|关注.{0,6}一单|信誉分|抢单",
        ("SHUADAN",),
    ),
    _Cue(
        "insider", 35, 3,
        r"内幕|内部[票股]|带单|稳赚|高回报|高收益|收益率\d|保本|牛股|涨停|跟单|老师.{0,6}直播|助理进群|喊单|荐股|原始股|入金",
        ("INVEST",),
    ),
    _Cue(
        "coin", 30, 3,
        r"虚拟币|usdt|搬砖|跑分|走流水|泰达币|数字货币|助记词|四件套|出借.{0,4}(?:收款码|银行卡|账户)|比特币|秒放币",
        ("CRYPTO",),
    ),
    _Cue(
        "fee_first", 40, 5,
        r"解冻[费金]|信用保证金|刷流水|验资|核验金|激活金|认证金|手续费.{0,6}先|诚意金|工本费|查档费|撤销费|封口费|删除费|鉴定费|证明费|押运费",
        ("LOAN",),
    ),
    _Cue(
        "loan", 25, 3,
        r"无抵押|秒批|秒到账|当天放款|预授信|黑户|不看征信|包下款|免审|无视(?:逾期|征信)|下款",
        ("LOAN",),
    ),
    _Cue(
        "credit", 45, 2,
        r"影响.{0,4}征信|征信.{0,4}(?:修复|洗白|异常|清零)|校园贷|学生账户|注销.{0,6}(?:贷|账户)|利率.{0,8}(?:不符|超)|清空.{0,4}额度|逾期记录",
        ("CREDIT",),
    ),
    _Cue(
        "auto_charge", 40, 5,
        r"百万(?:保障|医疗)|代理费|自动扣费|误开|每月(?:自动|多)?扣|(?:铂金|钻石|直播|金牌)会员|扣费协议|免密扣款",
        ("MEMBER", "KEFU"),
    ),
    _Cue(
        "claim", 25, 3,
        r"[双三两十]倍.{0,3}[赔退]|赔.{0,2}[十三双]倍|备用金|主动退|理赔(?:专员|客服|群|通道|码|款)|退赔|退款(?:专员|小组|通道)",
        ("KEFU",),
    ),
    _Cue(
        "parcel", 30, 2,
        r"(?:快递|包裹|派送).{0,14}(?:丢失|破损|遗失|超标|召回|理赔|赔|到付|补缴|弄破)|礼品快递",
        ("EXPRESS",),
    ),
    _Cue(
        "flight", 40, 2,
        r"(?:航班|机票|高铁|列车).{0,24}(?:取消|延误|改签|退改|故障|补偿)|起落架|误工补偿",
        ("TICKET",),
    ),
    _Cue(
        "etc", 40, 2,
        r"(?:一卡通|行驶证|车辆).{0,14}(?:停用|暂停|过有效期)|etc.{0,20}(?:失效|停用|过期|禁用|认证|冻结)|行驶证.{0,10}(?:失效|过期)"
        r"|通行卡.{0,10}(?:失效|停用)|[销消].{0,3}分",
        ("ETC",),
    ),
    _Cue(
        "medicare", 35, 2,
        r"(?:医保|社保|养老金|医疗保障|电子凭证).{0,20}(?:停用|冻结|失效|封停|异常|补贴|注销|清零)",
        ("MEDICARE",),
    ),
    _Cue(
        "business", 30, 3,
        r"(?:税务稽查|发票抽查|对公账户|公司账户|年度报告).{0,16}(?:异常|年检|截图|服务费|罚款)"
        r"|(?:法人|营业执照|年报|工商|对公账户|经营异常|企业信息|市场监[管督]).{0,30}(?:已到期|信息.{0,3}到期|过期|认证|注销|登[录陆].{0,6}[a-z0-9]|逾期|更新|冻结|异常)",
        ("BIZ",),
    ),
    _Cue(
        "subsidy", 30, 2,
        r"可退税|(?:补贴|补助|消费券|退税|津贴).{0,20}(?:领取|申领|扫码|扫.{0,6}码|可退|点击|登记|认证)",
        ("SUBSIDY",),
    ),
    _Cue(
        "refund", 35, 3,
        r"清退|回款(?:登记|通道|编号)|退费.{0,14}(?:app|群|下载|对冲|登记)|对冲|追回.{0,6}(?:资金|被骗)|挽损|良性退出",
        ("REFUND",),
    ),
    _Cue(
        "leader", 35, 3,
        r"财务.{0,20}(?:打过去|付一笔)|各位家长.{0,14}(?:资料费|材料费|培训费|教辅费).{0,20}扫"
        r"|(?:我是|这是).{0,6}(?:[张王李刘陈杨赵黄周吴徐孙]?[局处总]长?|领导|书记|主任|老板).{0,30}(?:号|急|转|钱)|私人号|老领导|刮开拍|充值卡",
        ("LEADER",),
    ),
    _Cue(
        "kin", 36, 3,
        r"(?:手机|电话).{0,2}(?:摔?坏了|扣了)|听声音|换(?:了)?(?:个)?号|借同学号|信号不好.{0,20}(?:转|钱|保证金)|急用钱|先帮我(?:转|垫|付)|救急",
        ("DEEPFAKE", "LEADER"),
    ),
    _Cue(
        "romance", 35, 4,
        r"亲爱的(?!会员|用户|客户|家长).{0,40}(?:平台|漏洞|稳赢|投|充)|海外服役|托人.{0,8}包裹|海关扣.{0,8}税|(?:宝贝|亲爱的).{0,30}路费|未婚夫",
        ("ROMANCE",),
    ),
    _Cue(
        "game", 30, 3,
        r"(?:账号|皮肤|装备|游戏币).{0,20}(?:元|解冻|担保|秒发|低价)|防沉迷|偶像.{0,10}(?:周边|福利|粉丝)|送皮肤|点券",
        ("GAME",),
    ),
    _Cue(
        "sextort", 50, 4,
        r"裸聊|私密直播|通讯录.{0,20}(?:群发|发给|视频)|视频.{0,14}(?:群发|发给|通讯录)|激活后.{0,8}(?:看|直播)|录了屏|敢报警|联系人.{0,8}导出",
        ("SEXTORT",),
    ),
    _Cue(
        "courier_cash", 45, 3,
        r"取(?:出)?现金.{0,20}(?:交给|上门|专员|网约车)|网约车.{0,12}(?:送|现金|黄金|指定)|(?:金条|黄金).{0,16}(?:快递|寄|验资|上门)"
        r"|(?:现[金钞]|钱).{0,14}(?:上门取|押运|挨家拿|司机|接收)|柜员.{0,6}问",
        ("COURIER_CASH",),
    ),
    _Cue(
        "elder", 35, 3,
        r"民族资产|老钱币|解冻资金|养老床位|免费(?:体检)?领鸡蛋|分得.{0,6}资金|扶贫款|血管堵|纪念册",
        ("ELDER",),
    ),
    _Cue(
        "shopping", 25, 4,
        r"内部员工价|先付定金|(?:直接|私下)转我|走平台.{0,8}手续费|关税.{0,10}元|内场票|代购.{0,14}(?:补缴|海关)|定金.{0,10}转|先款后|包过|祖传",
        ("SHOPPING",),
    ),
    _Cue(
        "own_account", 20, 3,
        r"(?:转|汇|打|存|缴|挪|交|提)[^,。;!?]{0,10}?[到给进入][^,。;!?您你我]{0,10}?(?:卡|账户|专户|户头)|指定.{0,4}(?:账户|地点)|提供的.{0,4}户",
    ),
    _Cue(
        "gamble", 30, 4,
        r"中.{0,3}[一二三特]等奖|公证费|彩金|首[充存].{0,6}送|返水|棋牌|百家乐|娱乐城|稳赢|注册.{0,4}送\d|[充冲]\d+送\d+.{0,4}(?:提|现)|包赔(?!偿)|帮.{0,3}[买带].{0,3}彩|彩票",
        ("OTHER",),
    ),
    _Cue(
        "earnings", 25, 2,
        r"(?:日|月|天|周)(?:赚|挣|入\d{3})|日结(?!婚)|[日当]?现结|每[天日].{0,8}(?:赚|挣|\d{2,3}[-~至到]\d{3})|带[你您我].{0,6}(?:赚|挣|玩彩|做单)|回血|回本|手机挂机|首批提取",
    ),
)  # fmt: skip
_HOOKS: dict[str, tuple[int, int]] = {
    "link": (5, 2), "account": (10, 4), "number": (10, 4), "app": (20, 5), "qr": (20, 5), "screen": (30, 6),
    "pay": (20, 3), "secret": (25, 3), "cash": (20, 3), "rent": (10, 1),
    "reply": (0, -1),
}  # fmt: skip
"""What each kind of hook (see `judging.hooks`) adds to danger and suspicion."""
_SIGNS: dict[str, tuple[int, int]] = {
    "link": (25, 10), "account": (20, 6), "invite_code": (15, 3), "disguise": (20, 10),
    "threat_deadline": (20, 2),
}  # fmt: skip
_SUSPICIOUS = 10
"""Points from which a text could be bait. All points come from a logistic regression on half of the seeds and
honest texts, rounded and adjusted by hand: what leads away counts, what honest messages say too does not."""
_REMARK = 30
"""Characters up to which a text is a remark rather than bait."""
_MORE_THAN_A_REMARK, _KNOWN_GOOD, _REFUSES, _WARNS = 5, 4, 3, 3
_MOVING_WEIGHT = 40

_THREAT = r"失效|停用|冻结|注销|逾期|封停|异常名录|销户|作废|影响征信|扣费|起诉|吊销"
_DEADLINE = (
    r"今日|今天|今晚|\d{1,2}[时点](?:前|之前)|\d\s?(?:小时|分钟)|24小时|即将|立即|尽快|马上|最后|仅剩"
    r"|(?:月|日)前"
)
_SHORT_LINK = (
    r"(?<![a-z0-9.])[a-z0-9]{1,12}(?:\.[a-z0-9]{1,8}){1,3}/[a-z0-9]{1,12}(?![0-9./])"
    r"|[a-z0-9]\.c[0o]m?(?![a-z])"
)
_ODD = frozenset("亻讠钅氵扌忄銭収忝伱恏琓荬佣氺沖鎹莪嘚菿啲")
_CIRCLED = r"[\u2460-\u24ff]{2,}"


@cache
def _compiled(rule: str) -> re.Pattern[str]:
    return re.compile(rule)


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


def _disguised(raw: str) -> bool:
    """Whether characters are dressed up in a way that only evading a filter explains.

    A circled number on its own is an item of a list.
    """
    hidden = sum(unicodedata.category(c) == "Cf" and c not in "\u200d\ufeff" for c in raw.strip())
    odd = sum(c in _ODD or 0x1D400 <= ord(c) < 0x1D800 for c in raw)
    circled = sum(map(len, _compiled(_CIRCLED).findall(raw)))
    return hidden >= 2 or odd + circled >= 3


def _signs(raw: str, norm: str, entities: tuple[Entity, ...]) -> list[str]:
    signs = []
    if any(e.kind == "url" and not is_known_good(e.value) for e in entities) or _compiled(_SHORT_LINK).search(
        norm
    ):
        signs.append("link")
    if any(
        e.kind in ("wechat", "qq", "qq_group", "handle", "wallet") for e in entities
    ) or _spoken_account().search(sound(norm.replace("为", " "))):
        signs.append("account")
    if any(e.kind == "invite_code" for e in entities):
        signs.append("invite_code")
    if _disguised(raw):
        signs.append("disguise")
    if _compiled(_THREAT).search(norm) and _compiled(_DEADLINE).search(norm):
        signs.append("threat_deadline")
    return signs


# ---------------------------------------------------------------- money on the move

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
    r"正在|正要|正准备|准备|马上要|马上就要|就要|打算|急着|非要|已经?在|这会儿?在|在银行|去银行|到银行"
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
    rf"(?:{_DONE}).{{0,6}}?(?:转|汇|打|付|交|垫).{{0,4}}?{_SUM}.{{0,3}}?(?:了|过去|出去|给[他她]|给对方)",
    r"充了.{0,4}?(?:\d{4}|[一二两三四五六七八九十几]+[千万])",
    r"(?:钱|款|存款|积蓄|定金|押金|保证金|现金|金条|黄金|验证码).{0,6}?(?:转|打|汇|付|交|寄|取|给|报|告诉)"
    r"(?:过去|出去|走|出|给?(?:他|她|对方|骗子|人家))?了",
    rf"(?:被骗|骗走|骗去|被诈骗)了?.{{0,4}}?(?:{_SUM}|钱|光)|(?:我|妈|爸|老人|家人).{{0,4}}?(?:被骗了|上当了)",
    r"(?:卡|账户|账|余额|微信)(?:里|上|内)?的?(?:钱|余额|存款).{0,4}?(?:没了|不见了|被(?:转|刷|扣|划|盗))",
    r"(?:卡|账户)(?:里|上)?(?:刚|刚刚|已经)?被(?:转走|刷走|扣|划走|盗刷)",
)
_NOT_MOVING = (
    r"您|贵[司方]|尊敬|请|差[点些]|幸好|幸亏|还好|好在|险些|多亏|没有?[转汇打付交给理]|没让|拦[住下]|劝[住阻]|拒绝|不要|别|勿"
    r"|如[果已]?|若|一旦|凡|避免|防止|(?:转|打|付|还|汇).{0,4}你|你(?!们).{0,6}(?:转|打|付|交|充)|[骗让叫要]你|讲座|案例|自称|冒充"
    r"|声称|据悉|近[日期]|听说|有人|隔壁|上(?:礼拜|周|个?月|次|回)|去年|前年|新闻|买家|卖家|发货|付款的|前付款|延迟|拨付|发放"
    r"|(?:快|赶紧|马上)去|先垫"
)
"""What takes a clause out: it addresses the victim, or tells of what did not happen, is past, or is news."""
_SENT_IN_TRADE = r"回单|查收|收到回"
_OWN = r"[我俺咱]"
_SHORTEST_TOLD = 3


def _money_moves(norm: str, advice: bool) -> bool:
    """Whether the writer says that somebody is paying a stranger right now, or has just paid.

    Within advice, which tells of others, only what befalls the writer's own people counts.
    """
    if _compiled(_SENT_IN_TRADE).search(norm):
        return False
    rules = [_compiled(rule) for rule in _MOVING]
    return any(
        any(rule.search(clause) for rule in rules)
        and not _compiled(_NOT_MOVING).search(clause)
        and (not advice or _compiled(_OWN).search(clause) is not None)
        for clause in re.split(r"[,。!?;:\n】\]]", norm)
        if len(clause) > _SHORTEST_TOLD
    )


# ---------------------------------------------------------------- the type

_UNLIKE = 10.0
"""Up to this score the most alike pattern is chance: it says nothing of the type."""
_LIKENESS_WEIGHT = 0.5
"""What each point of likeness above that weighs, in characters of phrases."""


@lru_cache(maxsize=8)
def _phrases(types: tuple[FraudType, ...]) -> dict[str, tuple[str, ...]]:
    """The phrases of all types, cleaned, each with the types that it points to."""
    found: dict[str, list[str]] = {}
    for kind in types:
        for phrase in dict.fromkeys(map(clean, kind.cues)):
            found.setdefault(phrase, []).append(kind.code)
    return {phrase: tuple(codes) for phrase, codes in found.items()}


def _guess(
    themes: Sequence[_Cue], norm: str, types: tuple[FraudType, ...], nearest: Iterable[tuple[str, float]]
) -> str | None:
    """The type with the most weight; of equals, the one met first.

    A phrase weighs its length, shared among the types that it points to.
    """
    scores = defaultdict[str, float](float)
    for cue in themes:
        for place, code in enumerate(cue.types):
            scores[code] += cue.weight / 20 - place / 10
    for phrase, codes in _phrases(types).items():
        if phrase in norm:
            for code in codes:
                scores[code] += len(phrase) / len(codes)
    for code, score in nearest:
        if score > _UNLIKE:
            scores[code] += _LIKENESS_WEIGHT * (score - _UNLIKE)
    return max(scores, key=lambda code: scores[code]) if scores else None


def assess(
    text: str, types: Iterable[FraudType] = (), nearest: Iterable[tuple[str, float]] = ()
) -> Assessment:
    """Cues, likely type, danger, whether money is said to be moving, and whether it could be bait at all.

    `types` lend their phrases to the guess at the type; so does `nearest`: the type of each of the most
    alike patterns with its score (0 to 100), of whatever band.
    """
    norm = normalise(text)
    themes = [cue for cue in _THEMES if _compiled(cue.rule).search(norm.text)]
    asked, refused = hooks(norm.text)
    signs = _signs(text, norm.text, find_in(norm))
    advice = is_advice(norm.text)
    moving = _money_moves(norm.text, advice)
    found = [(cue.weight, cue.points) for cue in themes]
    found += [_HOOKS[kind] for kind in sorted(asked)] + [_SIGNS[sign] for sign in signs]
    advice = advice and not moving
    danger = min(100, sum(weight for weight, _ in found) + (_MOVING_WEIGHT if moving else 0))
    points = sum(point for _, point in found) + _bearing(norm.text, bool(refused))
    suspicious = points >= _SUSPICIOUS and not advice
    return Assessment(
        fraud_type=_guess(themes, norm.text, tuple(types), nearest),
        cues=tuple(dict.fromkeys([*(cue.name for cue in themes), *signs, *sorted(asked)])),
        danger=danger if suspicious or moving else danger // 3,
        money_moving=moving,
        suspicious=suspicious,
    )


def _bearing(norm: str, refuses: bool) -> int:
    """What the whole text adds to the suspicion: that it is more than a remark, that it speaks honestly."""
    return (
        _MORE_THAN_A_REMARK * (len(norm) > _REMARK)
        - _KNOWN_GOOD * names_known_good(norm)
        - _REFUSES * refuses
        - _WARNS * (_compiled(WEAK_ADVICE).search(norm) is not None)
    )

"""Invented scams that nobody knows, in any number, each in three people's words.

A campaign is put together from slots. Given are only those that the recogniser, as it stands, takes for new
and suspicious, and whose three texts make a cluster of their own.
"""

import itertools
import random
from collections.abc import Iterator

from consumers.credibility import DRAFT
from consumers.judging import judged_texts, shipped_judge
from consumers.live_library import seed_patterns
from patterns.clustering import Clusterer
from patterns.entities.redact import mask
from patterns.matching import Library

Campaign = tuple[str, str, str]
APART = 42
"""Likeness (0 to 100) that a campaign's first text has at most to any of an earlier campaign."""

_WHO = (
    "菜篮子直供站", "加装电梯办公室", "老年食堂订餐部", "智能水表更换组", "旧衣回收联盟",
    "社区充电桩运营部", "宠物疫苗登记处", "学区房核验中心", "低碳积分商城", "家电下乡补办点",
    "高龄津贴复核组", "暖气改造专班", "共享车位管家", "口粮田确权队", "图书漂流驿站", "渔船定位服务部",
    "果园冻害理算处", "村口监控升级组", "婚姻档案扫描室", "祠堂修缮募集会", "井盖换新指挥部",
    "防疫物资清退组", "乡村民宿联营社", "蜂农合作社总部",
)  # fmt: skip
_THING = (
    "阳台雨棚", "三轮车牌照", "老花镜补贴", "过冬白菜", "校服尺码", "祖屋门牌", "旧书捐赠证", "多肉盆栽",
    "广场舞音箱", "鱼塘增氧机", "钢琴考级纸", "旧手机相册", "公交老年卡", "鸭棚围网", "假牙模型",
    "空调外机", "古树认养号", "电动轮椅电池", "骨灰寄存格", "井水样本", "豆腐摊位", "舞蹈考场", "腊肉晾架",
    "太阳能热水管", "信报箱钥匙", "蜂箱木框", "口琴合奏名额", "腌菜坛子", "婴儿床护栏", "葡萄架铁丝",
    "拼车座套", "门球裁判哨", "绣花绷子", "粮票相框", "鸽舍脚环", "竹编簸箕", "孝老饺子券", "渔网浮标",
    "评书录音带", "桂花树苗", "石磨底座", "毛线团寄售", "搪瓷茶缸", "纸灯笼骨架", "窖藏红薯", "木工刨刀",
    "铜锁样品", "草帽订单",
)  # fmt: skip
_EVENT = (
    "被卫星影像判为超长", "抽中以旧换新的头签", "还差一张侧面照", "改由外省冷库发运", "与体测记录对不上",
    "跟新地图重复编号", "评上市级收藏", "列入外来物种普查", "夜里超过分贝上限", "序列号遭厂家召回",
    "印刷批次已经作废", "检出未清除的水印", "模糊得没法过闸", "落在候鸟通道里", "在实验室混了批",
    "挡住消防云梯", "排到最末一轮", "测出高温隐患", "明年按立方收取", "含有罕见矿物", "在夜市摇号中空缺",
    "调到邻市体育馆", "收到楼下联名意见", "被白蚁蛀过三成", "少盖骑缝章", "误登给同名邻居", "要送省城复秤",
    "被台风吹进河道", "拍卖行估了新价", "超出海关尺寸", "没赶上末班渡轮", "沾了油漆待洗",
)  # fmt: skip
_ACT = (
    "请在{hours}小时内打开 {link} 补传户主的手持身份证照", "请今晚{clock}点前登录 {link} 填写银行卡号核对",
    "请尽快点 {link} 下载专用程序并按语音操作", "请于{hours}小时内进入 {link} 预缴{money}元押金",
    "请立即访问 {link} 输入收到的验证码解除标记", "请周内在 {link} 绑定常用付款账户领取差额",
    "请扫海报上的码或点 {link} 交{money}元加急", "请务必{clock}点前在 {link} 用支付密码确认本人",
)  # fmt: skip
_ELSE = (
    "过时名额顺延给邻街", "不办的将由施工队直接拆走", "逾期每天加收{money}元看管钱",
    "超时自动视同放弃祖传份额", "未处理者明早停掉整单元的门禁", "拖延的会登在村口大屏上",
    "漏报的家庭三年内不得参加摇号", "迟到的按无主物送往外地仓库", "缺席者连带扣减全楼评分",
    "不回应就转交上门组收走原件",
)  # fmt: skip
_SIGHS = (
    "刚收到这个，像真的一样：", "邻居转给我的，大家看看：", "我妈手机里的，问是不是骗人的，", "又来一条，",
    "这个有人收到吗？",
)  # fmt: skip


class _Told:
    """One campaign, each time a little otherwise: another link, other sums, another beginning."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._who = dice.choice(_WHO)
        things, events = dice.sample(_THING, 3), dice.sample(_EVENT, 3)
        self._matter = "，".join(f"您的{thing}{event}" for thing, event in zip(things, events, strict=True))
        self._act, self._else = dice.choice(_ACT), dice.choice(_ELSE)
        self._name = "".join(dice.choices("bcdfghklmnprstwz", k=5))

    def once(self, form: str) -> str:
        dice = self._dice
        hours, clock, money = (
            dice.choice((12, 24, 48)),
            dice.randrange(6, 11),
            dice.choice((68, 99, 128, 300)),
        )
        link = f"{self._name}{dice.randrange(100)}.example.{dice.choice(('com', 'net', 'org'))}"
        text = form.format(who=self._who, matter=self._matter, act=self._act, threat=self._else)
        sigh = dice.choice(_SIGHS) if dice.random() < 0.5 else ""
        return sigh + text.format(hours=hours, clock=clock, money=money, link=link)


_FORMS = (
    "【{who}】{matter}，{act}，{threat}。",
    "{who}通知：{matter}。{act}，{threat}！",
    "[{who}]{matter},{act},{threat}",
)


def campaigns(seed: int = 7) -> Iterator[Campaign]:
    """One campaign after the other, apart from all before it; the same seed gives the same."""
    dice, library, clusters = random.Random(seed), Library(seed_patterns()), Clusterer()
    for tried in itertools.count():
        told = _Told(dice)
        first, second, third = (told.once(form) for form in _FORMS)
        places = [clusters.place(f"{tried}.{n}", mask(text)) for n, text in enumerate((first, second, third))]
        ours = {place.cluster_id for place in places}
        new = all(_is_new(library, text) for text in (first, second, third))
        if new and places[0].is_new and places[0].score < APART and len(ours) == 1:
            yield first, second, third
        elif places[0].is_new:
            clusters.forget(places[0].cluster_id)


def _is_new(library: Library, text: str) -> bool:
    """Whether the text is like no known scam, and suspicious by itself."""
    [verdict] = library.match([text])
    [judged] = judged_texts(shipped_judge(), [text])
    return verdict.band != "known" and judged.suspicion >= DRAFT

"""An invented district: groups, people, everyday reports. The same for the same numbers; all names are
invented."""

import csv
import random
from dataclasses import dataclass
from pathlib import Path

from fenghuo.domain.channels import (
    DINGTALK,
    FEISHU,
    NEEDS_CREDENTIAL,
    RELAY,
    SIGNING,
    WEBHOOK,
    WECOM_CUSTOMER_GROUP,
    WECOM_ROBOT,
)

DISTRICT = "示范区"
GROUPS = 3_162
RESIDENTS = 426_000
"""The size of the district of the real case."""
STATIONS_PER_TOWN = 2
TOWNS = (
    "东湖镇", "西岭街道", "南桥镇", "北苑街道", "清河镇", "柳林街道", "石门镇", "青浦街道",
    "白鹭镇", "双塔街道", "云台镇", "龙泉街道", "金沙镇", "枫桥街道", "梅溪镇", "永安街道",
)  # fmt: skip
_KINDS = (("业主群", "residents"), ("商户群", "business"), ("家长群", "parents"), ("老年群", "elders"))
_PLACES = ("锦绣", "阳光", "幸福", "和平", "翠竹", "新华", "朝晖", "碧水", "紫荆", "丰收", "明珠", "春晓")
_SURNAMES = "王李张刘陈杨赵黄周吴徐孙马朱胡郭何高林罗"

OFFICERS_PER_STATION = 2
GROUP_COLUMNS = (
    "group_id", "name", "district", "town", "station", "owner", "deputy", "members", "channel", "target",
    "secret", "credential", "channel2", "tags",
)  # fmt: skip
MIX = (
    (RELAY.name, 60),
    (WECOM_CUSTOMER_GROUP.name, 25),
    (WECOM_ROBOT.name, 5),
    (DINGTALK.name, 3),
    (FEISHU.name, 2),
    (WEBHOOK.name, 5),
)
"""How many of a hundred groups each channel reaches."""
CREDENTIAL = "district"
"""The WeCom tenant of the demo."""


@dataclass(frozen=True, slots=True)
class StationOfficer:
    """An officer of a station, or its duty account."""

    person_id: str
    name: str
    station: str
    duty: bool = False


def stations() -> list[tuple[str, str]]:
    """(town, station) of each police station."""
    return [(town, _station(town, n)) for n in range(STATIONS_PER_TOWN) for town in TOWNS]


def _station(town: str, n: int) -> str:
    return f"{town.removesuffix('镇').removesuffix('街道')}{'一二'[n]}所"


def officers() -> list[StationOfficer]:
    """The officers of each station and its duty account."""
    dice = random.Random(0)
    found: list[StationOfficer] = []
    for k, (_town, station) in enumerate(stations()):
        found += [
            StationOfficer(f"officer-{k:02d}-{n}", f"{dice.choice(_SURNAMES)}警官", station)
            for n in range(OFFICERS_PER_STATION)
        ]
        found.append(StationOfficer(f"duty-{k:02d}", f"{station}值班", station, duty=True))
    return found


def groups(
    count: int = GROUPS, residents: int = RESIDENTS, hooks: str = "http://127.0.0.1:8650"
) -> list[dict[str, str]]:
    """``count`` groups with ``residents`` members in total, as rows of a groups file; webhooks go to
    ``hooks``."""
    dice = random.Random(count)
    weights = [dice.uniform(0.4, 1.6) for _ in range(count)]
    scale = residents / sum(weights)
    sizes = [max(1, round(w * scale)) for w in weights]
    sizes[-1] += residents - sum(sizes)
    return [_group(n, size, dice, hooks) for n, size in enumerate(sizes)]


def _group(n: int, size: int, dice: random.Random, hooks: str) -> dict[str, str]:
    k = n % (len(TOWNS) * STATIONS_PER_TOWN)
    town, station = stations()[k]
    kind, tag = _KINDS[n % 7 if n % 7 < len(_KINDS) else 0]
    officer = n // (len(TOWNS) * STATIONS_PER_TOWN) % OFFICERS_PER_STATION
    return {
        "group_id": f"g{n:05d}",
        "name": f"{town}{dice.choice(_PLACES)}{n // len(TOWNS) + 1}{kind}",
        "district": DISTRICT,
        "town": town,
        "station": station,
        "owner": f"officer-{k:02d}-{officer}",
        "deputy": f"officer-{k:02d}-{(officer + 1) % OFFICERS_PER_STATION}",
        "members": str(size),
        "tags": tag,
        **_way(n, hooks),
    }


def _way(n: int, hooks: str) -> dict[str, str]:
    """How a group is reached; who has no tap of WeCom's or loses its robot is reached by the officers'
    relay."""
    channel = _channel(n * 37 % 100)
    target = {
        RELAY.name: "", WECOM_CUSTOMER_GROUP.name: f"wr-demo-{n:05d}", WEBHOOK.name: f"{hooks}/hook/g{n:05d}",
    }.get(channel, f"robot-{n:05d}")  # fmt: skip
    return {
        "channel": channel,
        "target": target,
        "secret": f"signed-{n:05d}" if channel in SIGNING else "",
        "credential": CREDENTIAL if channel in NEEDS_CREDENTIAL else "",
        "channel2": "" if channel == RELAY.name else RELAY.name,
    }


def _channel(hundredth: int) -> str:
    for name, share in MIX:
        if hundredth < share:
            return name
        hundredth -= share
    raise AssertionError("MIX makes a hundred")


def write_groups(path: Path, rows: list[dict[str, str]]) -> None:
    """The rows as a CSV file that ``fenghuo groups import`` takes."""
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, GROUP_COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


@dataclass(frozen=True, slots=True)
class Account:
    """A person who can log in to the demo."""

    person_id: str
    name: str
    role: str
    password: str
    station: str = ""
    duty: bool = False


def accounts(password: str) -> list[Account]:
    """One person for each role, and the officers of the stations, all with ``password``."""
    named = (
        ("officer", "社区民警 陈晨", "officer"),
        ("analyst", "研判员 林岚", "analyst"),
        ("approver", "审批人 周正", "approver"),
        ("admin", "管理员 何静", "administrator"),
    )
    team = [Account(person_id, name, role, password) for person_id, name, role in named]
    return team + [Account(x.person_id, x.name, "officer", password, x.station, x.duty) for x in officers()]


def write_people(path: Path, people: list[Account], hooks: str) -> None:
    """The people as a CSV file (mode 600: it holds passwords) that ``fenghuo people import`` takes; officers
    get notices of their to-dos at ``hooks``."""
    path.touch(mode=0o600)
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["person_id", "name", "role", "district", "station", "duty", "notify", "password"])
        writer.writerows(
            [
                p.person_id, p.name, p.role, DISTRICT, p.station, "是" if p.duty else "",
                f"{WEBHOOK.name}={hooks}/notice/{p.person_id}" if p.station else "", p.password,
            ]
            for p in people
        )  # fmt: skip


KNOWN = "【航空】您乘坐的航班因机械故障已取消，请速联系客服办理退改签并领取300元误工补偿，改签需核验银行卡。"
"""Story 1: a scam that the seeds contain."""

NOVEL = (
    "【工商通知】您的企业法人信息已到期，请于今日24时前登录 gs-nianjian.example.com 完成认证，"
    "逾期将列入经营异常名录。",
    "刚收到的，是真的吗？【工商提醒】贵公司法亻人信息到期，请今日24时前登陆 gs-nj.example.net 完成认証，"
    "逾期列入经营异常名录",
    "[市场监管]尊敬的负责人：您企业法人信息已经到期，请在今日２４时前登录 gsnj.example.org 完成认证，"
    "逾期将被列入经营异常名录！退订回T",
)
"""Story 2: one new text in three variants, from three towns."""

SIGHTING = (
    "我也刚收到：【工商通知】企业法人信息到期，请今日24时前登录 gsnj.example.com 完成认证，逾期列入异常名录"
)
"""What business owners elsewhere report once the warning is out."""

EVERYDAY = (
    "请问这个是不是诈骗？邮政说我有快递在门卫室，让我带身份证去拿。",
    "停水通知：明天上午九点到下午三点东区停水检修，请提前储水。",
    "物业发的缴费提醒，说可以到服务中心现金交，应该没问题吧？",
    "孩子学校通知周五下午两点开家长会，地点在报告厅。",
    "有人在小区门口发传单说免费体检，是正规的吗？",
    "银行发短信说我的信用卡账单已出，本期应还请登录手机银行查看。",
    "社区卫生服务中心通知老年人周三上午打流感疫苗。",
    "收到一条取件码，驿站六点关门，我让家里人去取了。",
    "楼下超市搞活动，扫会员码打九折，这个可以扫吗？",
    "请问居住证到期在哪里换，要带什么材料？",
    "有个自称是燃气公司的人上门安检，说要换软管。",
    "朋友圈有人转卖二手儿童车，能不能当面交易？",
)
"""What people report or ask on any day; nothing here is a scam campaign."""


def everyday(n: int) -> str:
    """The n-th everyday report: a little different each time."""
    dice = random.Random(n)
    return f"{dice.choice(EVERYDAY)}（{dice.choice(TOWNS)}{dice.choice(_PLACES)}小区）"

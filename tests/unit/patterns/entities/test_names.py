"""The laws of names: who is named in a text, and what is common and names nobody."""

import itertools
import json
import tomllib
from pathlib import Path

import pytest

import patterns
from patterns.entities.names import find_names

SEEDS = Path(patterns.__file__).parent / "seeds"
NEAR_MISSES = Path(__file__).parents[3] / "quality" / "near_misses"


def named(text: str) -> list[tuple[str, str]]:
    return [(x.kind, x.value) for x in find_names(text)]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("2栋周秀兰阿姨前天被骗走三万", "周秀兰"),
        ("菜场老板徐建军不退押金", "徐建军"),
        ("我外孙女叫郑雨桐，才七岁", "郑雨桐"),
        ("@孙丽萍 您核对一下", "孙丽萍"),
        ("联系人：马志强", "马志强"),
        ("联系人马志强", "马志强"),
        ("收款的是黄德胜", "黄德胜"),
        ("班主任何晓梅老师在群里收资料费", "何晓梅"),
        ("[语音] 罗春燕：真的假的\n", "罗春燕"),
        ("蒋国良 14:05\n我已经付了", "蒋国良"),
        ("我邻居冯国强（男，70岁）", "冯国强"),
        ("欧阳文静女士", "欧阳文静"),
        ("群昵称“5栋703邓美玲”", "邓美玲"),
        ("古丽娜尔·艾合买提家的", "古丽娜尔·艾合买提"),
        ("我爸梁永福刚从银行出来", "梁永福"),
    ],
)
def test_a_person_is_found_by_what_stands_around_the_name(text: str, name: str) -> None:
    assert ("person", name) in named(text)


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("在东溪镇中心小学五年级（2）班读书", "school", "东溪镇中心小学五年级(2)班"),
        ("冒充市第五中学老师", "school", "市第五中学"),
        ("孩子在初一3班", "school", "初一3班"),
        ("西门隆昌超市关门了", "shop", "隆昌超市"),
        ("老周理发店", "shop", "老周理发店"),
        ("户名 鑫源商贸", "firm", "鑫源商贸"),
        ("临江市恒泰网络科技有限公司", "firm", "临江市恒泰网络科技"),
        ("建行滨河路支行", "bank", "建行滨河路支行"),
        ("梅溪农商行", "bank", "梅溪农商行"),
        ("骗子的网址是 pay[.]qiangquan[.]shop", "domain", "qiangquan.shop"),
        ("打开 https://m.taobao.com/x", "domain", "taobao.com"),
    ],
)
def test_schools_shops_firms_banks_and_domains_are_found(text: str, kind: str, name: str) -> None:
    found = [value for k, value in named(text) if k == kind]
    assert len(found) == 1
    assert found[0].startswith(name)


@pytest.mark.parametrize(
    "text",
    [
        "骗子冒充银行客服、公司财务、学校老师，要求家长扫码缴费。",
        "冒充王警官、李老师的都是假的。",
        "请到正规药店、超市、金店购买，别信上门推销。",
        "快递公司、保险公司、物业公司不会让您转账。",
        "高中校长、房东大姐、毕业同学也会被冒充。",
        "请到银行网点或营业部柜台核实，登录政府网站 www.mps.gov.cn 查询。",
        "各中小学、幼儿园的家长群要核对身份，孩子所在学校会当面通知。",
        "张某某、李某被骗，案例来自某超市、某科技公司。",
    ],
)
def test_what_is_common_names_nobody(text: str) -> None:
    assert named(text) == []


def test_no_sentence_of_the_warnings_themselves_names_anybody() -> None:
    kinds = [tomllib.loads(path.read_text(encoding="utf-8"))["type"] for path in SEEDS.glob("*.toml")]
    texts = [t for kind in kinds for t in (kind["happening"], kind["how"], kind["advice"], *kind["tell"])]
    assert [(text, named(text)) for text in texts if named(text)] == []


def test_honest_messages_name_only_banks_and_sites_of_their_own() -> None:
    lines = [x for path in NEAR_MISSES.glob("*.jsonl") for x in path.read_text("utf-8").splitlines()]
    found = [x for line in lines for x in named(json.loads(line)["text"])]
    assert {value for kind, value in found if kind == "person"} == set()
    assert len([kind for kind, _ in found if kind not in {"bank", "domain"}]) <= 10


def test_names_never_overlap_and_are_where_they_say() -> None:
    text = "＠孙丽萍 东溪镇中心小学３年级２班，老周理发店旁"
    found = find_names(text)
    assert all(a.end <= b.start for a, b in itertools.pairwise(found))
    assert text[found[0].start : found[0].end] == "孙丽萍"

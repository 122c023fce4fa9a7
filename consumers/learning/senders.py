"""Who sends an honest text, by the words that only such senders use. Data and one look-up; pure."""

SENDERS: dict[str, tuple[str, ...]] = {
    "bank": ("银行", "信用卡", "储蓄", "贷记卡", "网银", "农商行", "信用社", "还款日"),
    "police and court": ("公安", "派出所", "民警", "交警", "法院", "检察院", "反诈"),
    "office": ("税务", "社保", "医保", "公积金", "政务", "人社", "市场监管", "街道办", "民政", "疾控"),
    "school": ("学校", "老师", "家长", "班主任", "幼儿园", "教务", "学费", "考试"),
    "hospital": ("医院", "门诊", "复查", "体检", "挂号"),
    "operator": ("移动", "联通", "电信", "话费", "流量", "套餐"),
    "courier": ("快递", "驿站", "取件", "包裹", "物流"),
    "travel": ("航班", "列车", "车次", "高铁", "ETC", "高速"),
    "utilities": ("停水", "停电", "燃气", "电费", "水费", "供热"),
    "housing": ("物业", "业主", "居委", "社区", "小区", "村委"),
    "shop": ("店", "下单", "优惠", "会员", "订单"),
}
OTHERS = "others"


def sender_of(text: str) -> str:
    """The kind of sender with the most of its words in ``text``, of equals the first; else "others"."""
    counts = {name: sum(word in text for word in words) for name, words in SENDERS.items()}
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else OTHERS

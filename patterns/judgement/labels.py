"""What the judge tells apart, with the Chinese words by which people read it.

Data only. The fraud types are the seeds'; voices, stages, matters and slots are these.
"""

from typing import Literal

Speaker = Literal["bait", "story", "victim", "warning", "question", "notice", "advert", "chat"]
Matter = Literal["fraud", "emergency", "service", "other"]
TextStage = Literal["received", "in_contact", "money_moving", "paid"]

VOICES: dict[str, str] = {
    "bait": "骗子的话", "story": "遇到的人讲述", "victim": "正在受骗的人求助", "warning": "提醒或案例",
    "question": "询问真假", "notice": "正规通知", "advert": "广告", "chat": "日常聊天",
}  # fmt: skip
STAGES: dict[str, str] = {
    "received": "收到", "in_contact": "在联系", "money_moving": "正在转钱", "paid": "已付钱",
}  # fmt: skip
MATTERS: dict[str, str] = {"fraud": "涉诈", "emergency": "紧急", "service": "服务", "other": "其他"}
WHO: dict[str, str] = {
    "customer_service": "客服", "police": "公安", "court": "法院", "prosecutor": "检察院",
    "tax_office": "税务", "market_regulator": "市场监管", "bank": "银行", "operator": "运营商",
    "courier": "快递", "airline": "航空公司", "railway": "铁路", "school": "学校", "teacher": "老师",
    "leader": "领导", "colleague": "同事", "relative": "亲属", "friend": "熟人", "lover": "网恋对象",
    "stranger": "陌生人", "seller": "卖家", "buyer": "买家", "landlord": "房东", "recruiter": "招工的人",
    "doctor": "医生", "charity": "慈善机构", "investment_teacher": "投资老师", "game_player": "游戏玩家",
    "platform": "平台", "community": "社区", "embassy": "使领馆", "utility": "水电燃气",
}  # fmt: skip
PRETEXTS: dict[str, str] = {
    "account_problem": "账户异常", "membership": "会员扣费", "refund": "退费", "compensation": "理赔",
    "lost_parcel": "快递丢失", "overdue": "逾期", "expired_document": "证件到期",
    "investigation": "涉嫌案件", "subsidy": "补贴", "prize": "中奖", "job": "招工", "investment": "投资",
    "love": "交友", "debt": "欠债", "emergency_of_relative": "亲属出事", "purchase": "买卖",
    "ticket_change": "退改签", "course": "课程", "exam": "考试", "health": "看病保健",
    "inheritance": "遗产", "blackmail": "敲诈", "game_item": "游戏物品", "tax": "税款", "fee": "收费",
    "invoice": "发票", "delivery": "送货", "charity": "募捐", "adoption": "领养", "loan_offer": "贷款",
    "credit_repair": "征信", "recovery": "追回被骗的钱", "visa": "签证", "rent": "租房",
}  # fmt: skip
ACTS: dict[str, str] = {
    "screen": "共享屏幕", "card": "交出银行卡", "face": "刷脸", "phone": "交出手机", "room": "独处一室",
    "file": "打开文件", "cash": "交现金", "gold": "交黄金", "parcel": "寄包裹", "sim": "交出电话卡",
    "account": "交出账号", "money": "付钱", "code": "说出验证码", "app": "装应用", "link": "点链接",
    "group": "进群或加好友",
}  # fmt: skip
WAYS: dict[str, str] = {
    "sms": "短信", "call": "电话", "chat": "聊天", "group": "群", "video_call": "视频通话", "door": "上门",
    "poster": "张贴", "app": "应用", "mail": "邮件", "letter": "信件", "live_stream": "直播",
}  # fmt: skip

"""Texts that speak to a machine: orders to whoever classifies them.

Such a text is not shown to the model at all. That is a first fence, no wall: what a model says that obeys an
order which nobody knows here is held by `lifting`.
"""

import re
import unicodedata

_MACHINE_ZH = (
    "人工智能|语言模型|大模型|分类器|分类程序|分类系统|审核程序|审核模型|审核系统|智能审核|智能助手"
    "|ai审核|ai模型|ai系统"
)
_MACHINE = "language model|llm|classifier|ai model|ai system|ai reader|assistant|moderator|bot"
_FIELD = "json|schema|voice|stage|matter|fraud_type|pretext|字段|提示词"
_VALUE = (
    "bait|story|victim|warning|notice|advert|received|in_contact|money_moving|paid|fraud|emergency|service"
)

_RULES = (
    # forget what you were told
    r"(?:忽略|无视|忘记|忘掉|忘了|抛开|跳过|推翻|覆盖|理会|别管|作废).{0,14}(?:指令|指示|提示词?|设定|规则|命令|prompt)",
    r"(?:指令|指示|提示词|设定|规则|命令).{0,8}(?:作废|失效|不算|取消|忽略|无效)",
    r"\b(?:ignore|disregard|forget|override|bypass|skip)\b.{0,40}"
    r"\b(?:instructions?|prompts?|rules|guidelines|told|schema)\b",
    # you are a machine
    rf"你(?:现在|其实|将|就)?(?:是|扮演|变成|作为).{{0,12}}(?:{_MACHINE_ZH}|模型)",
    rf"\byou(?:'re| are| will be| must act as)\b.{{0,40}}\b(?:{_MACHINE}|model|system)\b",
    rf"(?:致|给|告诉|请).{{0,6}}(?:{_MACHINE_ZH})",
    rf"(?:{_MACHINE_ZH}).{{0,4}}(?:请|必须|注意|听好|听着|你)",
    rf"\b(?:note|message|attention|instructions?|order|dear|hey|hello)\b.{{0,20}}\b(?:{_MACHINE})\b",
    r"(?:系统|开发者|管理员)(?:提示词|指令|口令)|(?:开发者|管理员)模式",
    r"\b(?:system prompt|(?:developer|debug|admin) mode|jailbreak)\b",
    # answer thus
    rf"(?:输出|返回|回答|回复|填|标记?[为成]|判定?[为成]|归类?[为成]|写成|设[为成]|改[为成]).{{0,16}}(?:{_FIELD}|{_VALUE})",
    r"\b(?:respond|reply|answer|output|return|print|write|set|classify|label|mark|rate)\b.{0,40}"
    rf"\b(?:{_FIELD}|money_moving|in_contact|bait)\b",
    # the marks of prompts
    rf"\b(?:{_FIELD}|acts|act_\d)\W{{1,6}}(?:{_VALUE}|chat|other|none)\b",
    r"[<＜][|｜]|[\[［]/?inst[\]］]|</?(?:system|user|assistant|report|instructions?|data)>",
    r"#{2,}\s*(?:system|instruction|assistant|user)|(?:^|\n)\s*(?:system|assistant|developer)\s*[:：]",
    r"\b(?:end|begin) of (?:report|prompt|data|instructions?)\b",
)
_ORDERS = tuple(re.compile(rule, re.IGNORECASE) for rule in _RULES)
"""One by one: joined they take twice as long."""
_INVISIBLE = re.compile("[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_SPACED_OUT = re.compile(r"(?<=[一-鿿])[^\S\n]+(?=[一-鿿])")


def gives_orders(text: str) -> bool:
    """Whether `text`, as written or without its disguises, seems to speak to the program that reads it."""
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    return any(rule.search(x) for x in (text, _SPACED_OUT.sub("", plain)) for rule in _ORDERS)

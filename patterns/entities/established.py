"""Is a registered domain one that many people know, or could it be? Then a warning that names it may accuse
somebody honest.

In doubt yes: a person looks at it, which costs a moment. What a fraudster registers for a week shows it by
its cheap ending, digits, hyphens, a borrowed name, or letters that nobody can pronounce.
"""

import re

from patterns.data.popular_domains import POPULAR
from patterns.data.trusted import DOMAINS
from patterns.entities.identifiers import registrable

_OLD_ENDINGS = frozenset(
    "com cn com.cn net net.cn org org.cn edu edu.cn ac.cn gov.cn hk com.hk tw com.tw mo io me tv".split()
)
_RESERVED = re.compile(r"(?:^|\.)(?:example(?:\.(?:com|net|org))?|test|invalid|localhost)$")
"""RFC 2606: nobody's."""
_BORROWED = re.compile(
    r"gov|police|bank|etc|ybj|yibao|shebao|tax|12306|jingdong|taobao|alipay|weixin|wechat|icbc|abchina|unionpay"
    r"|kuaidi|refund|verify|login|secure|service|kefu|tuikuan|renzheng"
)
_UNSPEAKABLE = re.compile(r"[bcdfghjklmnpqrstvwxz]{5,}")
_LONGEST_NAME = 14


def is_established(domain: str) -> bool:
    """Whether a domain (defanged or not) is popular, or looks like one that has long been somebody's."""
    host = domain.replace("[.]", ".").lower().strip(".")
    name = registrable(host) or host
    if _RESERVED.search(host):
        return False
    if name in POPULAR or host in POPULAR or name in DOMAINS:
        return True
    label, _, ending = name.partition(".")
    return ending in _OLD_ENDINGS and not _is_makeshift(label)


def _is_makeshift(label: str) -> bool:
    """Whether the label looks made for a fraud, as if for one campaign."""
    return (
        not re.fullmatch(r"[a-z]+", label)
        or len(label) > _LONGEST_NAME
        or _BORROWED.search(label) is not None
        or _UNSPEAKABLE.search(label) is not None
    )

"""Whether a text names a chat account: letters with a digit, as WeChat's names are.

Number plates, waybills, orders, flights, rooms and models are made alike and are none, unless a word for
accounts stands before them (加微信 sf1029…).
"""

import re
from functools import cache

from patterns.data.hook_phrases import HANDLE_RULE

_PROVINCES = frozenset("京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼")
_PLATE = r"[a-hj-np-z][·.\- ]?[a-hj-np-z0-9]{4,6}[警学挂港澳领]?"
_CARRIERS = "sf|yt|zto|sto|jt|jd[vxa-e]{0,2}|ems|yd|db|dpk|zt|ky|lp|uc|cn|best|htky|ane|yto|opl|kye|zjs"
_AIRLINES = (
    "ca|mu|cz|hu|mf|zh|sc|fm|ho|gs|jd|pn|kn|tv|eu|gj|dr|qw|bk|ky|ns|fu|uq|cn"
    "|dz|gt|gx|gy|jr|ry|ud|ug|cx|br|ci|vd|lt|rv"
)
_MODELS = (
    r"iphone|ipad|macbook|airpods|galaxy|nova|reno|vivo|oppo|honor|huawei|xiaomi|rtx|gtx|ddr|wifi|office|covid|iso|gbt?|ipx?|usb"
    r"|vitamin|pm|version|ver|mp|h26|formula|ps|xbox|kindle"
)
_NO_ACCOUNT = (
    rf"(?:{_CARRIERS})\d{{8,18}}",
    rf"(?:{_AIRLINES})\d{{3,4}}",
    r"[a-z]{1,2}\d{0,3}(?:-\d{1,4}){1,3}[a-z]?",
    rf"(?:{_MODELS})[\d\-_]{{1,4}}[a-z]{{0,4}}",
    r"[a-z]{2}\d{9}[a-z]{2}",
)
"""Waybills, flights, rooms and shelves, models of machines, parcels of the Universal Postal Union."""
_LABELLED = (
    r"(?:单号?|编[号码]|合同|案号|流水|工号|学号|型号|款号|货号|批[号次]|发票|航班|车次|座位|车牌|牌照|房号|房间|门牌|货架|库位|货位|工位|证[书件]?号?"
    r"|护照|序列号?|设备号?|机器码|版本|标准|规格|取件码|兑换码|提货码|取餐码|会议号|机型|座|栋|幢|楼|区|柜|号机|考场|考号|户号|表号|条码|批准文号|国药准字|备案)"
    r"[号码是为:# (\[]{0,4}$"
)
_ACCOUNT = r"(?:微信|微|薇|扣|qq|[^a-z]v|vx|wx|加我?|添加|账号|帐号|搜|好友)[号:是为 ]{0,3}$"
_NEAR = 12


@cache
def _compiled(rule: str) -> re.Pattern[str]:
    return re.compile(rule)


@cache
def _no_account() -> re.Pattern[str]:
    return re.compile("|".join(_NO_ACCOUNT))


def names_account(norm: str) -> bool:
    """Whether a normalised text names a chat account."""
    return any(_is_account(match, norm) for match in _compiled(HANDLE_RULE).finditer(norm))


def _is_account(match: re.Match[str], norm: str) -> bool:
    start, value = match.start(), match[0]
    left = norm[max(0, start - _NEAR) : start]
    if _compiled(_ACCOUNT).search(left):
        return True
    if left[-1:] in _PROVINCES and _compiled(_PLATE).fullmatch(value):
        return False
    return _no_account().fullmatch(value) is None and _compiled(_LABELLED).search(left) is None

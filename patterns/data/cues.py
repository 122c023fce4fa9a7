"""The words of the hard signs: expressions over normalised text.

Data only; `judgement.hard_signs` applies them.
"""

THREAT = r"失效|停用|冻结|注销|逾期|封停|异常名录|销户|作废|影响征信|扣费|起诉|吊销"
DEADLINE = (
    r"今日|今天|今晚|\d{1,2}[时点](?:前|之前)|\d\s?(?:小时|分钟)|24小时|即将|立即|尽快|马上|最后|仅剩"
    r"|(?:月|日)前"
)
SHORT_LINK = (
    r"(?<![a-z0-9.])[a-z0-9]{1,12}(?:\.[a-z0-9]{1,8}){1,3}/[a-z0-9]{1,12}(?![0-9./])"
    r"|[a-z0-9]\.c[0o]m?(?![a-z])"
)
CIRCLED = r"(?<![\u2460-\u24ff])[\u2460-\u24ff](?![\u2460-\u24ff])"
"""A circled number on its own."""

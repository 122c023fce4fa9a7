"""What stands for a masked value in a text that people see."""

PLACEHOLDERS = {
    "id_number": "[身份证号已隐藏]",
    "verification_code": "[验证码已隐藏]",
    "invite_code": "[邀请码已隐藏]",
    "person": "[姓名已隐藏]",
    "address": "[地址已隐藏]",
    "plate": "[车牌已隐藏]",
    "order": "[单号已隐藏]",
    "licence": "[信用代码已隐藏]",
    "document": "[证件号已隐藏]",
    "password": "[密码已隐藏]",
    "card_code": "[安全码已隐藏]",
    "birthday": "[生日已隐藏]",
    "school": "[学校班级已隐藏]",
    **dict.fromkeys(("phone", "virtual_phone", "landline", "foreign_phone"), "[电话已隐藏]"),
    "bank_card": "[银行卡号已隐藏]",
    "email": "[邮箱已隐藏]",
    **dict.fromkeys(("qq", "qq_group", "wechat", "handle", "wallet"), "[账号已隐藏]"),
}

UNREAD = "[后面 {} 个字未读，已隐藏]"
"""Stands for the end of a text that is too long, or holds too much, to be read."""

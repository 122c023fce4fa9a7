"""The differences between two texts, marked."""

from console.web.text_diff import mark_differences


def test_marks_show_what_is_other_and_what_is_missing() -> None:
    assert mark_differences("您的法人信息已到期", "您的法人信息已到期") == "您的法人信息已到期"
    assert mark_differences("请于今日内登录网站", "请于明早登录网站") == "请于<mark>明早</mark>登录网站"
    assert mark_differences("尊敬的用户您好", "您好") == "<del>尊敬的用户</del>您好"
    assert mark_differences("甲", "<乙>") == "<mark>&lt;乙&gt;</mark>"

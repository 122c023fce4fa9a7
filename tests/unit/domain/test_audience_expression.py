"""The expression of an audience: read, written and read again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenghuo.domain.audience_expression import (
    FIELDS,
    MAX_LENGTH,
    All,
    AnyOf,
    Condition,
    Everyone,
    ExpressionError,
    Is,
    Not,
    canonical,
    parse,
    to_text,
)
from fenghuo.domain.audience_matching import matches
from tests.unit.domain.audience_groups import rows

EAST = Is("town", ("东湖镇", "西岭街道"))
SHOPS = Is("tag", ("business",))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", Everyone()),
        ("全部", Everyone()),
        ("镇=东湖镇,西岭街道 且 标签=商户", All((EAST, SHOPS))),
        ("镇＝东湖镇，西岭街道且标签：商户", All((EAST, SHOPS))),
        ("town=东湖镇、西岭街道 and TAG=Business", All((EAST, SHOPS))),
        ("town=东湖镇 and not tag=elders", All((Is("town", ("东湖镇",)), Not(Is("tag", ("elders",)))))),
        ("标签≠老人", Not(Is("tag", ("elders",)))),
        ("派出所=东湖一所 或 群=g00012", AnyOf((Is("station", ("东湖一所",)), Is("group", ("g00012",))))),
        ("通道=钉钉", Is("channel", ("dingtalk",))),
        ('群="且, 或"', Is("group", ("且, 或",))),
        ('群="说""好""的群"', Is("group", ('说"好"的群',))),
        ("群主=p1 或 镇=a 且 镇=b",
         AnyOf((Is("owner", ("p1",)), All((Is("town", ("a",)), Is("town", ("b",))))))),
        ("（镇=a 或 镇=b） 且 非（所=c 或 标签=d）",
         All((AnyOf((Is("town", ("a",)), Is("town", ("b",)))),
              Not(AnyOf((Is("station", ("c",)), Is("tag", ("d",)))))))),
        ("非 非 ((镇=a))", Is("town", ("a",))),
    ],
)  # fmt: skip
def test_an_expression_is_read_as_it_is_meant(text: str, meant: Condition) -> None:
    assert parse(text) == meant


@pytest.mark.parametrize(
    ("text", "code", "at", "says"),
    [
        ("镇=东湖镇 且", "end", 7, "断了"),
        ("镇=", "value", 3, "“镇=”后面"),
        ("镇=且 标签=商户", "value", 3, "逗号"),
        ("镇=a,", "value", 5, "逗号"),
        ("镇=东湖镇 西岭街道", "extra", 7, "“西岭街道”"),
        ("社区=幸福", "field", 1, "可以用：镇、派出所、标签"),
        ("东湖镇", "condition", 1, "例如 镇=东湖镇"),
        ("(镇=a 或 镇=b", "unclosed", 1, "右括号"),
        ("镇=a)", "extra", 4, "接不上"),
        ('镇="a', "quote", 3, "引号"),
        ('镇=" "', "value", 3, "要写内容"),
        ("(" * 30, "too_deep", 22, "20 层"),
        ("非" * 30 + "镇=a", "too_deep", 22, "20 层"),
        ("镇=" + "东" * MAX_LENGTH, "too_long", MAX_LENGTH, "最多 500 个字"),
    ],
)
def test_what_cannot_be_read_is_told_with_the_place_and_what_to_do(
    text: str, code: str, at: int, says: str
) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert (caught.value.code, caught.value.at) == (code, at)
    assert says in str(caught.value)
    assert caught.value.message("en").isprintable() and caught.value.message("en") != str(caught.value)


def test_an_expression_is_written_in_either_language() -> None:
    condition = parse("(town=东湖镇 or station=a) and not tag=business and channel=relay")
    assert to_text(condition) == "(镇=东湖镇 或 派出所=a) 且 非 标签=商户 且 通道=民警转发"
    assert to_text(condition, "en") == "(town=东湖镇 or station=a) and not tag=business and channel=relay"


leaves = st.builds(
    Is,
    st.sampled_from(sorted(FIELDS)),
    st.lists(
        st.text(st.sampled_from('东湖镇且或非"“”,，()= &|!a1andor商户'), min_size=1, max_size=6).filter(
            str.strip
        ),
        min_size=1, max_size=3,
    ).map(tuple),
)  # fmt: skip
conditions = st.recursive(
    leaves | st.just(Everyone()),
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(All, st.lists(inner, min_size=1, max_size=3).map(tuple))
        | st.builds(AnyOf, st.lists(inner, min_size=1, max_size=3).map(tuple))
    ),
    max_leaves=5,
)


@given(conditions, st.sampled_from(["zh", "en"]))
def test_what_is_written_is_read_as_the_same_condition(raw: Condition, language: str) -> None:
    text = to_text(raw, language)
    if len(text) > MAX_LENGTH:
        return
    condition = parse(text)
    assert parse(to_text(condition, language)) == condition
    for one in rows():
        assert matches(one, condition) == matches(one, as_stored(raw))


def as_stored(raw: Condition) -> Condition:
    """``raw`` with its values as they are stored."""
    if isinstance(raw, Is):
        return Is(raw.field, tuple(canonical(raw.field, x.strip()) for x in raw.values))
    if isinstance(raw, Not):
        return Not(as_stored(raw.of))
    if isinstance(raw, All | AnyOf):
        return type(raw)(tuple(as_stored(x) for x in raw.of))
    return raw


@given(
    st.text(max_size=40)
    | st.lists(
        st.sampled_from(
            ["镇=", "标签", "=", "且", "或", "非", "(", ")", "（", ",", '"', "“", "a", "全部", " ", "!"]
        ),
        max_size=30,
    ).map("".join)
)  # fmt: skip
def test_nonsense_is_refused_and_never_breaks(text: str) -> None:
    try:
        condition = parse(text)
    except ExpressionError as error:
        assert error.message("zh") and error.message("en")
    else:
        assert parse(to_text(condition)) == condition

"""A sender cannot use the marks or the aliases of the normalised form to hide what is in a message."""

import pytest

from consumers.live_library import seed_patterns
from patterns.entities.find import find
from patterns.entities.redact import forbidden, mask
from patterns.matching import Library
from patterns.text.normalise import clean
from patterns.text.slots import example

MARKS = [chr(code) for code in range(0xE000, 0xE004)]


@pytest.mark.parametrize("mark", MARKS)
def test_our_marks_hide_no_number_and_no_link(mark: str) -> None:
    assert "13812345678" not in mask(mark.join("13812345678")).replace(mark, "")
    assert forbidden(mark.join("https://evil.example/a"))


@pytest.mark.parametrize("mark", MARKS)
def test_our_marks_hide_no_known_scam(mark: str) -> None:
    some = list(seed_patterns())[:20]
    library = Library(some, "seeds")
    found = library.match([mark.join(example(pattern.text)) for pattern in some])
    assert [x.pattern_id for x in found] == [p.pattern_id for p in some]


@pytest.mark.parametrize("mark", MARKS)
def test_our_marks_are_nothing_in_a_message(mark: str) -> None:
    assert clean(f"点{mark}领") == "点领"


def test_a_contact_in_capitals_is_a_contact() -> None:
    assert forbidden("加WECHAT abc12345")
    assert find("WECHAT: zhang_1234")


@pytest.mark.parametrize(
    "link", ["https://weixin.qq.com/g/abc1", "u.wechat.com/kabc", "mp.weixin.qq.com/s/a1"]
)
def test_a_link_with_the_name_of_wechat_in_it_is_a_link(link: str) -> None:
    assert [entity.kind for entity in find(f"点 {link} 进群")] == ["url"]
    assert link not in mask(f"点 {link} 进群")
    assert "link" in {code for code, _ in forbidden(f"见 {link}")}

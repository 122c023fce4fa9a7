"""Content and orders from a form."""

from console.alerts.orders import content_from_form
from fenghuo import clock
from tests.browser.scenes import every_state as d


def test_what_no_document_can_carry_is_dropped_from_what_is_typed() -> None:
    typed = {
        "title": "标\x0b题",
        "text": "一\r\n二\x00\x1f\ufffe三\x85",
        "correction": "\x07更\t正 ",
        "hours": "2",
    }
    content = content_from_form(d.content(clock.now()), typed, [], [])
    assert (content.title, content.text, content.correction) == ("标题", "一\n二三", "更\t正")

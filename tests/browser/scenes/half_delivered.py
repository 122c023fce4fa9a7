"""A district with a draft and a released warning that half of the groups have; its editor and buttons."""

from datetime import datetime, timedelta

from fenghuo.domain.events import Event
from tests.browser.console_page import Opened
from tests.browser.scenes import every_state as d

DRAFT, SENT = "dra5t000000000000000aaaa", "5ent0000000000000000aaaa"
GROUPS = 12


def events(now: datetime) -> list[Event]:
    steps = ["draft", "edit", "submit", "approve", "begin"]
    return [
        *d.people(now), *d.groups(now, GROUPS),
        *d.life(DRAFT, ["draft"], now, reach=(GROUPS, 1000)),
        *d.life(SENT, steps, now - timedelta(minutes=9), reach=(GROUPS, 1000), body=d.content(now)),
        *d.deliveries(SENT, now - timedelta(minutes=5), GROUPS, 0.5),
    ]  # fmt: skip


def typed(**changes: object) -> dict[str, object]:
    """The fields of the editor."""
    fields: dict[str, object] = {
        "title": "新的标题", "text": d.TEXT + "补充一句。", "correction": d.CORRECTION, "hours": "5",
        "reach": "all", "channels": ["sandbox", "webhook"], "severity": "severe", "override": "",
    }  # fmt: skip
    return fields | changes


async def press(console: Opened, action: str, alert_id: str = SENT, **more: str) -> str:
    """The page after a button of the alert's page."""
    form = await console.form(f"/alerts/{alert_id}", f"/alerts/{alert_id}/{action}")
    answer = await console.post(f"/alerts/{alert_id}/{action}", form | more)
    return (await console.client.get(answer.headers["location"])).text

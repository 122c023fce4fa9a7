"""The warning as residents read it: the approved text and a foot that anyone can hold against the official
copy.

The same function serves the preview before approval and the sender, so that what was seen is what goes out.
"""

from fenghuo.domain.alert import Alert, check_code
from fenghuo.domain.events import Release

EXERCISE_MARK = "【演练】"
"""Put before everything that an exercise sends; no live alert can carry it away."""


def number(alert_id: str) -> str:
    """The alert's public number: its first eight digits."""
    return alert_id[:8].upper()


def issuer(district: str) -> str:
    """Who warns in ``district``, as its texts are signed."""
    return f"{district}反诈中心"


def render(alert_id: str, version: int, text: str, exercise: bool) -> str:
    """``text`` with its foot (number and check code); at most 40 characters longer."""
    mark = EXERCISE_MARK if exercise else ""
    return f"{mark}{text}\n编号 {number(alert_id)}，核验码 {check_code(alert_id, version, text)}"


def as_previewed(alert: Alert) -> str:
    """The warning that an approval of ``alert`` would send."""
    return render(alert.alert_id, alert.version, alert.content.text, alert.content.exercise)


def as_sent(release: Release, kind: str) -> str:
    """What a group gets: the warning, or for ``kind`` "correction" the correction approved with it."""
    text = release.correction if kind == "correction" else release.text
    return render(release.alert_id, release.version, text, release.exercise)

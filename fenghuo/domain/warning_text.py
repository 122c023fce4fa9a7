"""The warning as residents read it: the approved text and a foot by which anyone can check it against the
official copy.

The preview before approval and the sender call the same function, so that what was seen is what goes out.
"""

from fenghuo.domain.alert import Alert, check_code
from fenghuo.domain.events import Release

EXERCISE_MARK = "【演练】"
"""Prefix of everything that an exercise sends; an approver cannot remove it."""


def number(alert_id: str) -> str:
    """The alert's public number: its first eight digits."""
    return alert_id[:8].upper()


def issuer(district: str) -> str:
    """The signature of warnings in ``district``."""
    return f"{district}反诈中心"


def render(alert_id: str, version: int, text: str, exercise: bool) -> str:
    """``text`` with its foot (number and check code); at most 40 characters longer."""
    mark = EXERCISE_MARK if exercise else ""
    return f"{mark}{text}\n编号 {number(alert_id)}，核验码 {check_code(alert_id, version, text)}"


def as_previewed(alert: Alert) -> str:
    """The warning that an approval of ``alert`` would send."""
    return render(alert.alert_id, alert.version, alert.content.text, alert.content.exercise)


def as_sent(release: Release, kind: str) -> str:
    """The text that a group gets: the warning, or for ``kind`` "correction" the correction approved with
    it."""
    text = release.correction if kind == "correction" else release.text
    return render(release.alert_id, release.version, text, release.exercise)

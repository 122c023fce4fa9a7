"""The warning as residents read it: the approved text and a foot by which anyone can check it against the
official copy.

The preview before approval and the sender call the same function, so that what was seen is what goes out.
"""

import re
from collections.abc import Sequence

from fenghuo.domain.alert import Alert, Content, check_code
from fenghuo.domain.events import Release

EXERCISE_MARK = "【演练】"
"""Prefix of everything that an exercise sends; an approver cannot remove it."""


def number(alert_id: str) -> str:
    """The alert's public number: its first eight digits."""
    return alert_id[:8].upper()


def issuer(district: str) -> str:
    """The signature of warnings in ``district``."""
    return f"{district}反诈中心"


def scam_of(title: str) -> str:
    """What a warning's title warns of, as a name: 谨防…的骗局 without its first word."""
    return title.removeprefix("谨防") or title


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


# ---------------------------------------------------------------- what every warning has

WARNING_MARK = "【反诈预警】"
SHORTEST_TEXT = 60
"""Characters below which a warning cannot say what is going on and what to do."""
_TO_DO = re.compile(r"96110|(?<!\d)110(?!\d)|报警")
_SIGNED = re.compile(
    r"反诈(?:骗)?(?:中心|专班|办)|公安(?:局|分局)|派出所|警务室|街道办事处|人民政府|[居村]委会"
)


def missing_parts(content: Content, issuers: Sequence[str] = ()) -> tuple[str, ...]:
    """The codes of what the text of a warning lacks: its mark, what to do (whom to call), who issues it,
    length.

    It is signed in its last line by the district's issuer, one of ``issuers``, or another office's name.
    """
    text = content.text.strip()
    signers = [issuer(content.audience.district), *filter(None, issuers)]
    last = text.splitlines()[-1] if text else ""
    signed = any(x in last for x in signers) or _SIGNED.search(last) is not None
    lacks = {
        "no_mark": not text.startswith(WARNING_MARK),
        "no_advice": _TO_DO.search(text) is None,
        "no_issuer": not signed,
        "too_short": len(text) < SHORTEST_TEXT,
    }
    return tuple(code for code, lacking in lacks.items() if lacking)

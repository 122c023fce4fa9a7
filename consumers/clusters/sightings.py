"""Sightings in words: "I got that one too" while a warning of it stands counts for it, once a person.

The words must say so, and fit exactly one of the district's standing alerts: by its title and text, by its
examples, or by the phrases of its type.
"""

import re
from collections.abc import Iterable, Sequence

from consumers import reply_texts
from consumers.live_library import fraud_types
from fenghuo.desk.desk import Desk
from fenghuo.domain import events as e
from fenghuo.domain.alert import RELEASED, Alert
from patterns.text.normalise import clean

LONGEST = 120
"""Characters of a report that merely says so; a longer one may bring something new."""
_TOO = re.compile(
    r"(?:我|俺|咱|我们|我[妈爸]|家里|[楼院村]里?|小区|单位|班里?|群里?)[^,。!?]{0,6}也(?:有|收到|接到|碰到|遇到|来了|刚)"
    r"|也(?:收到|接到|碰到|遇到)|(?:收到|接到|碰到)[^,。!?]{0,3}(?:一模一样|同样|一样)"
)
_SHARED = 4
"""Characters in a row that a report and a warning must share."""
_COMMON = re.compile(
    r"我|你|他|们|也|收到|接到|短信|电话|小区|这个|那个|一个|链接|转账|验证|诈骗|骗子|骗局|预警|反诈|提醒|谨防|警惕|注意|核实|拨打|银行卡|账户"
)
"""What every warning says: it tells nothing of which one is meant."""


def says_too(text: str) -> bool:
    """Whether a report's words say that its teller has met the same."""
    return len(text) <= LONGEST and _TOO.search(clean(text)) is not None


def fits(text: str, alert: Alert) -> bool:
    """Whether a report's words are about what the alert warns of."""
    norm = clean(text)
    about = clean(f"{alert.content.title} {alert.content.text} {' '.join(alert.origin.examples)}")
    kind = fraud_types().get(alert.origin.fraud_type)
    cues = [clean(cue) for cue in kind.cues] if kind else []
    return any(piece in about for piece in _pieces(norm)) or any(
        len(cue) >= _SHARED and cue in norm for cue in cues
    )


def _pieces(norm: str) -> Iterable[str]:
    """Every ``_SHARED`` Chinese characters in a row that say something."""
    for run in re.findall(r"[\u4e00-\u9fff]{4,}", _COMMON.sub(" ", norm)):
        yield from (run[at : at + _SHARED] for at in range(len(run) - _SHARED + 1))


async def sightings_in_words(
    desk: Desk, reports: Sequence[e.ReportUnmatched]
) -> tuple[frozenset[str], list[e.Event]]:
    """(ids of the reports that are sightings, the events to publish): a sighting and an answer for each."""
    told = [x for x in reports if not x.trouble and says_too(x.masked)]
    if not told:
        return frozenset(), []
    standing = [x for x in await desk.alerts.all() if x.state in RELEASED and not x.content.exercise]
    found: list[e.Event] = []
    ids = set[str]()
    for report in told:
        district = report.place.district
        fitting = [x for x in standing if x.content.audience.district == district and fits(report.masked, x)]
        if len(fitting) == 1:
            ids.add(report.report_id)
            found += [_sighting(report, fitting[0]), _answer(report, fitting[0])]
    return frozenset(ids), found


def _sighting(report: e.ReportUnmatched, alert: Alert) -> e.SightingRecorded:
    return e.SightingRecorded(
        event_id=e.derive_id(report.report_id, "sighted", alert.alert_id), at=report.at,
        alert_id=alert.alert_id, report_id=report.report_id, place=report.place, reporter=report.reporter,
    )  # fmt: skip


def _answer(report: e.ReportUnmatched, alert: Alert) -> e.ReplyRequested:
    kind = fraud_types().get(alert.origin.fraud_type)
    text = reply_texts.known(alert.content.title, kind.advice if kind else "", report.stage)
    return e.ReplyRequested(
        event_id=e.derive_id(report.report_id, "reply", "known"), at=report.at, report_id=report.report_id,
        kind="known", text=text, place=report.place, reporter=report.reporter,
    )  # fmt: skip

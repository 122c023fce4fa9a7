"""What the public may know: the alerts that were released, as CAP documents, and what has become of each.

Reads the desk; a draft is not even looked at, since only a release stands there.
"""

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import NamedTuple

from console.public.cap import CANCEL_LIFE, About, CapDocument, Issuer, Kind, Released, documents
from console.web.dependencies import Dependencies
from console.web.status_icons import Standing
from fenghuo import clock
from fenghuo.desk.desk import Desk
from fenghuo.domain import warning_text
from fenghuo.domain.alert import Action
from fenghuo.settings import Settings

KEPT = timedelta(days=30)
"""How long after its last change a warning can be looked up."""
FRESH_S = 3
"""How old the public's answers may be."""
_KINDS: dict[str, Kind] = {
    Action.APPROVE: "approved",
    "approve_update": "updated",
    Action.RECALL: "recalled",
}
_CODE = re.compile(r"(?<![0-9A-Z])[0-9A-Z]{8}(?![0-9A-Z])")
_NAMED = re.compile(r"(?:编号|核验码)[\s:]*([0-9A-Z]{8})(?![0-9A-Z])")
_PASTED = 40
"""Characters from which a text, not a code, was given: number and code with their names have under 30."""


@dataclass(frozen=True)
class Published:
    """One released alert; ``documents`` has at least one, the first first."""

    alert_id: str
    documents: Sequence[CapDocument]

    @property
    def number(self) -> str:
        return warning_text.number(self.alert_id)

    @cached_property
    def held(self) -> frozenset[str]:
        """The number and all check codes, as people hold them."""
        return frozenset((self.number, *(x.code for x in self.documents)))

    @property
    def newest(self) -> CapDocument:
        return self.documents[-1]

    @property
    def told(self) -> CapDocument:
        """The warning as it went out last; of a recalled one, what was withdrawn."""
        return [x for x in self.documents if x.kind != "recalled"][-1]

    @property
    def exercise(self) -> bool:
        return self.newest.release.exercise

    def standing(self, now: datetime) -> Standing:
        if self.newest.kind == "recalled":
            return Standing.RECALLED
        return Standing.CURRENT if self.newest.expires_at > now else Standing.EXPIRED

    def standing_of(self, document: CapDocument, now: datetime) -> Standing:
        """What has become of one of the documents: a recalled alert's are all recalled but the correction."""
        if document.kind == "recalled":
            return Standing.CORRECTION
        whole = self.standing(now)
        return whole if document is self.told or whole is Standing.RECALLED else Standing.REPLACED

    def counts(self, now: datetime) -> bool:
        """Whether the public is to be told of it now: it stands, or was recalled within CANCEL_LIFE."""
        if self.newest.kind == "recalled":
            return self.newest.sent_at + CANCEL_LIFE > now
        return self.newest.expires_at > now

    def last_change(self, now: datetime) -> datetime:
        """When, up to ``now``, what the public is told of it changed last."""
        ends = self.newest.sent_at + CANCEL_LIFE if self.newest.kind == "recalled" else self.newest.expires_at
        return ends if ends <= now else self.newest.sent_at


class Match(NamedTuple):
    """What was found for a number or check code that somebody holds."""

    published: Published
    document: CapDocument
    standing: Standing
    by_code: bool
    """False if only the number was given: it tells of an alert, not of a text."""


Made = dict[str, tuple[tuple[int, int, str], Published]]
"""By alert: its revision, the version and kind of its newest release, and what was made of them."""


def issuer_of(settings: Settings) -> Issuer:
    return Issuer(
        sender=settings.cap_sender,
        name=settings.issuer_name,
        district=settings.district,
        district_code=settings.district_code,
        public_url=settings.public_url,
    )


async def published(house: Dependencies) -> list[Published]:
    """Every released alert that changed within KEPT, the newest message first."""
    return await house.shared.get("published", lambda: _load(house), FRESH_S)


async def _load(house: Dependencies) -> list[Published]:
    """An alert's documents are made anew only when it, or its standing, has changed."""
    since = clock.now() - KEPT
    alerts = {str(a.alert_id): a for a in await house.desk.alerts.all() if a.changed_at >= since}
    standing = await house.desk.releases.latest(list(alerts))
    made: Made = await house.shared.get("published.made", _nothing_made, math.inf)
    for alert_id in made.keys() - standing.keys():
        del made[alert_id]
    issuer = issuer_of(house.settings)
    for alert_id, newest in standing.items():
        alert = alerts[alert_id]
        stamp = (alert.revision, *newest)
        if alert_id not in made or made[alert_id][0] != stamp:
            releases = await releases_of(house.desk, alert_id)
            about = About(issuer, alert.origin.fraud_type, alert.origin.reports)
            told = documents(releases, about)
            made[alert_id] = stamp, Published(alert_id, told)
    found = [one for _, one in made.values() if one.documents]
    return sorted(found, key=lambda x: x.newest.sent_at, reverse=True)


async def _nothing_made() -> Made:
    return {}


async def releases_of(desk: Desk, alert_id: str) -> list[Released]:
    """The steps of an alert before the public, the first first; a recall has the release it takes back."""
    found: list[Released] = []
    for changed in await desk.alerts.history(alert_id):
        kind = _KINDS.get(changed.action)
        if kind == "recalled":
            found += [Released(kind, x.release, changed.at) for x in found[-1:]]
        elif kind and (release := await desk.releases.get(alert_id, changed.alert.version)):
            found.append(Released(kind, release, changed.at))
    return found


def current(every: Iterable[Published], now: datetime) -> list[Published]:
    """Those that the public is to be told of now."""
    return [x for x in every if x.counts(now)]


def codes_in(asked: str) -> list[str]:
    """The numbers and check codes (eight letters or digits each) in what somebody typed or pasted: those
    that are called so, else all there are."""
    plain = unicodedata.normalize("NFKC", asked).upper()
    found = _NAMED.findall(plain) or _CODE.findall(plain) or _CODE.findall(re.sub(r"[\s-]+", "", plain))
    return list(dict.fromkeys(found))


def same_text(asked: str, document: CapDocument) -> bool | None:
    """Whether a pasted warning is the document's text, blanks aside; None if only a code was given."""
    pasted, told = _squashed(asked), _squashed(document.text)
    return pasted == told if len(pasted) > _PASTED else None


def _squashed(text: str) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).upper()


def look_up(every: Iterable[Published], codes: Sequence[str], now: datetime) -> list[Match]:
    """What each of ``codes`` together stands for: with a number and a check code, both must be of one text.

    Empty if nothing that went out has them.
    """
    wanted = frozenset(codes)
    return [match for one in every if wanted and wanted <= one.held for match in _matches(one, wanted, now)]


def _matches(one: Published, codes: frozenset[str], now: datetime) -> list[Match]:
    if codes == {one.number}:
        return [Match(one, one.newest, one.standing(now), by_code=False)]
    found = [x for x in one.documents if x.code in codes and codes <= {x.code, one.number}]
    return [Match(one, x, one.standing_of(x, now), by_code=True) for x in found]

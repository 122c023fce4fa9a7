"""Released alerts for the public: their CAP documents, whether each is in force, and looking up a code.

Reads only releases from the desk, so a draft can never be shown.
"""

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import NamedTuple

from console.public.cap import CANCEL_LIFE, About, CapDocument, Issuer, Released, ReleaseKind, documents
from console.web.dependencies import Dependencies
from console.web.status_icons import TextStatus
from fenghuo import clock
from fenghuo.desk.desk import Desk
from fenghuo.domain import warning_text
from fenghuo.domain.alert import Action
from fenghuo.settings import Settings

LOOKUP_PERIOD = timedelta(days=30)
"""How long after its last change a warning can be looked up."""
FRESH_S = 3
"""How old an answer to the public may be."""
_KINDS: dict[str, ReleaseKind] = {
    Action.APPROVE: "approved",
    "approve_update": "updated",
    Action.RECALL: "recalled",
}
_CODE = re.compile(r"(?<![0-9A-Z])[0-9A-Z]{8}(?![0-9A-Z])")
_LABELLED = re.compile(r"(?:编号|核验码)[\s:]*([0-9A-Z]{8})(?![0-9A-Z])")
_PASTED_TEXT = 40
"""Characters from which the input is a pasted text; number and code with their names have fewer than 30."""


@dataclass(frozen=True)
class PublishedAlert:
    """One released alert; ``documents`` has at least one, the oldest first."""

    alert_id: str
    documents: Sequence[CapDocument]

    @property
    def number(self) -> str:
        return warning_text.number(self.alert_id)

    @cached_property
    def codes(self) -> frozenset[str]:
        """The alert's number and all check codes."""
        return frozenset((self.number, *(x.code for x in self.documents)))

    @property
    def newest(self) -> CapDocument:
        return self.documents[-1]

    @property
    def last_warning(self) -> CapDocument:
        """The newest warning text; of a recalled alert, the text that was withdrawn."""
        return [x for x in self.documents if x.kind != "recalled"][-1]

    @property
    def exercise(self) -> bool:
        return self.newest.release.exercise

    def status(self, now: datetime) -> TextStatus:
        if self.newest.kind == "recalled":
            return TextStatus.RECALLED
        return TextStatus.CURRENT if self.newest.expires_at > now else TextStatus.EXPIRED

    def status_of(self, document: CapDocument, now: datetime) -> TextStatus:
        """The status of one document; those of a recalled alert are all recalled except the correction."""
        if document.kind == "recalled":
            return TextStatus.CORRECTION
        status = self.status(now)
        return (
            status if document is self.last_warning or status is TextStatus.RECALLED else TextStatus.REPLACED
        )

    def is_current(self, now: datetime) -> bool:
        """Whether to publish it now: it is in force, or was recalled within CANCEL_LIFE."""
        if self.newest.kind == "recalled":
            return self.newest.sent_at + CANCEL_LIFE > now
        return self.newest.expires_at > now

    def last_change(self, now: datetime) -> datetime:
        """When its public information changed last, up to ``now``."""
        ends = self.newest.sent_at + CANCEL_LIFE if self.newest.kind == "recalled" else self.newest.expires_at
        return ends if ends <= now else self.newest.sent_at


class Match(NamedTuple):
    """A document found by a number or check code."""

    alert: PublishedAlert
    document: CapDocument
    status: TextStatus
    by_code: bool
    """False if only the number was given, which identifies an alert but not a text."""


Built = dict[str, tuple[tuple[int, int, str], PublishedAlert]]
"""By alert: (revision, version and kind of the newest release), and the PublishedAlert built from it."""


def issuer_of(settings: Settings) -> Issuer:
    return Issuer(
        sender=settings.cap_sender,
        name=settings.issuer_name,
        district=settings.district,
        district_code=settings.district_code,
        public_url=settings.public_url,
    )


async def published_alerts(deps: Dependencies) -> list[PublishedAlert]:
    """Every released alert that changed within LOOKUP_PERIOD, the newest message first."""
    return await deps.cache.get_or_load("published", lambda: _load(deps), FRESH_S)


async def _load(deps: Dependencies) -> list[PublishedAlert]:
    """Builds the documents of an alert again only if the alert or its newest release has changed."""
    since = clock.now() - LOOKUP_PERIOD
    alerts = {str(a.alert_id): a for a in await deps.desk.alerts.all() if a.changed_at >= since}
    newest_releases = await deps.desk.releases.latest(list(alerts))
    built: Built = await deps.cache.get_or_load("published.built", _nothing_built, math.inf)
    for alert_id in built.keys() - newest_releases.keys():
        del built[alert_id]
    issuer = issuer_of(deps.settings)
    for alert_id, newest in newest_releases.items():
        alert = alerts[alert_id]
        stamp = (alert.revision, *newest)
        if alert_id not in built or built[alert_id][0] != stamp:
            steps = await public_steps(deps.desk, alert_id)
            about = About(issuer, alert.origin.fraud_type, alert.origin.reports)
            built[alert_id] = stamp, PublishedAlert(alert_id, documents(steps, about))
    found = [published for _, published in built.values() if published.documents]
    return sorted(found, key=lambda x: x.newest.sent_at, reverse=True)


async def _nothing_built() -> Built:
    return {}


async def public_steps(desk: Desk, alert_id: str) -> list[Released]:
    """The public steps of an alert, the oldest first; a recall has the release that it withdraws."""
    found: list[Released] = []
    for changed in await desk.alerts.history(alert_id):
        kind = _KINDS.get(changed.action)
        if kind == "recalled":
            found += [Released(kind, x.release, changed.at) for x in found[-1:]]
        elif kind and (release := await desk.releases.get(alert_id, changed.alert.version)):
            found.append(Released(kind, release, changed.at))
    return found


def current_alerts(published: Iterable[PublishedAlert], now: datetime) -> list[PublishedAlert]:
    """Those to publish now."""
    return [x for x in published if x.is_current(now)]


def codes_in(asked: str) -> list[str]:
    """The numbers and check codes (eight letters or digits each) in what somebody typed or pasted.

    If some are labelled as a number or check code, only those.
    """
    plain = unicodedata.normalize("NFKC", asked).upper()
    found = _LABELLED.findall(plain) or _CODE.findall(plain) or _CODE.findall(re.sub(r"[\s-]+", "", plain))
    return list(dict.fromkeys(found))


def is_same_text(asked: str, document: CapDocument) -> bool | None:
    """Whether a pasted warning is the document's text, ignoring whitespace; None if only a code was given."""
    pasted, published = _without_whitespace(asked), _without_whitespace(document.text)
    return pasted == published if len(pasted) > _PASTED_TEXT else None


def _without_whitespace(text: str) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).upper()


def look_up(published: Iterable[PublishedAlert], codes: Sequence[str], now: datetime) -> list[Match]:
    """The documents that have all of ``codes``: a number and a check code must belong to the same text."""
    wanted = frozenset(codes)
    return [match for x in published if wanted and wanted <= x.codes for match in _matches(x, wanted, now)]


def _matches(alert: PublishedAlert, codes: frozenset[str], now: datetime) -> list[Match]:
    if codes == {alert.number}:
        return [Match(alert, alert.newest, alert.status(now), by_code=False)]
    found = [x for x in alert.documents if x.code in codes and codes <= {x.code, alert.number}]
    return [Match(alert, x, alert.status_of(x, now), by_code=True) for x in found]

"""CAP 1.2 documents (OASIS Common Alerting Protocol) of released alerts. Pure.

A document has the approved text exactly as residents got it, so that its check code matches. docs/cap.md
explains each field.
"""

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from xml.etree.ElementTree import Element, SubElement, tostring

import msgspec

from fenghuo.domain import warning_text
from fenghuo.domain.alert import Audience, check_code
from fenghuo.domain.calendar import CHINA
from fenghuo.domain.events import Release
from fenghuo.errors import FenghuoError

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
MEDIA_TYPE = "application/cap+xml"
EVENT = "电信网络诈骗预警"
CANCEL_LIFE = timedelta(hours=24)
"""How long a recall is published, so that a reader who polls once a day does not miss it."""

ReleaseKind = Literal["approved", "updated", "recalled"]
MsgType = Literal["Alert", "Update", "Cancel"]
_MSG_TYPES: dict[ReleaseKind, MsgType] = {"approved": "Alert", "updated": "Update", "recalled": "Cancel"}
_SEVERITIES = {"severe": "Severe", "moderate": "Moderate"}
_SEVERAL = 2
"""Number of reports from which a scam is Likely; one report makes it Possible. Observed would need a recorded
case, which the system does not know of."""

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")
_NOT_IN_NAMES = re.compile(r"[\s,<&]")
_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LIVE_LINK = re.compile(
    r"\b(?:https?|ftp)://\S+|\bwww\.\w\S*"
    r"|\b[a-z0-9][a-z0-9.-]*\.(?:com|cn|net|org|top|xyz|cc|vip|info|app|shop|site|club|online|example)\b",
    re.IGNORECASE | re.ASCII,
)
_DEFANGED = re.compile(
    r"(?:hxxps?://)?[^\s，。；、：“”（）【】]*\[\.\][^\s，。；、“”（）【】]*", re.IGNORECASE
)
_ADVICE = re.compile(r"^提醒：\s*(.+)$", re.MULTILINE)


class WrongDocument(FenghuoError):
    """A document that must not be served; the message lists every fault."""


class Released(NamedTuple):
    """One public step of an alert: an approval, an update or a recall."""

    kind: ReleaseKind
    release: Release
    at: datetime


class Issuer(NamedTuple):
    """The issuing centre.

    ``sender`` is its machine-readable id, ``name`` may be empty (then the district's centre), as may the
    GB/T 2260 code of ``district`` and the URL of the public site.
    """

    sender: str
    name: str
    district: str
    district_code: str
    public_url: str


class About(NamedTuple):
    """What a document needs beside the release; ``reports``: how many the alert was drafted from."""

    issuer: Issuer
    fraud_type: str
    reports: int


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """CAP's info block; empty values are left out."""

    response_type: str
    urgency: str
    severity: str
    certainty: str
    event_code: str
    expires: str
    sender_name: str
    headline: str
    description: str
    instruction: str
    web: str
    parameters: tuple[tuple[str, str], ...]
    area_desc: str
    geocode: str


class CapMessage(msgspec.Struct, frozen=True, kw_only=True):
    """CAP's alert block; times are in CAP's format."""

    identifier: str
    sender: str
    sent: str
    status: str
    msg_type: MsgType
    references: tuple[str, ...]
    info: Info | None


class CapDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One message with the release it was made from; ``code`` is the check code of its text."""

    message: CapMessage
    kind: ReleaseKind
    release: Release
    code: str
    text: str
    sent_at: datetime
    expires_at: datetime


def documents(releases: Sequence[Released], about: About) -> list[CapDocument]:
    """The messages of one alert, the oldest first.

    Expiry needs no message, since each has ``expires``. Each message references all earlier ones.
    """
    found: list[CapDocument] = []
    for step in releases:
        found.append(_document(step, [x.message for x in found], about))
    return found


def render(document: CapDocument) -> bytes:
    """The document as XML in UTF-8. Raises WrongDocument if it has a fault."""
    if faults := faults_of(document.message):
        raise WrongDocument(f"{document.message.identifier}: {'; '.join(faults)}")
    raw = tostring(_xml(document.message), encoding="unicode").replace("\r", "&#13;")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{raw}\n'.encode()


def etag_of(body: bytes) -> str:
    """A strong entity tag, with its quotes."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def faults_of(message: CapMessage) -> list[str]:
    """Faults that CAP's schema cannot find; empty if the message may be served."""
    return [fault for wrong, fault in (*_faults_of_head(message), *_faults_of_info(message)) if wrong]


# ---------------------------------------------------------------- building a message


def _document(step: Released, earlier: Sequence[CapMessage], about: About) -> CapDocument:
    kind, release, at = step
    issuer = about.issuer
    recalled = kind == "recalled"
    approved_text = release.correction if recalled else release.text
    code = check_code(release.alert_id, release.version, approved_text)
    expires_at = max(release.expires_at, at + CANCEL_LIFE) if recalled else release.expires_at
    text = warning_text.as_sent(release, "correction" if recalled else "warning")
    message = CapMessage(
        identifier=f"fenghuo-{release.alert_id}-{len(earlier) + 1}",
        sender=issuer.sender,
        sent=_time(at),
        status="Exercise" if release.exercise else "Actual",
        msg_type=_MSG_TYPES[kind],
        references=tuple(f"{x.sender},{x.identifier},{x.sent}" for x in earlier),
        info=Info(
            **_urgency(kind, release, about.reports),
            event_code=about.fraud_type,
            expires=_time(expires_at),
            sender_name=issuer.name or warning_text.issuer(release.audience.district),
            headline=_headline(kind, release),
            description=text,
            instruction="" if recalled else _advice(release.text),
            web=_web(issuer.public_url, release),
            parameters=_parameters(release, code, approved_text),
            area_desc=_area(release.audience),
            geocode=issuer.district_code if release.audience.district == issuer.district else "",
        ),
    )
    return CapDocument(
        message=message, kind=kind, release=release, code=code, text=text, sent_at=at, expires_at=expires_at
    )


def _urgency(kind: ReleaseKind, release: Release, reports: int) -> dict[str, str]:
    """Response type, urgency, severity and certainty; a recall makes no claim."""
    if kind == "recalled":
        return {"response_type": "None", "urgency": "Past", "severity": "Unknown", "certainty": "Unknown"}
    return {
        "response_type": "Avoid",
        "urgency": "Immediate",
        "severity": _SEVERITIES.get(release.severity, "Unknown"),
        "certainty": "Likely" if reports >= _SEVERAL else "Possible",
    }


def _headline(kind: ReleaseKind, release: Release) -> str:
    mark = warning_text.EXERCISE_MARK if release.exercise else ""
    return f"{mark}{'【撤回】' if kind == 'recalled' else ''}{release.title}"


def _advice(text: str) -> str:
    """The line of advice in the warning, if it has one."""
    found = _ADVICE.search(text)
    return found[1] if found else ""


def _web(public_url: str, release: Release) -> str:
    number = warning_text.number(release.alert_id)
    return f"{public_url.rstrip('/')}/warnings/{number}" if public_url else ""


def _parameters(release: Release, code: str, text: str) -> tuple[tuple[str, str], ...]:
    """Number, version, check code, and the defanged links of the approved text."""
    return (
        ("fenghuo:number", warning_text.number(release.alert_id)),
        ("fenghuo:version", str(release.version)),
        ("fenghuo:check-code", code),
        *(("fenghuo:indicator", x) for x in dict.fromkeys(_DEFANGED.findall(text))),
    )


def _area(audience: Audience) -> str:
    return audience.district + (f"：{'、'.join(audience.towns)}" if audience.towns else "")


def _time(moment: datetime) -> str:
    return moment.astimezone(CHINA).replace(microsecond=0).isoformat()


# ---------------------------------------------------------------- faults

_Faults = tuple[tuple[bool, str], ...]


def _faults_of_head(m: CapMessage) -> _Faults:
    forbidden = next((x for x in _texts(m) if _NOT_IN_XML.search(x)), None)
    return (
        (not m.identifier or bool(_NOT_IN_NAMES.search(m.identifier)), "identifier: a space, comma, < or &"),
        (not m.sender or bool(_NOT_IN_NAMES.search(m.sender)), "sender: a space, comma, < or &"),
        (not _TIME.fullmatch(m.sent), f"sent: not a time of CAP: {m.sent}"),
        (m.msg_type != "Alert" and not m.references, f"references: {m.msg_type} names no earlier message"),
        (m.msg_type == "Alert" and bool(m.references), "references: an Alert has none"),
        (any(_wrong_reference(x) for x in m.references), "references: not sender,identifier,sent"),
        (m.info is None, "info: missing"),
        (forbidden is not None, f"a character that XML cannot carry: {forbidden!r:.60}"),
    )


def _faults_of_info(m: CapMessage) -> _Faults:
    info = m.info
    if info is None:
        return ()
    shown = " ".join((info.headline, info.description, info.instruction, *(v for _, v in info.parameters)))
    link = _LIVE_LINK.search(shown)
    timed = bool(_TIME.fullmatch(m.sent) and _TIME.fullmatch(info.expires))
    return (
        (not _TIME.fullmatch(info.expires), f"expires: not a time of CAP: {info.expires}"),
        (timed and _moment(info.expires) <= _moment(m.sent), "expires: not after sent"),
        (not info.headline.strip(), "headline: empty"),
        (not info.description.strip(), "description: empty"),
        (not info.area_desc.strip(), "areaDesc: empty"),
        (link is not None, f"a link that works: {link[0] if link else ''}"),
    )


def _moment(time: str) -> datetime:
    """The moment of ``time``; datetime.min for a date that does not exist."""
    try:
        return datetime.fromisoformat(time)
    except ValueError:
        return datetime.min.replace(tzinfo=CHINA)


def _wrong_reference(reference: str) -> bool:
    sender, identifier, sent = (*reference.split(","), "", "", "")[:3]
    named = sender and identifier and not _NOT_IN_NAMES.search(sender + identifier)
    return not (named and _TIME.fullmatch(sent) and reference.count(",") == 2)


def _texts(m: CapMessage) -> list[str]:
    """Every text of a message."""
    info = [] if m.info is None else list(msgspec.structs.astuple(m.info))
    flat = [x for x in info if isinstance(x, str)]
    pairs = m.info.parameters if m.info else ()
    return [m.identifier, m.sender, m.sent, *m.references, *flat, *(x for pair in pairs for x in pair)]


# ---------------------------------------------------------------- XML, in the order of the schema


def _xml(m: CapMessage) -> Element:
    alert = Element("alert", xmlns=NAMESPACE)
    _add(alert, "identifier", m.identifier)
    _add(alert, "sender", m.sender)
    _add(alert, "sent", m.sent)
    _add(alert, "status", m.status)
    _add(alert, "msgType", m.msg_type)
    _add(alert, "scope", "Public")
    _add(alert, "references", " ".join(m.references))
    if m.info is not None:
        _add_info(SubElement(alert, "info"), m.info)
    return alert


def _add_info(into: Element, info: Info) -> None:
    _add(into, "language", "zh-CN")
    _add(into, "category", "Security")
    _add(into, "event", EVENT)
    _add(into, "responseType", info.response_type)
    _add(into, "urgency", info.urgency)
    _add(into, "severity", info.severity)
    _add(into, "certainty", info.certainty)
    _add_pair(into, "eventCode", "fenghuo:fraud-type", info.event_code)
    _add(into, "expires", info.expires)
    _add(into, "senderName", info.sender_name)
    _add(into, "headline", info.headline)
    _add(into, "description", info.description)
    _add(into, "instruction", info.instruction)
    _add(into, "web", info.web)
    for name, value in info.parameters:
        _add_pair(into, "parameter", name, value)
    area = SubElement(into, "area")
    _add(area, "areaDesc", info.area_desc)
    _add_pair(area, "geocode", "GB/T 2260", info.geocode)


def _add(into: Element, name: str, text: str) -> None:
    if text:
        SubElement(into, name).text = text


def _add_pair(into: Element, name: str, value_name: str, value: str) -> None:
    if value:
        pair = SubElement(into, name)
        _add(pair, "valueName", value_name)
        _add(pair, "value", value)

"""What changed between the alert that a page showed and the one that stands now. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from console.evidence import marked
from console.pages import local
from fenghuo.alerts import Alert, Content, content_hash
from fenghuo.events import AlertChanged


@dataclass(frozen=True, slots=True)
class Change:
    """One field of the content: as it was seen, and as it is, with the differences marked."""

    field: str
    before: Markup
    now: Markup


def seen_content(
    history: Sequence[AlertChanged], revision: int | None, seen_hash: str | None
) -> Content | None:
    """The content that a page with ``revision`` or ``seen_hash`` showed, if it is on file."""
    for change in history:
        if change.alert.revision == revision or content_hash(change.alert.content) == seen_hash:
            return change.alert.content
    return None


def since(history: Sequence[AlertChanged], revision: int | None) -> list[AlertChanged]:
    """What was done to the alert after ``revision``; everything if that is not known."""
    return [change for change in history if revision is None or change.alert.revision > revision]


def differences(before: Content, alert: Alert) -> list[Change]:
    now = alert.content
    pairs = [
        ("title", before.title, now.title),
        ("text", before.text, now.text),
        ("correction", before.correction, now.correction),
        ("audience", _audience(before), _audience(now)),
        ("severity", before.severity, now.severity),
        ("expires_at", f"{local(before.expires_at):%m-%d %H:%M}", f"{local(now.expires_at):%m-%d %H:%M}"),
    ]
    return [Change(name, escape(a), marked(a, b)) for name, a, b in pairs if a != b]


def _audience(content: Content) -> str:
    return "、".join(content.audience.towns) or content.audience.district

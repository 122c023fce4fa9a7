"""What changed between the alert that a page showed and the one that stands now. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from console.web.rendering import local
from console.web.text_diff import marked
from fenghuo.domain.alert import Action, Content, content_hash
from fenghuo.domain.alert_lifecycle import affected_content
from fenghuo.domain.channels import channel_label
from fenghuo.domain.events import AlertChanged


@dataclass(frozen=True, slots=True)
class ContentDiff:
    """One field of the content: as it was seen, and as it is, with the differences marked."""

    field: str
    before: Markup
    now: Markup


def seen_content(
    history: Sequence[AlertChanged], revision: int | None, seen_hash: str | None, action: Action
) -> Content | None:
    """The content that a page for ``action`` with ``revision`` or ``seen_hash`` showed, if it is on file."""
    for change in history:
        content = affected_content(change.alert, action)
        if change.alert.revision == revision or content_hash(content) == seen_hash:
            return content
    return None


def since(history: Sequence[AlertChanged], revision: int | None) -> list[AlertChanged]:
    """What was done to the alert after ``revision``; everything if that is not known."""
    return [change for change in history if revision is None or change.alert.revision > revision]


def differences(before: Content, now: Content) -> list[ContentDiff]:
    """The fields in which ``now`` is another than ``before``, each as people read it."""
    pairs = [(name, told(before), told(now)) for name, told in _FIELDS.items()]
    return [
        ContentDiff(name, escape(a), escape(b) if name == "severity" else marked(a, b))
        for name, a, b in pairs
        if a != b
    ]


def _audience(content: Content) -> str:
    audience = content.audience
    return audience.expression or "、".join(audience.towns) or audience.district


_FIELDS: dict[str, Callable[[Content], str]] = {
    "title": lambda x: x.title,
    "text": lambda x: x.text,
    "correction": lambda x: x.correction,
    "audience": _audience,
    "channels": lambda x: "、".join(channel_label(name) for name in x.channels),
    "severity": lambda x: x.severity,
    "expires_at": lambda x: f"{local(x.expires_at):%m-%d %H:%M}",
    "override": lambda x: x.override,
}

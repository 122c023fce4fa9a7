"""What changed between the alert that a page showed and the alert as it is now. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from console.web.rendering import local
from console.web.text_diff import mark_differences
from fenghuo.domain.alert import Action, Content, content_hash
from fenghuo.domain.alert_lifecycle import affected_content
from fenghuo.domain.channels import channel_label
from fenghuo.domain.events import AlertChanged


@dataclass(frozen=True, slots=True)
class ContentDiff:
    """One field of the content, as it was seen and as it is now, with the differences marked."""

    field: str
    before: Markup
    now: Markup


def seen_content(
    history: Sequence[AlertChanged], revision: int | None, seen_hash: str | None, action: Action
) -> Content | None:
    """The content that a page for ``action`` showed with ``revision`` or ``seen_hash``; None if unknown."""
    for change in history:
        content = affected_content(change.alert, action)
        if change.alert.revision == revision or content_hash(content) == seen_hash:
            return content
    return None


def changes_since(history: Sequence[AlertChanged], revision: int | None) -> list[AlertChanged]:
    """The changes of the alert after ``revision``; all of them if that is not known."""
    return [change for change in history if revision is None or change.alert.revision > revision]


def differences(before: Content, now: Content) -> list[ContentDiff]:
    """The fields in which ``now`` differs from ``before``, each in words."""
    pairs = [(name, describe(before), describe(now)) for name, describe in _FIELDS.items()]
    return [
        ContentDiff(name, escape(a), escape(b) if name == "severity" else mark_differences(a, b))
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

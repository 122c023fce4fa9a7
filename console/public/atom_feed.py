"""The Atom feed (RFC 4287) of the current CAP documents. Pure."""

from collections.abc import Sequence
from datetime import datetime
from xml.etree.ElementTree import Element, SubElement, tostring

from console.public.cap import EVENT, MEDIA_TYPE, CapDocument, Issuer
from fenghuo.domain import warning_text

NAMESPACE = "http://www.w3.org/2005/Atom"
ENTRIES = 100
"""At most. An entry has under 5,000 bytes whatever its text, so the feed stays below the 900 KB that feed
readers accept."""
FEED_PATH = "/feeds/alerts.atom"


def document_path(identifier: str) -> str:
    return f"/feeds/alerts/{identifier}.cap.xml"


def render(current: Sequence[CapDocument], issuer: Issuer, changed_at: datetime) -> bytes:
    """The feed of the first ENTRIES of ``current`` (checked documents, the newest first).

    Without a public URL its links are relative to the feed's own URL.
    """
    base, name = issuer.public_url.rstrip("/"), issuer.name or warning_text.issuer(issuer.district)
    feed = Element("feed", {"xmlns": NAMESPACE, "xml:lang": "zh-CN"})
    _add(feed, "id", f"tag:{issuer.sender},2026:alerts")
    _add(feed, "title", f"{name}：{EVENT}")
    _add(feed, "updated", changed_at.isoformat(timespec="seconds"))
    _add(SubElement(feed, "author"), "name", name)
    SubElement(feed, "link", rel="self", type="application/atom+xml", href=base + FEED_PATH)
    SubElement(feed, "link", rel="alternate", type="text/html", href=f"{base}/warnings")
    for document in current[:ENTRIES]:
        _add_entry(SubElement(feed, "entry"), document, issuer.sender, base)
    raw = tostring(feed, encoding="unicode").replace("\r", "&#13;")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{raw}\n'.encode()


def _add_entry(entry: Element, document: CapDocument, sender: str, base: str) -> None:
    message, info = document.message, document.message.info
    assert info is not None
    page = f"{base}/warnings/{warning_text.number(document.release.alert_id)}"
    _add(entry, "id", f"tag:{sender},2026:{message.identifier}")
    _add(entry, "title", info.headline)
    _add(entry, "updated", message.sent)
    _add(entry, "published", message.sent)
    _add(SubElement(entry, "author"), "name", info.sender_name)
    SubElement(entry, "category", term=info.event_code, scheme=f"tag:{sender},2026:fraud-type")
    SubElement(entry, "category", term=message.msg_type, scheme=f"tag:{sender},2026:msgType")
    SubElement(entry, "category", term=message.status, scheme=f"tag:{sender},2026:status")
    href = base + document_path(message.identifier)
    SubElement(entry, "link", rel="alternate", type=MEDIA_TYPE, href=href)
    SubElement(entry, "link", rel="related", type="text/html", href=page)
    _add(entry, "summary", document.text)


def _add(into: Element, name: str, text: str) -> None:
    SubElement(into, name).text = text

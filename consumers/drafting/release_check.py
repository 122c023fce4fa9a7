"""What stands against the release of a warning. Two levels, asked at the draft, the submission and the
approval.

Objections: what must never go out (``forbidden``), and what must not be missing. Mentions: persons, schools,
shops, firms, banks and established sites; each goes out only after a person has cleared it with a reason.
Pure.
"""

import re
from collections.abc import Iterator, Sequence

from fenghuo.domain.alert import Content, Mention
from fenghuo.domain.warning_text import missing_parts
from patterns.entities.established import is_established
from patterns.entities.names import Named, find_names
from patterns.entities.redact import forbidden

_SENTENCE_ENDS = re.compile(r"[。！？!?；;\n]")
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Signs that turn the direction of writing: what is shown is not what stands there."""


def objections(content: Content, issuers: Sequence[str] = ()) -> tuple[str, ...]:
    """What must be changed before ``content`` may go out, each ``code: excerpt`` or ``code``.

    ``issuers`` are names that sign for the district beside its own.
    """
    parts = (content.title, content.text, content.correction)
    found = [f"{code}: {excerpt}" for part in parts for code, excerpt in forbidden(part)]
    found += [f"hidden: U+{ord(sign):04X}" for part in parts for sign in _TURNS.findall(part)]
    found += missing_parts(content, issuers)
    return tuple(dict.fromkeys(found))


def mentions(content: Content) -> tuple[Mention, ...]:
    """The names in ``content`` that a person must clear, each with the sentence it stands in."""
    parts = (content.title, content.text, content.correction)
    return tuple(dict.fromkeys(mention for part in parts for mention in _mentions_in(part)))


def _mentions_in(text: str) -> Iterator[Mention]:
    for named in names_in(text):
        yield Mention(kind=named.kind, value=named.value, sentence=_sentence(text, named.start, named.end))


def names_in(text: str) -> list[Named]:
    """The names in ``text`` that may be somebody's: of sites only those that are established."""
    return [x for x in find_names(text) if x.kind != "domain" or is_established(x.value)]


def _sentence(text: str, start: int, end: int) -> str:
    """The sentence of ``text`` around text[start:end]."""
    first = max((m.end() for m in _SENTENCE_ENDS.finditer(text, 0, start)), default=0)
    behind = _SENTENCE_ENDS.search(text, end)
    return text[first : behind.start() if behind else len(text)].strip()

"""The names in a warning that a person must clear: what the page shows of each, and what its form clears.

The consumers find the names and apply the clearances; here they are only shown and asked for.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from console.web.submission import Form
from fenghuo.domain.alert import CLEARANCE_LENGTHS, Clearance, Clearing, Content, Mention

_FIELD = re.compile(r"clear-([0-9a-f]{12})")


@dataclass(frozen=True, slots=True)
class ShownName:
    """A name with who cleared it; None: nobody yet."""

    mention: Mention
    clearance: Clearance | None


def names_of(content: Content, mentions: Sequence[Mention]) -> list[ShownName]:
    """The names, those that nobody has cleared first."""
    cleared = {x.mention: x for x in content.clearances}
    found = [ShownName(x, cleared.get(x)) for x in mentions]
    return sorted(found, key=lambda x: x.clearance is not None)


def clearings_of(form: Form) -> tuple[Clearing, ...]:
    """What ``form`` clears: each name for which a reason was written."""
    written = {
        match[1]: " ".join(text.split()) for name, text in form.items() if (match := _FIELD.fullmatch(name))
    }
    most = CLEARANCE_LENGTHS[1]
    return tuple(Clearing(key=key, reason=reason[:most]) for key, reason in written.items() if reason)

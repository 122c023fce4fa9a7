"""The fraudster's telephones, accounts and names in a report, sealed: for an officer to open with a reason.

Nothing on a page holds them. They leave with the report: the desk and the topics forget both together.
"""

from collections.abc import Sequence

import msgspec

from fenghuo.security.sealing import seal, unseal

_PURPOSE = "details of fraudsters"
_JSON = msgspec.json.Encoder()
_PAIRS = msgspec.json.Decoder(tuple[tuple[str, str], ...])


def seal_details(details: Sequence[tuple[str, str]], key: str) -> str:
    """(kind, value) of each under seal; "" for none, and without a key: what cannot be sealed is not kept."""
    return seal(_JSON.encode(list(details)).decode(), key, _PURPOSE) if details and key else ""


def open_details(sealed: str, key: str) -> tuple[tuple[str, str], ...]:
    """(kind, value) of each. Raises Refused under another key."""
    return _PAIRS.decode(unseal(sealed, key, _PURPOSE)) if sealed else ()

"""Encrypts what must not be readable in events and on the desk: robots' keys, signing secrets, webhook
addresses, and the fraudster's details (`fenghuo/security/details.py`).

Deterministic: the same text and key give the same seal (AES-SIV, RFC 5297), so that an import detects that
nothing changed.
"""

import base64
import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from fenghuo.errors import Refused

PREFIX = "sealed:"


def seal(text: str, key: str, purpose: str = "") -> str:
    """``text`` sealed under ``key`` for ``purpose`` (each has a key of its own); an empty or sealed text is
    returned unchanged."""
    if not text or text.startswith(PREFIX):
        return text
    return PREFIX + base64.urlsafe_b64encode(_cipher(key, purpose).encrypt(text.encode(), None)).decode()


def unseal(text: str, key: str, purpose: str = "") -> str:
    """The text that was sealed; a text without a seal is returned unchanged. Raises Refused under another
    key."""
    if not text.startswith(PREFIX):
        return text
    try:
        sealed = base64.urlsafe_b64decode(text.removeprefix(PREFIX))
        return _cipher(key, purpose).decrypt(sealed, None).decode()
    except (InvalidTag, ValueError) as error:
        raise Refused(_ANOTHER_KEY if purpose else _ANOTHER_KEY + _AGAIN) from error


_ANOTHER_KEY = "sealed under another FENGHUO_SECRET_KEY"
_AGAIN = " (a group's address): bring the groups in again"


def _cipher(key: str, purpose: str) -> AESSIV:
    use = f"fenghuo sealing{': ' if purpose else ''}{purpose}\0"
    return AESSIV(hashlib.sha512(use.encode() + key.encode()).digest())

"""Encrypts what must not be readable in events and on the desk: robots' keys, signing secrets, webhook
addresses.

Deterministic: the same text and key give the same seal (AES-SIV, RFC 5297), so that an import detects that
nothing changed.
"""

import base64
import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from fenghuo.errors import Refused

PREFIX = "sealed:"


def seal(text: str, key: str) -> str:
    """``text`` sealed under ``key``; an empty or sealed text is returned unchanged."""
    if not text or text.startswith(PREFIX):
        return text
    return PREFIX + base64.urlsafe_b64encode(_cipher(key).encrypt(text.encode(), None)).decode()


def unseal(text: str, key: str) -> str:
    """The text that was sealed; a text without a seal is returned unchanged. Raises Refused under another
    key."""
    if not text.startswith(PREFIX):
        return text
    try:
        sealed = base64.urlsafe_b64decode(text.removeprefix(PREFIX))
        return _cipher(key).decrypt(sealed, None).decode()
    except (InvalidTag, ValueError) as error:
        raise Refused(
            "a group's address was sealed under another FENGHUO_SECRET_KEY: bring the groups in again"
        ) from error


def _cipher(key: str) -> AESSIV:
    return AESSIV(hashlib.sha512(b"fenghuo sealing\0" + key.encode()).digest())

"""Whose certificates are trusted."""

import ssl
from functools import cache
from pathlib import Path

from fenghuo.errors import Refused


@cache
def default_trust() -> ssl.SSLContext:
    """The authorities that this machine trusts."""
    trust = ssl.create_default_context()
    trust.set_alpn_protocols(["http/1.1"])
    return trust


def load_trust(ca_file: str) -> ssl.SSLContext:
    """As ``default_trust``, and the authorities in the PEM file ``ca_file``, if that is not empty; Refused if
    the file has none."""
    if not ca_file:
        return default_trust()
    trust = ssl.create_default_context()
    trust.set_alpn_protocols(["http/1.1"])
    try:
        trust.load_verify_locations(cafile=Path(ca_file))
    except (OSError, ValueError) as error:
        raise Refused(
            f"FENGHUO_CA_FILE: {ca_file} is no readable file of certificates in PEM: {type(error).__name__}"
        ) from None
    return trust

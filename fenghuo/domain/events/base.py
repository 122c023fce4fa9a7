"""The base of all events: ids, encoding, decoding."""

import hashlib

import msgspec

from fenghuo.domain.alert import Moment
from fenghuo.errors import Poison


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of all events: ``event_id`` is derived from the input's, so that a repeat carries the same one."""

    event_id: str
    at: Moment


def derive_id(*parts: str) -> str:
    """A 24-digit hex id that is the same for the same ``parts`` (BLAKE2b over their lengths and bytes)."""
    digest = hashlib.blake2b(digest_size=12)
    for part in parts:
        raw = part.encode()
        digest.update(len(raw).to_bytes(4, "big") + raw)
    return digest.hexdigest()


ENCODER = msgspec.json.Encoder()


def encode(event: Event) -> bytes:
    """The event as UTF-8 JSON, as it stands on the wire."""
    return ENCODER.encode(event)


def reason_of(error: Exception) -> str:
    """A dead letter's reason: the error's kind and the first 300 characters of what it says."""
    return f"{type(error).__name__}: {error}"[:300]


def decoder_of(kinds: tuple[type[Event], ...]) -> msgspec.json.Decoder[Event]:
    """A decoder of any of ``kinds``, told apart by their ``type`` field."""
    union = kinds[0]
    for kind in kinds[1:]:
        union = union | kind  # type: ignore[assignment]
    return msgspec.json.Decoder(union)


def decode(decoder: msgspec.json.Decoder[Event], value: bytes | None) -> Event:
    """The event in ``value``, or Poison with the reason (not JSON, wrong type, a missing field, no body)."""
    if value is None:
        raise Poison("the record has no body")
    try:
        return decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Poison(reason_of(error)) from error

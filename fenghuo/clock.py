"""The only module that reads the clock; all others get the time as an argument."""

from datetime import UTC, datetime


def now() -> datetime:
    """The current time, aware, in UTC, in whole milliseconds, so that every store keeps it unchanged."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def to_ms(moment: datetime) -> int:
    """Milliseconds since the epoch of an aware ``moment``."""
    return int(moment.timestamp() * 1000)


def from_ms(milliseconds: int) -> datetime:
    """The aware UTC time of ``milliseconds`` since the epoch."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)

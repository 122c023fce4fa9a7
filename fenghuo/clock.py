"""The one place that asks the time; everything else is handed it."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present, aware, in UTC, cut to milliseconds (so that it survives every store unchanged)."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def to_ms(moment: datetime) -> int:
    """Milliseconds since the epoch of an aware ``moment``."""
    return int(moment.timestamp() * 1000)


def from_ms(milliseconds: int) -> datetime:
    """The aware UTC time of ``milliseconds`` since the epoch."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)

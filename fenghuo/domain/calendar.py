"""Days and hours in China's time."""

from datetime import datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8))


def day_of(moment: datetime) -> str:
    """The day (YYYY-MM-DD) that it is in China."""
    return moment.astimezone(CHINA).date().isoformat()


DAY_S = 86_400


HOUR_MS = 3_600_000

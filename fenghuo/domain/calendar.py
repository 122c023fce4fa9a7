"""China's time: the one time zone of the project, and the days in it."""

from datetime import datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8))
DAY_S = 86_400
HOUR_MS = 3_600_000


def day_of(moment: datetime) -> str:
    """The day (YYYY-MM-DD) that ``moment`` falls on in China."""
    return moment.astimezone(CHINA).date().isoformat()

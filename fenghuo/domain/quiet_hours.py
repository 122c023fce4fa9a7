"""Quiet hours: a warning that is not severe waits for the morning. Hours are China's."""

from datetime import datetime, timedelta

from fenghuo.domain.calendar import CHINA


def quiet_until(now: datetime, severity: str, from_hour: int, to_hour: int) -> datetime | None:
    """The end of the quiet hours if ``now`` is in them; None otherwise, and always for severe.

    They run from ``from_hour`` to ``to_hour``, over midnight if ``to_hour`` is the smaller; equal hours mean
    no quiet hours.
    """
    if severity == "severe" or from_hour == to_hour:
        return None
    here = now.astimezone(CHINA)
    end = here.replace(hour=to_hour, minute=0, second=0, microsecond=0)
    if end <= here:
        end += timedelta(days=1)
    begin = end - timedelta(hours=(to_hour - from_hour) % 24)
    return end.astimezone(now.tzinfo) if begin <= here else None


def waiting_seconds(since: datetime, now: datetime, severity: str, from_hour: int, to_hour: int) -> float:
    """Seconds from ``since`` to ``now`` without the quiet hours between, in which nobody is expected to
    act."""
    waited, at = 0.0, since
    while at < now:
        end = quiet_until(at, severity, from_hour, to_hour)
        if end is not None:
            at = end
            continue
        begin = _next_quiet(at, severity, from_hour, to_hour)
        stop = now if begin is None else min(now, begin)
        waited += (stop - at).total_seconds()
        at = stop
    return waited


def _next_quiet(at: datetime, severity: str, from_hour: int, to_hour: int) -> datetime | None:
    """When the next quiet hours begin, for a time outside of them."""
    if severity == "severe" or from_hour == to_hour:
        return None
    here = at.astimezone(CHINA)
    begin = here.replace(hour=from_hour, minute=0, second=0, microsecond=0)
    return begin if begin > here else begin + timedelta(days=1)

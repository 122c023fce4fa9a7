"""Which reporters count, and how urgent is a cluster? Pure; every weight is a setting, explained there.

For an officer, on who counts: each person counts once, however often they report. New accounts that speak up
from one place within ten minutes count as one, until known reporters, other places or other times confirm
them.

For an officer, on danger: it grows with the people who count, the towns they are in, and how many of them
came in the last ten and thirty minutes. 0 is calm, 500 some ten people in four towns within half an hour.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from operator import attrgetter

from fenghuo.domain import events as e
from fenghuo.settings import Settings

ONE_REPORTER = "one_reporter"
NEW_REPORTERS = "new_reporters"
RECENT = timedelta(minutes=10)
LATELY = timedelta(minutes=30)
_ORDER = attrgetter("at", "report_id")
CALM = 10
"""Upper limit of the danger of a cluster without a suspicious report."""


def counted_reporters(members: Iterable[e.Member], settings: Settings) -> list[e.Member]:
    """The report with which each counted reporter began to count, oldest first.

    A known reporter counts with the first report. Of the new ones of one place (the group, else the town)
    ``burst_weight`` count in any ``burst_window_s``.
    """
    counted: dict[str, e.Member] = {}
    window, weight = timedelta(seconds=settings.burst_window_s), settings.burst_weight
    bursts: dict[str, list[e.Member]] = {}
    for member in sorted(members, key=_ORDER):
        if member.reporter in counted:
            continue
        if member.new:
            burst = bursts.setdefault(_place(member), [])
            if len(burst) >= weight and burst[-weight].at > member.at - window:
                continue
            burst.append(member)
        counted[member.reporter] = member
    return list(counted.values())


def suspected(members: Iterable[e.Member], settings: Settings) -> bool:
    """Whether these reports could be bait: one of them looks like it, or as many counted reporters as draft a
    warning sent borderline reports.

    For an officer: one message that only names a number to call may be honest. Three people who got the same
    one, and asked, say more than its words do.
    """
    borderline = [m for m in members if m.suspicious or m.borderline]
    return (
        any(m.suspicious for m in borderline)
        or len(counted_reporters(borderline, settings)) >= settings.cluster_reporters
    )


def credibility_flags(members: Iterable[e.Member], latest: e.Member, settings: Settings) -> list[str]:
    """The flags that ``latest``, the last of ``members``, raises about their reporters; usually none.

    For an officer: one person reported the same thing again and again, or many new accounts reported it from
    one place within ten minutes. It may be an attempt to trigger a warning; check who they are first.
    """
    burst = latest.at - timedelta(seconds=settings.burst_window_s)
    flood = latest.at - LATELY
    near = [m for m in members if flood <= m.at <= latest.at]
    again = sum(m.reporter == latest.reporter for m in near)
    where = _place(latest)
    together = {m.reporter for m in near if m.new and m.at > burst and _place(m) == where}
    found = [ONE_REPORTER] if again >= settings.flood_reports else []
    return [*found, NEW_REPORTERS] if len(together) >= settings.burst_reporters else found


def danger(counted: Sequence[e.Member], worst: int, settings: Settings, *, suspicious: bool) -> int:
    """How urgent a cluster is, 0 to 1000; ``counted`` are the counted reporters, ``worst`` (0 to 100) the
    danger of its worst text.

        x = people * (1 + danger_place * (towns - 1))
                   * (1 + danger_growth_10 * people of the last 10 min + danger_growth_30 * those of 30 min)
        danger = base + (1000 - base) * x / (x + danger_half),   base = worst / 4

    It never falls when a person, a town or a recent report is added. "Last" counts back from the latest one.
    """
    if not suspicious or not counted:
        return min(worst, CALM)
    latest = max(m.at for m in counted)
    towns = max(1, len({m.town for m in counted if m.town}))
    recent, lately = (sum(m.at >= since for m in counted) for since in (latest - RECENT, latest - LATELY))
    growth = 1 + settings.danger_growth_10 * recent + settings.danger_growth_30 * lately
    x = len(counted) * (1 + settings.danger_place * (towns - 1)) * growth
    base = min(worst, 100) / 4
    return round(base + (1000 - base) * x / (x + settings.danger_half))


def is_new(at_ms: int, first_ms: int | None, settings: Settings) -> bool:
    """Whether a reporter first seen at ``first_ms`` is new at ``at_ms``; one never seen before is."""
    return first_ms is None or at_ms - first_ms < settings.new_reporter_s * 1000


def _place(member: e.Member) -> str:
    """The place that bursts are counted by: the group, else the town."""
    return member.group_id or member.town

"""Which reporters count, and how urgent is a cluster? Pure; every weight is a setting, explained there.

For an officer, on who counts: each person counts once, however often they report. New accounts that speak up
from one place within ten minutes count as one, until known reporters, other places or other times confirm
them.

For an officer, on danger: it grows with the people who count, the towns they are in, and how many of them
came in the last ten and thirty minutes. 0 is calm, 500 some ten people in four towns within half an hour.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from operator import attrgetter

from fenghuo.domain import events as e
from fenghuo.settings import Settings

ONE_REPORTER = "one_reporter"
NEW_REPORTERS = "new_reporters"
RECENT = timedelta(minutes=10)
LATELY = timedelta(minutes=30)
_ORDER = attrgetter("at", "report_id")
DRAFT = 0.1
"""Mean suspicion (log-odds) from which the reports of one thing draft an alert, once enough people report."""
WATCH = -0.3
"""Mean evidence from which the reports of two people or more are shown to look at."""
WATCH_ONE = 0.15
"""Evidence from which a single report is shown to look at."""
BULK_POINTS = 9
"""Mean points of cues from which many reports of one thing are shown to look at whatever their words."""
CLEARLY_HARMLESS = -3.0
_PERSON_LIFT, _TOWN_LIFT, _MOST_LIFT = 0.1, 0.1, 0.2
"""What each further person and each further town adds to the mean, and the most that either adds."""
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


def suspicion_of(x: e.Member | e.ReportUnmatched) -> float:
    """The log-odds that fraud is at work in a report. One that no judge has seen counts as just suspicious,
    or as just short of it, by its marks."""
    if x.suspicion is not None:
        return x.suspicion
    if x.suspicious:
        return DRAFT + 2
    return DRAFT if x.borderline else CLEARLY_HARMLESS


def tier_of(members: Collection[e.Member], settings: Settings) -> e.Tier:
    """What the team is shown of these reports.

    For an officer: the words of a message tell how likely fraud is, its links, accounts and disguise how
    likely it is a bulk advert. The reports of one thing are taken together by their mean, so that no single
    odd one decides. More people than draft a warning, and more towns, are evidence of their own. A draft
    needs the words, and as many people who count as the setting says; the rest is shown to look at, what is
    clearly suspicious with the first report, and so is what the second reader asks to look at.
    """
    counted = counted_reporters(members, settings)
    if not counted:
        return "none"
    lift = _people_lift(counted, settings)
    if len(counted) >= settings.cluster_reporters and _mean(map(suspicion_of, members)) + lift >= DRAFT:
        return "draft"
    if any(m.model for m in members):
        return "watch"
    evidence = _mean(suspicion_of(m) if m.evidence is None else m.evidence for m in members) + lift
    if evidence >= (WATCH_ONE if len(counted) == 1 else WATCH):
        return "watch"
    bulk = len(counted) >= settings.cluster_reporters and _mean(m.cue_points for m in members) >= BULK_POINTS
    return "watch" if bulk else "none"


def _people_lift(counted: Sequence[e.Member], settings: Settings) -> float:
    """What people beyond those that a draft needs, and towns beyond the first, add to the mean."""
    people = max(0, len(counted) - settings.cluster_reporters)
    towns = max(0, len({m.town for m in counted if m.town}) - 1)
    return min(_MOST_LIFT, _PERSON_LIFT * people) + min(_MOST_LIFT, _TOWN_LIFT * towns)


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)


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

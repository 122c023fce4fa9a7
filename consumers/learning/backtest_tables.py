"""What a backtest shows, as a table for people, and what only one of two judges would have shown. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from unicodedata import east_asian_width

from consumers.learning.backtest import Shown
from consumers.live_library import fraud_types
from fenghuo.domain.calendar import CHINA, day_of

TIERS = {"draft": "草稿", "watch": "待看"}
_HEAD = ("日期", "类型", "层级", "数量", "举报", "最早一件")
_WIDEST_TYPE = 24


def table(shown: Sequence[Shown]) -> Iterator[str]:
    """A line for each day, type and tier: how many, from how many reports, and the time of the first."""
    groups = defaultdict[tuple[str, str, str], list[Shown]](list)
    for x in shown:
        groups[day_of(x.first_at), _type(x), x.tier].append(x)
    rows = [
        (day, kind, TIERS[tier], str(len(some)), str(sum(len(x.reports) for x in some)),
         min(x.first_at for x in some).astimezone(CHINA).strftime("%H:%M"))
        for (day, kind, tier), some in sorted(groups.items())
    ]  # fmt: skip
    yield from _aligned([_HEAD, *rows])
    yield _sums(shown)


def _type(x: Shown) -> str:
    kind = fraud_types().get(x.type or "")
    return kind.label_zh if kind else "不明"


def _sums(shown: Sequence[Shown]) -> str:
    count = {tier: sum(x.tier == tier for x in shown) for tier in TIERS}
    return "合计：" + "，".join(f"{TIERS[tier]} {n}" for tier, n in count.items())


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(_width(row[n]) for row in rows) for n in range(len(_HEAD))]
    for row in rows:
        cells = (x + " " * (width - _width(x)) for x, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _width(text: str) -> int:
    """Columns of a terminal: a Chinese character takes two."""
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in text)


def only_in(some: Sequence[Shown], others: Sequence[Shown]) -> list[Shown]:
    """What ``others`` does not show, or only to look at where ``some`` drafts: nothing of at least the same
    tier has a report of it."""
    tiers = defaultdict[str, set[str]](set)
    for x in others:
        for report in x.reports:
            tiers[report] |= {"watch", x.tier}
    return [x for x in some if not any(x.tier in tiers[report] for report in x.reports)]


def side_by_side(named: Sequence[tuple[str, Sequence[Shown]]], most: int | None = None) -> Iterator[str]:
    """Two judges' sums, and what only one of them shows, the first ``most`` of each."""
    (first, some), (second, others) = named
    for name, shown in named:
        yield f"{name}  {_sums(shown)}"
    for name, only in ((first, only_in(some, others)), (second, only_in(others, some))):
        yield f"只有 {name} 显示：{len(only)}"
        for x in sorted(only, key=lambda x: x.first_at)[:most]:
            at = x.first_at.astimezone(CHINA).strftime("%Y-%m-%d %H:%M")
            yield f"  {at}  {TIERS[x.tier]}  {_type(x)}  {x.district}  {len(x.reports)} 件  {x.title}"

"""The growth of a cluster."""

from datetime import timedelta

from console.clusters.evidence import growth_of
from fenghuo import clock
from tests.browser.scenes import every_state as d


def test_growth_counts_every_report_once() -> None:
    now = clock.now()
    members = d.members_of([now - timedelta(minutes=m) for m in (300, 299, 40, 3, 1)], 0)
    found = growth_of(members, now)
    assert sum(bar.count for bar in found.bars) == 5
    assert len(found.bars) <= 26
    assert found.minutes == 15

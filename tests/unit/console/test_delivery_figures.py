"""The figures of a delivery, from the rows of its ledger."""

from console.alerts.delivery_figures import figures_of
from fenghuo import clock
from fenghuo.domain.delivery import LedgerRow
from fenghuo.domain.events import DeliveryState
from tests.browser.scenes import every_state as d


def test_times_count_planned_groups_and_wait_for_the_slow_ones() -> None:
    now = clock.now()
    rows = {
        f"g{n:04d}": LedgerRow(
            state=DeliveryState.SHOWN, at_ms=clock.to_ms(now) + 1000 * (n + 1), channel="sandbox"
        )
        for n in range(9)
    }
    rows["g0009"] = LedgerRow(state=DeliveryState.WAITING, at_ms=0, channel="webhook")
    found = figures_of(rows, {f"g{n:04d}": d.group(n) for n in range(10)}, 10, now)
    assert found.times == [(50, 5.0), (90, 9.0), (99, None), (100, None)]
    assert (found.shown, found.waiting, found.planned, found.per_mille(9)) == (9, 1, 10, 900.0)
    assert {part.name: (part.shown, part.open, part.all) for part in found.channels} == {
        "sandbox": (9, 0, 9), "webhook": (0, 1, 1),
    }  # fmt: skip

"""The rate limits of simulated platforms."""

from fenghuo.simulator.rate_limits import SlidingWindow


def test_a_meter_takes_so_many_in_a_window_and_then_blocks() -> None:
    window = SlidingWindow(20, 60, 600)
    assert [window.take("d1", n / 10) for n in range(21)] == [True] * 20 + [False]
    assert window.take("d2", 2.0)
    assert not window.take("d1", 2.0 + 599)
    assert window.take("d1", 2.0 + 601)


def test_a_meter_without_a_block_slides() -> None:
    window = SlidingWindow(5, 1)
    assert [window.take("f1", n / 10) for n in range(6)] == [True] * 5 + [False]
    assert window.take("f1", 1.05)
    assert not window.take("f1", 1.06)

"""The rate limit of a sender."""

from producers.rate_limit import RateLimit


def test_rate_lets_a_minutes_worth_pass_and_refills_steadily() -> None:
    now = [0.0]
    rate = RateLimit(3, lambda: now[0])
    assert [rate.wait_s("a") for _ in range(4)] == [0, 0, 0, 20]
    assert rate.wait_s("b") == 0
    now[0] = 19.0
    assert rate.wait_s("a") == 1
    now[0] = 20.0
    assert rate.wait_s("a") == 0
    now[0] = 10_000.0
    assert [rate.wait_s("a") for _ in range(4)] == [0, 0, 0, 20]

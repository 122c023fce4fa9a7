"""When a channel is halted for its failures, and under which name."""

from broadcast.limits.circuit_breaker import FailureWindow, breaker_key


def test_a_channel_is_halted_by_more_than_ten_failures_that_are_more_than_a_tenth() -> None:
    tally = FailureWindow(10, 0.1)
    assert [tally.record("a", failed=True) for _ in range(11)] == [*[False] * 10, True]
    assert not any(tally.record("b", failed=n % 10 == 9) for n in range(1000)), "a tenth is no more than that"
    assert any(tally.record("c", failed=n % 9 == 0) for n in range(1000))


def test_good_sends_halt_nothing_and_a_halt_begins_the_count_anew() -> None:
    tally = FailureWindow(10, 0.1)
    for _ in range(11):
        tally.record("a", failed=True)
    assert not tally.record("a", failed=False), "it is the failure that halts"
    assert tally.summary("a") == "11 of the latest 12 failed"
    tally.forget("a")
    assert not tally.record("a", failed=True)


def test_a_credential_is_halted_under_its_own_name() -> None:
    assert (breaker_key("webhook", "office"), breaker_key("webhook", "")) == ("webhook/office", "webhook")

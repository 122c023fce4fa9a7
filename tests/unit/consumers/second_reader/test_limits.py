"""The budget holds in any span of time; the breaker gives a sick server a rest, longer each time."""

from hypothesis import given
from hypothesis import strategies as st

from consumers.second_reader.limits import (
    FAULTS,
    LONGEST_PAUSE_S,
    SHORTEST_PAUSE_S,
    CircuitBreaker,
    QuestionBudget,
)


class Watch:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@given(
    st.lists(st.floats(0, 40), max_size=80), st.integers(1, 6), st.integers(1, 12)
)  # fmt: skip
def test_no_minute_and_no_day_has_more_questions_than_its_budget(
    waits: list[float], a_minute: int, a_day: int
) -> None:
    watch, asked = Watch(), list[float]()
    budget = QuestionBudget(a_minute=a_minute, a_day=a_day, tick=watch)
    for wait in waits:
        watch.now += wait
        within = sum(1 for at in asked if at > watch.now - 60)
        taken = budget.take()
        assert taken == (within < a_minute and len(asked) < a_day)
        asked += [watch.now] if taken else []


def test_the_budget_of_the_day_comes_back_after_a_day() -> None:
    watch = Watch()
    budget = QuestionBudget(a_minute=9, a_day=2, tick=watch)
    taken = [budget.take() for _ in range(3)]
    watch.now += 86_400
    assert [*taken, budget.take()] == [True, True, False, True]


def failing(breaker: CircuitBreaker, times: int) -> list[bool]:
    return [breaker.record(fault=True) for _ in range(times)]


def test_the_breaker_opens_at_the_last_of_some_faults_in_a_row() -> None:
    breaker = CircuitBreaker(Watch())
    assert failing(breaker, FAULTS - 1) == [False] * (FAULTS - 1)
    assert breaker.lets_through()
    assert failing(breaker, 1) == [True]
    assert not breaker.lets_through()


def test_an_answer_in_between_starts_the_count_anew() -> None:
    breaker = CircuitBreaker(Watch())
    failing(breaker, FAULTS - 1)
    assert not breaker.record(fault=False)
    failing(breaker, FAULTS - 1)
    assert breaker.lets_through()


def test_after_the_pause_one_may_try_and_the_others_wait_for_it() -> None:
    watch = Watch()
    breaker = CircuitBreaker(watch)
    failing(breaker, FAULTS)
    watch.now += SHORTEST_PAUSE_S
    assert [breaker.lets_through() for _ in range(3)] == [True, False, False]
    assert breaker.record(fault=False)
    assert breaker.lets_through()


def test_a_try_that_never_ends_is_followed_by_another() -> None:
    watch = Watch()
    breaker = CircuitBreaker(watch)
    failing(breaker, FAULTS)
    for _ in range(3):
        watch.now += SHORTEST_PAUSE_S
        assert breaker.lets_through()


def test_each_failed_try_doubles_the_pause_up_to_a_quarter_of_an_hour() -> None:
    watch = Watch()
    breaker = CircuitBreaker(watch)
    failing(breaker, FAULTS)
    pauses = []
    for _ in range(7):
        began = watch.now
        while not breaker.lets_through():
            watch.now += 1
        pauses.append(watch.now - began)
        failing(breaker, 1)
    assert pauses == [30, 60, 120, 240, 480, LONGEST_PAUSE_S, LONGEST_PAUSE_S]

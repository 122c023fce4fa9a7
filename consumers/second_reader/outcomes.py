"""How asking about one text can end."""

from enum import StrEnum


class ReadingOutcome(StrEnum):
    """What is counted of each text that was to be read; all but READ and KEPT mean: no reading."""

    READ = "read"
    KEPT = "kept"
    """The same text was read before."""
    ORDERS = "orders"
    """Not asked: the text speaks to a machine."""
    PAUSED = "paused"
    """Not asked: the circuit breaker is open."""
    BUDGET = "budget"
    """Not asked: the budget of the minute or of the day is spent."""
    NO_TIME = "no_time"
    """The time-box ended before the server had a fair part of it."""
    LATE = "late"
    NO_CONNECTION = "no_connection"
    FOREIGN = "foreign"
    """The name leads to an address outside the permitted networks."""
    HTTP_ERROR = "http_error"
    """Any status but 200, redirects among them."""
    NO_COMPLETION = "no_completion"
    """The body is no chat completion, or breaks off."""
    TOO_LONG = "too_long"
    NO_READING = "no_reading"
    """The answer is prose, or JSON of another form."""
    UNKNOWN_VALUE = "unknown_value"


SERVER_FAULTS = frozenset({
    ReadingOutcome.LATE, ReadingOutcome.NO_CONNECTION, ReadingOutcome.FOREIGN, ReadingOutcome.HTTP_ERROR,
    ReadingOutcome.NO_COMPLETION,
})  # fmt: skip
"""What opens the circuit breaker. What a model answers does not: a reporter could bring that about."""

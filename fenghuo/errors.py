"""Every error the project raises on purpose, in one tree that says what to do next.

FenghuoError
├── Poison      this record can never be handled: dead-letter it and go on
├── Transient   a server is down for a moment: back off and retry the same work
│   ├── Unavailable   the broker or the desk did not answer
│   └── Crowded       a reader lags too far behind: throttle the source
└── Refused     a person must act; the message says what to do
    └── Denied        a decision on an alert is not allowed (code, message)
"""


class FenghuoError(Exception):
    """Root of the tree; never raised itself."""


class Poison(FenghuoError):
    """The record itself is invalid: it becomes a dead letter with the reason, its batch goes on."""


class Transient(FenghuoError):
    """The record is valid: back off, then retry the same work."""


class Unavailable(Transient):
    """The broker or Redis did not answer in time."""


class Crowded(Transient):
    """A reader of the topic lags too far behind to accept more."""


class Refused(FenghuoError):
    """A person must act; the text says what happened and what to do."""


class Denied(Refused):
    """A decision that the alert's lifecycle does not allow.

    ``code`` is stable, for programs and translations; ``str(error)`` is English for logs.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Barred(Unavailable, Refused):
    """Redis rejects our login. At the start a person must act; later the work waits and is not lost."""

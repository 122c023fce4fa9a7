"""Every error the project raises on purpose, in one tree that says what to do next.

FenghuoError
├── Poison      this record can never be handled: dead letter it and go on
├── Transient   the world is away for a moment: back off and try the same work again
│   ├── Unavailable   the broker or the desk did not answer
│   └── Crowded       a reader is too far behind: slow the source down
└── Refused     a person must act; the message says what to do
    └── Denied        an alert's decision is not allowed (code, message)
"""


class FenghuoError(Exception):
    """Root of the tree; never raised itself."""


class Poison(FenghuoError):
    """The record itself is wrong: it goes to dead letters with the reason, its batch goes on."""


class Transient(FenghuoError):
    """Nothing is wrong with the record: back off, then do the same work again."""


class Unavailable(Transient):
    """The broker or Redis did not answer in time."""


class Crowded(Transient):
    """A reader of the topic is too far behind to accept more."""


class Refused(FenghuoError):
    """A person must act; the text says what happened and what to do."""


class Denied(Refused):
    """A decision on an alert that its life does not allow.

    ``code`` is stable, for programs and translations; ``str(error)`` is English for logs.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Barred(Unavailable, Refused):
    """Redis does not let us in: at the start a person must act, later the work waits and is not lost."""

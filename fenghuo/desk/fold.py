"""The desk as a fold of the events: ``project(event)`` gives the changes, one noun after the other.

Three changes are no fold of an event: the sender's mark (``deliveries.sending_mark``), the retries that are
taken off when they are published, and ``Desk.prune``.

Each change is idempotent and versioned, so redelivered, replayed and late events, and ``fenghuo rebuild``,
all lead to the same desk.
"""

from fenghuo.desk import (
    alerts,
    clusters,
    dead_letters,
    deliveries,
    directory,
    notices,
    order_outcomes,
    releases,
    reports,
    surges,
)
from fenghuo.desk.apply_script import Change, Fold
from fenghuo.desk.keys import Keys
from fenghuo.domain import events as e

_NOUNS = (
    reports, surges, clusters, alerts, order_outcomes, releases, deliveries, notices, directory, dead_letters
)  # fmt: skip


def _fold_of(kind: type[e.Event]) -> Fold:
    """What all nouns take from ``kind``."""
    folds: list[Fold] = [noun.FOLDS[kind] for noun in _NOUNS if kind in noun.FOLDS]
    if len(folds) == 1:
        return folds[0]
    return lambda event, keys: [change for fold in folds for change in fold(event, keys)]


_FOLDS = {kind: _fold_of(kind) for noun in _NOUNS for kind in noun.FOLDS}


def project(event: e.Event, keys: Keys) -> list[Change]:
    """The desk's changes for ``event``; an empty list for an event that no noun takes."""
    fold = _FOLDS.get(type(event))
    return fold(event, keys) if fold else []


def projects(kind: type[e.Event]) -> bool:
    """Whether events of ``kind`` reach the desk at all."""
    return kind in _FOLDS

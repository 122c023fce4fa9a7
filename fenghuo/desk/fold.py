"""The desk as a fold of the events: ``project(event)`` gives the changes, one noun after the other.

Three changes are no fold of an event: the sender's mark (``deliveries.sending_mark``), the retries that are
taken off when they are published, and ``Desk.prune``.

Each change is idempotent and versioned, so redelivered, replayed and late events, and ``fenghuo rebuild``,
all lead to the same desk.
"""

from collections.abc import Callable
from typing import Any

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
from fenghuo.desk.apply_script import Change
from fenghuo.desk.keys import Keys
from fenghuo.domain import events as e

_NOUNS = (
    reports, surges, clusters, alerts, order_outcomes, releases, deliveries, notices, directory, dead_letters
)  # fmt: skip
_FOLDS: dict[type[e.Event], list[Callable[[Any, Keys], list[Change]]]] = {}
for _noun in _NOUNS:
    for _kind, _fold in _noun.FOLDS.items():
        _FOLDS.setdefault(_kind, []).append(_fold)


def project(event: e.Event, keys: Keys) -> list[Change]:
    """The desk's changes for ``event``; an empty list for an event that no noun takes."""
    return [change for fold in _FOLDS.get(type(event), ()) for change in fold(event, keys)]


def projects(kind: type[e.Event]) -> bool:
    """Whether events of ``kind`` reach the desk at all."""
    return kind in _FOLDS

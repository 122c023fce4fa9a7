"""Folds what the console publishes onto the desk. Reads groups.changed, people.changed and reports.handled;
writes nothing."""

from collections.abc import Sequence

from fenghuo.domain import events as e
from fenghuo.transport.stage import Outcome


async def project_only(_events: Sequence[e.Event]) -> Outcome:
    """Publish nothing: the stage only folds what it reads."""
    return Outcome()

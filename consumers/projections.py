"""What the console says, onto the desk. Reads groups.changed, people.changed and reports.handled; writes
nothing."""

from collections.abc import Sequence

from fenghuo.domain import events as e
from fenghuo.transport.stage import Outcome


async def project_only(_events: Sequence[e.Event]) -> Outcome:
    """Nothing follows: the stage projects what it reads."""
    return Outcome()

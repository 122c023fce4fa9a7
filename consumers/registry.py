"""What the console says, onto the desk. Reads groups.changed, people.changed and reports.handled; writes
nothing."""

from collections.abc import Sequence

from fenghuo import events as e
from fenghuo.transport.pipeline import Outcome


async def only_shown(_events: Sequence[e.Event]) -> Outcome:
    """Nothing follows: the stage projects what it reads."""
    return Outcome()

"""Groups and people onto the desk. Reads groups.changed and people.changed; writes nothing."""

from collections.abc import Sequence

from fenghuo import events as e
from fenghuo.transport.pipeline import Outcome


async def on_registry_changed(_events: Sequence[e.Event]) -> Outcome:
    """Nothing follows: the stage projects what it reads."""
    return Outcome()

"""Who may confirm by a tap that a group has a warning, and who sees the to-do of a waiting group.

Used by the console before it accepts a tap, and by broadcast before it counts one.
"""

from collections.abc import Collection, Mapping
from typing import Literal

from fenghuo.domain.events import DeliveryState, Group, Person, derive_id

OPEN_TO_TAP = frozenset({DeliveryState.WAITING, DeliveryState.SUPERSEDED, DeliveryState.UNKNOWN})
"""States of a delivery that a person's tap settles."""
Level = Literal["owner", "deputy", "station"]


def may_tap(person: Person, group: Group) -> bool:
    """The group's owner, its deputy, and a duty account of its station; nobody else, whatever the role."""
    if person.gone or group.gone:
        return False
    return person.person_id in {group.owner, group.deputy} or on_duty(person, group)


def on_duty(person: Person, group: Group) -> bool:
    """Whether ``person`` is a duty account of the station that ``group`` belongs to."""
    here = person.station == group.station and person.district == group.place.district
    return person.duty and bool(group.station) and here


def level_for(
    person: Person, group: Group, opened: Collection[str], people: Mapping[str, Person]
) -> Level | None:
    """The level on which ``person`` has the to-do of a waiting ``group``; None while they have none.

    ``opened``: the levels to which it was escalated. A deputy has it from that level on, or at once if the
    group has no owner; a duty account always."""
    if person.person_id == group.owner:
        return "owner"
    if person.person_id == group.deputy and (
        {"deputy", "station"} & set(opened) or group.owner not in people
    ):
        return "deputy"
    return "station" if on_duty(person, group) else None


def is_current_release(kind: str, version: int, standing: tuple[int, str]) -> bool:
    """Whether groups are to have the ``kind`` of ``version`` now; ``standing``: (version, kind) of the
    alert's newest release."""
    newest, release = standing
    wanted = ("recalled",) if kind == "correction" else ("approved", "updated")
    return version == newest and release in wanted


def tap_id_of(press_id: str, alert_id: str, version: int, kind: str, group_id: str) -> str:
    """The id of one group's tap: the same however often its press arrives."""
    return derive_id("tap", press_id, alert_id, str(version), kind, group_id)

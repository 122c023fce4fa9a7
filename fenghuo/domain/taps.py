"""Who may say of a group that it has a warning, and to whom its waiting is open. Pure.

Both rooms ask here: the console before it takes a tap, broadcast before it counts one.
"""

from collections.abc import Collection, Mapping
from typing import Literal

from fenghuo.domain.events import DeliveryState, Group, Person, derive_id

OPEN_TO_TAP = frozenset({DeliveryState.WAITING, DeliveryState.SUPERSEDED, DeliveryState.UNKNOWN})
"""States of such a group's delivery that a person's word that it was sent settles."""
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
    """As what ``person`` sees that ``group`` waits; None while it is not theirs to send.

    ``opened``: the levels to which it was escalated. A deputy sees it from that level on, or at once where
    nobody is its owner; a duty account always.
    """
    if person.person_id == group.owner:
        return "owner"
    if person.person_id == group.deputy and (
        {"deputy", "station"} & set(opened) or group.owner not in people
    ):
        return "deputy"
    return "station" if on_duty(person, group) else None


def is_current_release(kind: str, version: int, standing: tuple[int, str]) -> bool:
    """Whether ``kind`` of ``version`` is what groups are to have now; ``standing``: (version, kind) of the
    alert's newest release."""
    stands, release = standing
    wanted = ("recalled",) if kind == "correction" else ("approved", "updated")
    return version == stands and release in wanted


def tap_id_of(press_id: str, alert_id: str, version: int, kind: str, group_id: str) -> str:
    """The id of one group's tap: the same however often its press arrives."""
    return derive_id("tap", press_id, alert_id, str(version), kind, group_id)

"""Who may confirm by a tap that a group has a warning, and who sees the to-do of a waiting group.

Used by the console before it accepts a tap, and by broadcast before it counts one.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from fenghuo.domain.alert import Role
from fenghuo.domain.channels import OWNER_TASKS, TAPPED_HERE
from fenghuo.domain.delivery import LatestRelease
from fenghuo.domain.events import DeliveryState, Group, Person, derive_id

OPEN_TO_TAP = frozenset({DeliveryState.WAITING, DeliveryState.SUPERSEDED, DeliveryState.UNKNOWN})
"""States of a delivery that a person's tap settles."""
Level = Literal["owner", "deputy", "station"]
TODO_ROLES = frozenset({Role.OFFICER})
"""Who may open the to-do page, and so tap there."""


class Tappers:
    """Who can tap for which group, of the ``people`` who are there (by id, those who are gone left out)."""

    def __init__(self, people: Mapping[str, Person]) -> None:
        self._people = people
        self._duty: dict[tuple[str, str], list[str]] = {}
        for person in people.values():
            if person.duty and person.role in TODO_ROLES:
                self._duty.setdefault((person.district, person.station), []).append(person.person_id)

    def can_tap(self, group: Group, channel: str) -> bool:
        """Whether somebody can tap for ``group`` what comes through ``channel``.

        On our to-do page: its owner, its deputy or a duty account of its station, with an account here that
        may open the page. On the platform: its owner alone, whose task it is; a deputy cannot stand in.
        """
        if channel in OWNER_TASKS:
            return bool(self.owner_userid(group))
        if channel in TAPPED_HERE:
            named = any(self._has_page(x) for x in (group.owner, group.deputy))
            return named or bool(self.on_duty(group))
        return True

    def owner_userid(self, group: Group) -> str:
        """What the platform calls the group's owner: the owner's user id there, else the id here; empty
        without an owner."""
        owner = self._people.get(group.owner)
        return (owner.userid if owner else "") or group.owner

    def on_duty(self, group: Group) -> Sequence[str]:
        """The duty accounts of the group's station."""
        return self._duty.get((group.place.district, group.station), ()) if group.station else ()

    def _has_page(self, person_id: str) -> bool:
        person = self._people.get(person_id)
        return person is not None and person.role in TODO_ROLES


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
    group has no owner; a duty account always.
    """
    if person.person_id == group.owner:
        return "owner"
    if person.person_id == group.deputy and (
        {"deputy", "station"} & set(opened) or group.owner not in people
    ):
        return "deputy"
    return "station" if on_duty(person, group) else None


def is_current_release(kind: str, version: int, latest: LatestRelease) -> bool:
    """Whether groups are to have the ``kind`` of ``version`` now; ``latest``: the alert's latest release."""
    wanted = ("recalled",) if kind == "correction" else ("approved", "updated")
    return version == latest.version and latest.change in wanted


def tap_id_of(press_id: str, alert_id: str, version: int, kind: str, group_id: str) -> str:
    """The id of one group's tap: the same however often its press arrives."""
    return derive_id("tap", press_id, alert_id, str(version), kind, group_id)

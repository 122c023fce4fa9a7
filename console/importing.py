"""Tables of groups and of people: what a row means, what is new, changed, gone or refused. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from fenghuo.alerts import Role
from fenghuo.audience import CHANNELS
from fenghuo.events import Group, Person, Place
from fenghuo.tables import BadRow, Row

NEEDS_TARGET = frozenset({"webhook"})
ID = re.compile(r"[\w.@-]{1,64}")
ROLES = {role.value: role for role in Role if role is not Role.SYSTEM}
MOST_MEMBERS = 10_000

GROUP_COLUMNS = {
    "group_id": True, "name": True, "district": False, "town": False, "station": False, "owner": False,
    "members": False, "channel": False, "target": False, "tags": False,
}  # fmt: skip
GROUP_ALIASES = {
    "群编号": "group_id", "群号": "group_id", "群名": "name", "群名称": "name", "区": "district",
    "街镇": "town", "镇街": "town", "派出所": "station", "负责人": "owner", "群主": "owner",
    "人数": "members", "通道": "channel", "地址": "target", "标签": "tags",
}  # fmt: skip
PERSON_COLUMNS = {
    "person_id": True, "name": True, "role": True, "district": False, "station": False, "password": False,
}  # fmt: skip
PERSON_ALIASES = {
    "id": "person_id", "账号": "person_id", "姓名": "name", "岗位": "role", "角色": "role", "区": "district",
    "派出所": "station", "密码": "password",
}  # fmt: skip
ROLE_NAMES = {
    "居民": "resident", "社区民警": "officer", "民警": "officer", "研判员": "analyst", "审批人": "approver",
    "管理员": "administrator", "审计员": "auditor",
}  # fmt: skip

T = TypeVar("T", Group, Person)


@dataclass(slots=True)
class Sorted(Generic[T]):
    """The rows of a file against the desk; ``missing`` stand on the desk and not in the file."""

    new: list[T] = field(default_factory=list)
    changed: list[T] = field(default_factory=list)
    same: int = 0
    missing: list[str] = field(default_factory=list)
    refused: list[BadRow] = field(default_factory=list)
    passwords: dict[str, str] = field(default_factory=dict)

    @property
    def to_publish(self) -> list[T]:
        return self.new + self.changed


class WrongRowError(ValueError):
    """A row that cannot be taken; the text tells a person why."""


def group_of(cells: Mapping[str, str], district: str) -> Group:
    """The group that a row names; WrongRowError with the reason otherwise."""
    channel = cells["channel"] or CHANNELS[0]
    if channel not in CHANNELS:
        raise WrongRowError(f"'channel' is '{channel[:30]}'; known: {', '.join(CHANNELS)}")
    if channel in NEEDS_TARGET and not cells["target"]:
        raise WrongRowError(f"'target' is empty; {channel} needs its address")
    return Group(
        group_id=checked_id(cells["group_id"], "group_id"), name=cells["name"][:100],
        place=Place(district=cells["district"] or district, town=cells["town"]), station=cells["station"],
        owner=cells["owner"], members=_members(cells["members"]), channel=channel, target=cells["target"],
        tags=tuple(x for x in re.split(r"[;；,，、|\s]+", cells["tags"]) if x),
    )  # fmt: skip


def person_of(cells: Mapping[str, str], district: str) -> Person:
    """The person that a row names; WrongRowError with the reason otherwise."""
    role = ROLES.get(ROLE_NAMES.get(cells["role"], cells["role"].lower()))
    if role is None:
        raise WrongRowError(f"'role' is '{cells['role'][:30]}'; known: {', '.join(ROLES)}")
    return Person(
        person_id=checked_id(cells["person_id"], "person_id"), name=cells["name"][:60], role=role,
        district=cells["district"] or district, station=cells["station"],
    )  # fmt: skip


def checked_id(text: str, column: str) -> str:
    if not ID.fullmatch(text):
        raise WrongRowError(f"'{column}' has 1 to 64 letters, digits, . _ @ or -")
    return text


def _members(text: str) -> int:
    plain = text.replace(",", "").replace("，", "").removesuffix(".0")
    if not plain:
        return 0
    if not re.fullmatch(r"\d{1,6}", plain) or int(plain) > MOST_MEMBERS:
        raise WrongRowError(f"'members' is a whole number from 0 to {MOST_MEMBERS:,}")
    return int(plain)


def sort_groups(rows: Iterable[Row | BadRow], known: Mapping[str, Group], district: str) -> Sorted[Group]:
    """What the file would change; a group that stands in it twice is refused the second time."""
    found: Sorted[Group] = Sorted()
    seen: set[str] = set()
    for row in rows:
        try:
            group = group_of(_cells(row), district)
            _once(group.group_id, seen)
        except WrongRowError as error:
            found.refused.append(BadRow(row.line, str(error)))
            continue
        _place(found, group, known.get(group.group_id))
    found.missing = [x for x in known if x not in seen]
    return found


def sort_people(rows: Iterable[Row | BadRow], known: Mapping[str, Person], district: str) -> Sorted[Person]:
    """The same for people; a row's password is kept apart, since it is in no event."""
    found: Sorted[Person] = Sorted()
    seen: set[str] = set()
    for row in rows:
        try:
            cells = _cells(row)
            person = person_of(cells, district)
            _once(person.person_id, seen)
        except WrongRowError as error:
            found.refused.append(BadRow(row.line, str(error)))
            continue
        _place(found, person, known.get(person.person_id))
        if cells["password"]:
            found.passwords[person.person_id] = cells["password"]
    found.missing = [x for x in known if x not in seen]
    return found


def _cells(row: Row | BadRow) -> Mapping[str, str]:
    if isinstance(row, BadRow):
        raise WrongRowError(row.reason)
    return row.cells


def _once(key: str, seen: set[str]) -> None:
    if key in seen:
        raise WrongRowError(f"'{key}' stands in the file more than once")
    seen.add(key)


def _place(found: Sorted[T], item: T, before: T | None) -> None:
    if before is None:
        found.new.append(item)
    elif before != item:
        found.changed.append(item)
    else:
        found.same += 1

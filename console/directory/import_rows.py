"""Tables of groups and of people: what a row means, what is new, changed, gone or refused. Pure."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from console.directory.addresses import Cells, Seal, WrongRowError, notify_of, way_of
from fenghuo.domain.alert import Role
from fenghuo.domain.channels import NEEDS_TAP, SANDBOX
from fenghuo.domain.events import Binding, Group, Person, ReportPlace
from fenghuo.spreadsheets.tables import BadRow, TableRow

ID = re.compile(r"[\w.@-]{1,64}")
ROLES = {role.value: role for role in Role if role is not Role.SYSTEM}
MOST_MEMBERS = 10_000
MOST_A_DAY = 100
WAYS = 5
"""Ways to one group that a table has columns for: channel, channel2 and so on."""

_WAY = {"channel": "通道", "target": "地址", "secret": "密钥", "credential": "凭据"}
_FURTHER = [str(n) for n in range(2, WAYS + 1)]
GROUP_COLUMNS = {
    "group_id": True, "name": True, "district": False, "town": False, "station": False, "owner": False,
    "deputy": False, "members": False, **dict.fromkeys(_WAY, False), "tags": False, "quota_day": False,
    **{f"{name}{n}": False for n in _FURTHER for name in _WAY},
}  # fmt: skip
GROUP_ALIASES = {
    "群编号": "group_id", "群号": "group_id", "群名": "name", "群名称": "name", "区": "district",
    "街镇": "town", "镇街": "town", "派出所": "station", "负责人": "owner", "群主": "owner",
    "副群主": "deputy", "备岗": "deputy", "副负责人": "deputy", "人数": "members", "标签": "tags",
    "每日上限": "quota_day", "日上限": "quota_day", "签名密钥": "secret",
    "备用通道": "channel2", "备用地址": "target2", "备用密钥": "secret2", "备用凭据": "credential2",
    **{f"{alias}{n}": f"{name}{n}" for n in ("", *_FURTHER) for name, alias in _WAY.items()},
}  # fmt: skip
PERSON_COLUMNS = {
    "person_id": True, "name": True, "role": True, "district": False, "station": False, "duty": False,
    "userid": False, "notify": False, "password": False,
}  # fmt: skip
PERSON_ALIASES = {
    "id": "person_id", "账号": "person_id", "姓名": "name", "岗位": "role", "角色": "role", "区": "district",
    "派出所": "station", "值班": "duty", "值班账号": "duty", "企业微信账号": "userid", "通知": "notify",
    "通知方式": "notify", "密码": "password",
}  # fmt: skip
ROLE_NAMES = {
    "居民": "resident", "社区民警": "officer", "民警": "officer", "研判员": "analyst", "审批人": "approver",
    "管理员": "administrator", "审计员": "auditor",
}  # fmt: skip
_YES = frozenset({"是", "yes", "y", "true", "1", "值班"})
_NO = frozenset({"", "否", "no", "n", "false", "0"})

T = TypeVar("T", Group, Person)


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of a group or person: before and after in words; both empty where it is a secret."""

    name: str
    before: str = ""
    after: str = ""


@dataclass(slots=True)
class ImportPlan(Generic[T]):
    """The rows of a file against the desk; ``missing`` stand on the desk and not in the file."""

    new: list[T] = field(default_factory=list)
    changed: list[T] = field(default_factory=list)
    same: int = 0
    missing: list[str] = field(default_factory=list)
    refused: list[BadRow] = field(default_factory=list)
    passwords: dict[str, str] = field(default_factory=dict)
    changes: dict[str, list[FieldChange]] = field(default_factory=dict)
    """Of each of ``changed`` (its id) what changes."""
    notes: list[str] = field(default_factory=list)
    """What a person should know and nothing is refused for."""

    @property
    def to_publish(self) -> list[T]:
        return self.new + self.changed


def group_of(cells: Cells, district: str, seal: Seal) -> Group:
    """The group that a row names, its addresses sealed; WrongRowError with the reason otherwise."""
    first, *further = _ways(cells, seal)
    if cells["deputy"] and cells["deputy"] == cells["owner"]:
        raise WrongRowError("'deputy' is the owner: name another person, or nobody")
    return Group(
        group_id=checked_id(cells["group_id"], "group_id"), name=cells["name"][:100],
        place=ReportPlace(district=cells["district"] or district, town=cells["town"]),
        station=cells["station"], owner=cells["owner"], deputy=cells["deputy"],
        members=_number(cells, "members", MOST_MEMBERS), channel=first.channel,
        target=first.target, secret=first.secret, credential=first.credential,
        also=tuple(further), quota_day=_number(cells, "quota_day", MOST_A_DAY),
        tags=tuple(x for x in re.split(r"[;；,，、|\s]+", cells["tags"]) if x),
    )  # fmt: skip


def _ways(cells: Cells, seal: Seal) -> list[Binding]:
    """The first way, the sandbox where none is named, and those of the further columns that are filled."""
    found = [way_of(cells, "", seal)]
    for n in _FURTHER:
        if any(cells[f"{name}{n}"] for name in _WAY):
            if not cells[f"channel{n}"]:
                raise WrongRowError(f"'channel{n}' is empty while other columns of the way {n} are not")
            found.append(way_of(cells, n, seal))
    names = [x.channel for x in found]
    for name in names:
        if names.count(name) > 1:
            raise WrongRowError(f"'{name}' is named for two ways: each channel once, in order of preference")
    return found


def person_of(cells: Cells, district: str, seal: Seal) -> Person:
    """The person that a row names; WrongRowError with the reason otherwise."""
    role = ROLES.get(ROLE_NAMES.get(cells["role"], cells["role"].lower()))
    if role is None:
        raise WrongRowError(f"'role' is '{cells['role'][:30]}'; known: {', '.join(ROLES)}")
    duty = cells["duty"].lower()
    if duty not in _YES | _NO:
        raise WrongRowError(f"'duty' is '{duty[:30]}'; write yes (是) or no (否)")
    if duty in _YES and not cells["station"]:
        raise WrongRowError("'station' is empty; a duty account sees the groups of its station")
    return Person(
        person_id=checked_id(cells["person_id"], "person_id"), name=cells["name"][:60], role=role,
        district=cells["district"] or district, station=cells["station"], duty=duty in _YES,
        userid=cells["userid"][:64], notify=notify_of(cells["notify"], seal),
    )  # fmt: skip


def checked_id(text: str, column: str) -> str:
    if not ID.fullmatch(text):
        raise WrongRowError(f"'{column}' has 1 to 64 letters, digits, . _ @ or -")
    return text


def _number(cells: Cells, column: str, most: int) -> int:
    plain = cells[column].replace(",", "").replace("，", "").removesuffix(".0")
    if not plain:
        return 0
    if not re.fullmatch(r"\d{1,6}", plain) or int(plain) > most:
        raise WrongRowError(f"'{column}' is a whole number from 0 to {most:,}")
    return int(plain)


def sort_groups(
    rows: Iterable[TableRow | BadRow], known: Mapping[str, Group], district: str, seal: Seal
) -> ImportPlan[Group]:
    """What the file would change; a group that stands in it twice is refused the second time.

    Missing are those of the file's districts that no row names, not even one that is refused.
    """
    found: ImportPlan[Group] = ImportPlan()
    named: set[str] = set()
    for group in _each(rows, found, named, "group_id", lambda cells: group_of(cells, district, seal)):
        _place(found, group.group_id, group, known.get(group.group_id))
    districts = {x.place.district for x in found.to_publish} | {
        known[x].place.district for x in named if x in known
    }
    found.missing = sorted(x for x, g in known.items() if x not in named and g.place.district in districts)
    found.notes = [*_lost_on(found.changed, known), *_notes_on(found.to_publish)]
    return found


def sort_people(
    rows: Iterable[TableRow | BadRow], known: Mapping[str, Person], district: str, seal: Seal
) -> ImportPlan[Person]:
    """The same for people; a row's password is kept apart, since it is in no event."""
    found: ImportPlan[Person] = ImportPlan()
    named: set[str] = set()
    cells_of: dict[str, str] = {}

    def read(cells: Cells) -> Person:
        person = person_of(cells, district, seal)
        cells_of[person.person_id] = cells["password"]
        return person

    for person in _each(rows, found, named, "person_id", read):
        _place(found, person.person_id, person, known.get(person.person_id))
        if cells_of[person.person_id]:
            found.passwords[person.person_id] = cells_of[person.person_id]
    found.missing = sorted(x for x in known if x not in named)
    return found


def _each(
    rows: Iterable[TableRow | BadRow],
    found: ImportPlan[T],
    named: set[str],
    key: str,
    read: Callable[[Cells], T],
) -> Iterator[T]:
    """What ``read`` makes of each row, once a key; the rows that are refused go to ``found``."""
    for row in rows:
        if isinstance(row, BadRow):
            found.refused.append(row)
            continue
        try:
            _once(row.cells[key], named)
            yield read(row.cells)
        except WrongRowError as error:
            found.refused.append(BadRow(row.line, str(error)))


def _once(key: str, named: set[str]) -> None:
    if key in named:
        raise WrongRowError(f"'{key[:64]}' stands in the file more than once")
    named.add(key)


def _place(found: ImportPlan[T], key: str, item: T, before: T | None) -> None:
    if before is None:
        found.new.append(item)
    elif before != item:
        found.changed.append(item)
        found.changes[key] = changes_of(before, item)
    else:
        found.same += 1


def changes_of(before: T, after: T) -> list[FieldChange]:
    """What is another in ``after``; of secrets only that they are."""
    told = [_told(x) for x in (before, after)]
    return [
        FieldChange(name) if name in _SECRET else FieldChange(name, *(x[name] for x in told))
        for name in told[0]
        if told[0][name] != told[1][name]
    ]


_SECRET = frozenset({"target", "secret", "further ways", "notify"})


def _told(item: Group | Person) -> dict[str, str]:
    """The fields as a person reads them, by column; those of _SECRET only to be compared."""
    if isinstance(item, Person):
        return {
            "name": item.name, "role": item.role, "district": item.district, "station": item.station,
            "duty": "yes" if item.duty else "no", "userid": item.userid, "notify": repr(item.notify),
        }  # fmt: skip
    return {
        "name": item.name, "district": item.place.district, "town": item.place.town, "station": item.station,
        "owner": item.owner, "deputy": item.deputy, "members": str(item.members),
        "channel": " > ".join(x.channel for x in item.ways),
        "target": item.target, "secret": item.secret, "credential": item.credential,
        "further ways": repr(item.also), "quota_day": str(item.quota_day), "tags": " ".join(item.tags),
        "gone": "yes" if item.gone else "no",
    }  # fmt: skip


def _lost_on(changed: Iterable[Group], known: Mapping[str, Group]) -> list[str]:
    """Groups that a warning reaches now and would not any more, as when a table has no column of channels."""
    lost = [x.group_id for x in changed if _on_sandbox(x) and not _on_sandbox(known[x.group_id])]
    if not lost:
        return []
    return [
        f"{len(lost)} groups lose their channel to the sandbox, which residents do not see: {_some(lost)} "
        "(a table without a channel column?)"
    ]


def _on_sandbox(group: Group) -> bool:
    return all(way.channel == SANDBOX.name for way in group.ways)


def _some(group_ids: list[str]) -> str:
    return ", ".join(group_ids[:5]) + (" ..." if len(group_ids) > 5 else "")


def _notes_on(groups: Iterable[Group]) -> list[str]:
    """Groups that only a person's tap reaches and that no person answers for."""
    lone = [x.group_id for x in groups if not x.owner and any(w.channel in NEEDS_TAP for w in x.ways)]
    if not lone:
        return []
    return [
        f"{len(lone)} groups go out only when their owner taps ({', '.join(sorted(NEEDS_TAP))}) and name no "
        f"owner: {_some(lone)}"
    ]

"""Importing tables of groups and people: parsing rows, and comparing them with the desk. Pure."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from console.directory.addresses import Cells, Seal, WrongRowError, parse_notify, parse_way
from fenghuo.domain.alert import Role
from fenghuo.domain.channels import NEEDS_TAP, SANDBOX
from fenghuo.domain.events import Binding, Group, Person, ReportPlace
from fenghuo.spreadsheets.tables import BadRow, TableRow

ID = re.compile(r"[\w.@-]{1,64}")
ROLES = {role.value: role for role in Role if role is not Role.SYSTEM}
MAX_MEMBERS = 10_000
MAX_QUOTA_DAY = 100
MAX_WAYS = 5
"""Ways to one group for which a table has columns: channel, channel2 and so on."""

_WAY = {"channel": "通道", "target": "地址", "secret": "密钥", "credential": "凭据"}
_FURTHER = [str(n) for n in range(2, MAX_WAYS + 1)]
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
    """A changed field of a group or person, in words; ``before`` and ``after`` are empty for a secret."""

    name: str
    before: str = ""
    after: str = ""


@dataclass(slots=True)
class ImportPlan(Generic[T]):
    """The rows of a file compared with the desk; ``missing`` are on the desk but not in the file."""

    new: list[T] = field(default_factory=list)
    changed: list[T] = field(default_factory=list)
    same: int = 0
    missing: list[str] = field(default_factory=list)
    refused: list[BadRow] = field(default_factory=list)
    passwords: dict[str, str] = field(default_factory=dict)
    changes: dict[str, list[FieldChange]] = field(default_factory=dict)
    """The changed fields of each item in ``changed``, by its id."""
    notes: list[str] = field(default_factory=list)
    """Warnings to the person who imports; no row is refused for them."""

    @property
    def to_publish(self) -> list[T]:
        return self.new + self.changed


def group_of(cells: Cells, district: str, seal: Seal) -> Group:
    """The group of a row, with sealed addresses; WrongRowError with the reason if the row is invalid."""
    first, *further = _ways(cells, seal)
    if cells["deputy"] and cells["deputy"] == cells["owner"]:
        raise WrongRowError("'deputy' is the owner: name another person, or nobody")
    return Group(
        group_id=checked_id(cells["group_id"], "group_id"), name=cells["name"][:100],
        place=ReportPlace(district=cells["district"] or district, town=cells["town"]),
        station=cells["station"], owner=cells["owner"], deputy=cells["deputy"],
        members=_number(cells, "members", MAX_MEMBERS), channel=first.channel,
        target=first.target, secret=first.secret, credential=first.credential,
        also=tuple(further), quota_day=_number(cells, "quota_day", MAX_QUOTA_DAY),
        tags=tuple(x for x in re.split(r"[;；,，、|\s]+", cells["tags"]) if x),
    )  # fmt: skip


def _ways(cells: Cells, seal: Seal) -> list[Binding]:
    """The group's ways; the first one is the sandbox if the row names none."""
    found = [parse_way(cells, "", seal)]
    for n in _FURTHER:
        if any(cells[f"{name}{n}"] for name in _WAY):
            if not cells[f"channel{n}"]:
                raise WrongRowError(f"'channel{n}' is empty while other columns of the way {n} are not")
            found.append(parse_way(cells, n, seal))
    names = [x.channel for x in found]
    for name in names:
        if names.count(name) > 1:
            raise WrongRowError(f"'{name}' is named for two ways: each channel once, in order of preference")
    return found


def person_of(cells: Cells, district: str, seal: Seal) -> Person:
    """The person of a row; WrongRowError with the reason if the row is invalid."""
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
        userid=cells["userid"][:64], notify=parse_notify(cells["notify"], seal),
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


def plan_groups(
    rows: Iterable[TableRow | BadRow], known: Mapping[str, Group], district: str, seal: Seal
) -> ImportPlan[Group]:
    """Compare the rows with the groups on the desk. The second row of the same group is refused.

    Missing are groups of the file's districts that no row names, not even a refused one.
    """
    plan: ImportPlan[Group] = ImportPlan()
    named: set[str] = set()
    for group in _parse(rows, plan, named, "group_id", lambda cells: group_of(cells, district, seal)):
        _classify(plan, group.group_id, group, known.get(group.group_id))
    districts = {x.place.district for x in plan.to_publish} | {
        known[x].place.district for x in named if x in known
    }
    plan.missing = sorted(x for x, g in known.items() if x not in named and g.place.district in districts)
    plan.notes = [*_notes_on_lost_channels(plan.changed, known), *_notes_on_missing_owners(plan.to_publish)]
    return plan


def plan_people(
    rows: Iterable[TableRow | BadRow], known: Mapping[str, Person], district: str, seal: Seal
) -> ImportPlan[Person]:
    """Compare the rows with the people on the desk. Passwords are kept apart: they are never published."""
    plan: ImportPlan[Person] = ImportPlan()
    named: set[str] = set()
    cells_of: dict[str, str] = {}

    def read(cells: Cells) -> Person:
        person = person_of(cells, district, seal)
        cells_of[person.person_id] = cells["password"]
        return person

    for person in _parse(rows, plan, named, "person_id", read):
        _classify(plan, person.person_id, person, known.get(person.person_id))
        if cells_of[person.person_id]:
            plan.passwords[person.person_id] = cells_of[person.person_id]
    plan.missing = sorted(x for x in known if x not in named)
    return plan


def _parse(
    rows: Iterable[TableRow | BadRow],
    plan: ImportPlan[T],
    named: set[str],
    key: str,
    read: Callable[[Cells], T],
) -> Iterator[T]:
    """The item of each valid row; invalid and repeated rows go to ``plan.refused``."""
    for row in rows:
        if isinstance(row, BadRow):
            plan.refused.append(row)
            continue
        try:
            _check_unique(row.cells[key], named)
            yield read(row.cells)
        except WrongRowError as error:
            plan.refused.append(BadRow(row.line, str(error)))


def _check_unique(key: str, named: set[str]) -> None:
    if key in named:
        raise WrongRowError(f"'{key[:64]}' stands in the file more than once")
    named.add(key)


def _classify(plan: ImportPlan[T], key: str, item: T, before: T | None) -> None:
    if before is None:
        plan.new.append(item)
    elif before != item:
        plan.changed.append(item)
        plan.changes[key] = changes_of(before, item)
    else:
        plan.same += 1


def changes_of(before: T, after: T) -> list[FieldChange]:
    """The fields that differ; of a secret only its name."""
    old, new = _describe(before), _describe(after)
    return [
        FieldChange(name) if name in _SECRET else FieldChange(name, old[name], new[name])
        for name in old
        if old[name] != new[name]
    ]


_SECRET = frozenset({"target", "secret", "further ways", "notify"})


def _describe(item: Group | Person) -> dict[str, str]:
    """The fields in words, by column; those in _SECRET are only for comparison."""
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


def _notes_on_lost_channels(changed: Iterable[Group], known: Mapping[str, Group]) -> list[str]:
    """A note on groups that would lose their channel, for example because the table has no such column."""
    lost = [x.group_id for x in changed if _on_sandbox(x) and not _on_sandbox(known[x.group_id])]
    if not lost:
        return []
    return [
        f"{len(lost)} groups lose their channel to the sandbox, which residents do not see: "
        f"{_first_few(lost)} (a table without a channel column?)"
    ]


def _on_sandbox(group: Group) -> bool:
    return all(way.channel == SANDBOX.name for way in group.ways)


def _first_few(group_ids: list[str]) -> str:
    return ", ".join(group_ids[:5]) + (" ..." if len(group_ids) > 5 else "")


def _notes_on_missing_owners(groups: Iterable[Group]) -> list[str]:
    """A note on groups that need a tap and have no owner."""
    ownerless = [x.group_id for x in groups if not x.owner and any(w.channel in NEEDS_TAP for w in x.ways)]
    if not ownerless:
        return []
    return [
        f"{len(ownerless)} groups go out only when their owner taps ({', '.join(sorted(NEEDS_TAP))}) and "
        f"name no owner: {_first_few(ownerless)}"
    ]

"""The directory: groups and people as they were last imported or changed."""

from collections.abc import Collection, Iterable, Sequence

from fenghuo.clock import to_ms
from fenghuo.desk.apply_script import Change, Folds
from fenghuo.desk.keys import Keys
from fenghuo.desk.redis import JSON, Reader, decoder
from fenghuo.domain import events as e
from fenghuo.domain.channels import NEEDS_TAP
from fenghuo.domain.taps import Tappers

_GROUP = decoder(e.Group)
_PERSON = decoder(e.Person)


class Directory(Reader):
    """Reads groups and people."""

    async def groups(self) -> dict[str, e.Group]:
        """All groups that are not gone, by id."""
        found = await self._hash(self._keys.groups, _GROUP)
        return {group_id: group for group_id, group in found.items() if not group.gone}

    async def groups_by_id(self, group_ids: Sequence[str]) -> dict[str, e.Group]:
        """Those of ``group_ids`` that exist, gone ones too."""
        return await self._fields(self._keys.groups, group_ids, _GROUP)

    async def people(self) -> dict[str, e.Person]:
        """All people that are not gone, by id."""
        found = await self._hash(self._keys.people, _PERSON)
        return {person_id: person for person_id, person in found.items() if not person.gone}

    async def tappers(self, groups: Iterable[e.Group]) -> Tappers:
        """Who can tap for ``groups``; people are read only if one of them has a way that needs a tap."""
        asked = any(way.channel in NEEDS_TAP for group in groups for way in group.ways)
        return Tappers(await self.people() if asked else {})

    async def people_by_id(self, person_ids: Collection[str]) -> dict[str, e.Person]:
        """Those of ``person_ids`` that are not gone."""
        found = await self._fields(self._keys.people, list(person_ids), _PERSON)
        return {person_id: person for person_id, person in found.items() if not person.gone}

    async def person(self, person_id: str) -> e.Person | None:
        return (await self.people_by_id([person_id])).get(person_id)


def _group(x: e.GroupChanged, keys: Keys) -> list[Change]:
    return [("PUT", keys.groups, x.group.group_id, to_ms(x.at), JSON.encode(x.group))]


def _person(x: e.PersonChanged, keys: Keys) -> list[Change]:
    return [("PUT", keys.people, x.person.person_id, to_ms(x.at), JSON.encode(x.person))]


FOLDS: Folds = {e.GroupChanged: _group, e.PersonChanged: _person}

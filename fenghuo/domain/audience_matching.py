"""Which groups fulfil the condition of an audience, and which of its names no group has."""

import difflib
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import lru_cache, reduce
from typing import TypeAlias

from fenghuo.domain.audience_expression import (
    FIELDS,
    All,
    AnyOf,
    Condition,
    Everyone,
    Is,
    Not,
    canonical,
    named,
)
from fenghuo.domain.events import Group

Test: TypeAlias = Callable[[Group], bool]


def matches(group: Group, condition: Condition) -> bool:
    """Whether ``group`` fulfils ``condition``."""
    return matcher(condition)(group)


@lru_cache(maxsize=256)
def matcher(condition: Condition) -> Test:
    """``matches`` for many groups: the condition compiled once."""
    if isinstance(condition, Everyone):
        return lambda _group: True
    if isinstance(condition, Is):
        return _TESTS[condition.field](frozenset(condition.values))
    if isinstance(condition, Not):
        no = matcher(condition.of)
        return lambda group: not no(group)
    return reduce(_both if isinstance(condition, All) else _either, map(matcher, condition.of))


def _both(one: Test, other: Test) -> Test:
    return lambda group: one(group) and other(group)


def _either(one: Test, other: Test) -> Test:
    return lambda group: one(group) or other(group)


def tags_of(group: Group) -> list[str]:
    """The group's tags under their stored names."""
    return [canonical("tag", x) for x in group.tags]


_Values = Collection[str]
_TESTS: dict[str, Callable[[_Values], Test]] = {
    "town": lambda values: lambda group: group.place.town in values,
    "station": lambda values: lambda group: group.station in values,
    "tag": lambda values: lambda group: any(x in values for x in tags_of(group)),
    "group": lambda values: lambda group: group.group_id in values or group.name in values,
    "owner": lambda values: lambda group: group.owner in values,
    "channel": lambda values: lambda group: any(way.channel in values for way in group.ways),
}


def unknown_names(condition: Condition, groups: Iterable[Group], language: str = "zh") -> list[str]:
    """A sentence for each name in ``condition`` that no group has: 没有叫“东湖”的镇，是不是“东湖镇”？"""
    there = list(groups)
    known: dict[str, set[str]] = {
        "town": {g.place.town for g in there},
        "station": {g.station for g in there},
        "tag": {tag for g in there for tag in tags_of(g)},
        "group": {g.group_id for g in there} | {g.name for g in there},
        "owner": {g.owner for g in there},
        "channel": {way.channel for g in there for way in g.ways},
    }
    return [
        _missing(is_.field, value, known[is_.field] - {""}, language)
        for is_ in dict.fromkeys(_leaves(condition))
        for value in is_.values
        if value not in known[is_.field]
    ]


def _leaves(condition: Condition) -> Iterator[Is]:
    if isinstance(condition, Is):
        yield condition
    elif isinstance(condition, Not):
        yield from _leaves(condition.of)
    elif isinstance(condition, All | AnyOf):
        for part in condition.of:
            yield from _leaves(part)


def _missing(field: str, value: str, known: Collection[str], language: str) -> str:
    name, names = named(field, value, language), [named(field, x, language) for x in known]
    close = difflib.get_close_matches(name, sorted(names), n=1, cutoff=0.5)
    if language == "zh":
        return f"没有叫“{name}”的{FIELDS[field][0]}" + (f"，是不是“{close[0]}”？" if close else "")
    return f"there is no {field} '{name}'" + (f"; did you mean '{close[0]}'?" if close else "")

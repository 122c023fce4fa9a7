"""Which of many expressions a text may match, by one scan for the literals that they need.

A text of some eighty characters is tried against hundreds of expressions and phrases; a handful match. The
literals without which an expression cannot match are read from the expression itself, and all are looked for
at once by an automaton (Aho and Corasick 1975).
"""

from collections import deque
from collections.abc import Iterable, Sequence
from functools import cache
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import numpy as np

from patterns.arrays import I32, I64, code_points
from patterns.kernels.literals import Automaton, scan, tally

_MOST = 400
"""Literals in whose place an expression is rather tried on every text."""
_MOST_OF_A_SET = 12
"""Characters of a set up to which it is spelled out."""
_Strings = frozenset[str]


class Literals:
    """Groups of literals, one for each expression; an empty group is in every text."""

    def __init__(self, groups: Sequence[Iterable[str]]) -> None:
        self._groups = [frozenset(group) for group in groups]
        self._always = np.array([not group for group in self._groups], np.bool_)
        self._automaton = _automaton(self._groups)

    def __len__(self) -> int:
        return len(self._groups)

    def held(self, text: str) -> list[int]:
        """The groups, ascending, of which the text holds a literal."""
        found = self._always.copy()
        scan(code_points(text), self._automaton, found)
        places: list[int] = found.nonzero()[0].tolist()
        return places

    def counts(self, text: str) -> I32:
        """For each character of the text how many groups' literals end there."""
        found = np.zeros(len(text), np.int32)
        tally(code_points(text), self._automaton, found)
        return found


def _automaton(groups: Sequence[_Strings]) -> Automaton:
    steps: list[dict[int, int]] = [{}]
    ends: list[set[int]] = [set()]
    for number, group in enumerate(groups):
        for literal in group:
            state = 0
            for code in map(ord, literal):
                if code not in steps[state]:
                    steps[state][code] = len(steps)
                    steps.append({})
                    ends.append(set())
                state = steps[state][code]
            ends[state].add(number)
    back, reached = [0] * len(steps), deque(steps[0].values())
    while reached:
        state = reached.popleft()
        ends[state] |= ends[back[state]]
        for code, after in steps[state].items():
            behind = back[state]
            while behind and code not in steps[behind]:
                behind = back[behind]
            back[after] = steps[behind].get(code, 0)
            reached.append(after)
    return _tables(steps, back, ends)


def _tables(steps: Sequence[dict[int, int]], back: Sequence[int], ends: Sequence[set[int]]) -> Automaton:
    used: list[int] = sorted({code for step in steps for code in step})
    letters: I32 = np.zeros(max(used, default=0) + 2, np.int32)
    letters[used] = np.arange(1, len(used) + 1)
    size = 64
    while size < 3 * len(steps):
        size *= 2
    keys, values = np.full(size, -1, np.int64), np.zeros(size, np.int32)
    for state, step in enumerate(steps):
        for code, after in step.items():
            key = (state << 16) | int(letters[code])
            place = (key * 0x9E3779B1) & (size - 1)
            while keys[place] >= 0:
                place = (place + 1) & (size - 1)
            keys[place], values[place] = key, after
    starts: I64 = np.cumsum([0, *map(len, ends)]).astype(np.int64)
    flat = np.array([number for found in ends for number in sorted(found)], np.int32)
    return Automaton(letters, keys, values, np.array(back, np.int32), starts, flat)


# ---------------------------------------------------------------- what an expression needs


@cache
def needed(expression: str) -> _Strings:
    """Literals of which every match of the expression holds one; none if nothing certain can be said."""
    return _fewest(_Needs().of(parser.parse(expression)) or frozenset())


def _fewest(found: _Strings) -> _Strings:
    """Without those that hold another one."""
    return frozenset(x for x in found if not any(x != other and other in x for other in found))


def _better(one: _Strings | None, other: _Strings | None) -> _Strings | None:
    """Of two sets of literals the one that fewer texts hold one of: the longer ones, else the fewer."""
    if one is None or other is None:
        return one or other

    def worth(found: _Strings) -> tuple[int, int]:
        return min(*map(len, found), 2), -len(found)

    return max(one, other, key=worth)


class _Needs:
    """Walks the parsed form of an expression; asserts and anchors take part in no literal."""

    def of(self, nodes: Any) -> _Strings | None:
        best: _Strings | None = None
        run: _Strings = frozenset(("",))
        for node in nodes:
            exact = self._exact(node)
            joined = _product(run, exact) if exact is not None else None
            if joined is not None:
                run = joined
                continue
            best = _better(best, _whole(run))
            run = exact if exact is not None else frozenset(("",))
            if exact is None:
                best = _better(best, self._inside(node))
        return _better(best, _whole(run))

    def _exact(self, node: Any) -> _Strings | None:
        """All strings that a node matches, if they are few."""
        kind, value = node
        if kind in (op.ASSERT, op.ASSERT_NOT, op.AT):
            return frozenset(("",))
        if kind in (op.LITERAL, op.IN):
            return self._set([node] if kind is op.LITERAL else value)
        if kind is op.SUBPATTERN:
            return self._sequence(value[-1])
        if kind is op.BRANCH:
            return self._either(value[1])
        return self._repeated(value) if kind in (op.MAX_REPEAT, op.MIN_REPEAT) else None

    def _repeated(self, value: Any) -> _Strings | None:
        least, most, nodes = value
        inside = self._sequence(nodes) if most == 1 else None
        return inside if inside is None or least else _few(inside | {""})

    def _set(self, items: Any) -> _Strings | None:
        chars = set[str]()
        for kind, value in items:
            if kind is op.LITERAL:
                chars.add(chr(value))
            elif kind is op.RANGE and value[1] - value[0] < _MOST_OF_A_SET:
                chars.update(map(chr, range(value[0], value[1] + 1)))
            else:
                return None
        return frozenset(chars) if len(chars) <= _MOST_OF_A_SET else None

    def _sequence(self, nodes: Any) -> _Strings | None:
        found: _Strings | None = frozenset(("",))
        for node in nodes:
            exact = self._exact(node)
            found = _product(found, exact) if found is not None and exact is not None else None
        return found

    def _either(self, branches: Any) -> _Strings | None:
        found = set[str]()
        for branch in branches:
            exact = self._sequence(branch)
            if exact is None:
                return None
            found |= exact
        return _few(frozenset(found))

    def _inside(self, node: Any) -> _Strings | None:
        """What a node needs that has no short list of all its strings."""
        kind, value = node
        if kind is op.SUBPATTERN:
            return self.of(value[-1])
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT) and value[0]:
            return self.of(value[2])
        if kind is op.BRANCH:
            each = [self.of(branch) for branch in value[1]]
            if all(each):
                return _few(frozenset().union(*(found for found in each if found)))
        return None


def _whole(run: _Strings) -> _Strings | None:
    return None if "" in run else run


def _few(found: _Strings) -> _Strings | None:
    return found if len(found) <= _MOST else None


def _product(first: _Strings, second: _Strings) -> _Strings | None:
    if len(first) * len(second) > _MOST:
        return None
    return frozenset(a + b for a in first for b in second)

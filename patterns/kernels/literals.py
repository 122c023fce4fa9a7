"""The loop over an automaton of literals, in machine code."""

from typing import NamedTuple

import numpy as np

from patterns.arrays import I32, I64
from patterns.kernels import DiskCached, compiled


class Automaton(NamedTuple):
    """letters: number of a code point within the literals, 0 for none. keys, values: an open-addressing table
    from state << 16 | letter to the next state. back: the state of the longest suffix. Of state s end the
    groups ends[starts[s]:starts[s + 1]]."""

    letters: I32
    keys: I64
    values: I32
    back: I32
    starts: I64
    ends: I32


@compiled
def _after(state, code, automaton):
    """The state behind a character."""
    letter = automaton.letters[code] if code < automaton.letters.size else 0
    if not letter:
        return 0
    mask = automaton.keys.size - 1
    while True:
        key = (np.int64(state) << 16) | letter
        place = (key * np.int64(0x9E3779B1)) & mask
        while automaton.keys[place] >= 0:
            if automaton.keys[place] == key:
                return automaton.values[place]
            place = (place + 1) & mask
        if not state:
            return 0
        state = automaton.back[state]


@DiskCached
@compiled
def scan(codes, automaton, found):
    """Mark in `found` the groups of which a literal is in the text."""
    state = 0
    for code in codes:
        state = _after(state, code, automaton)
        for k in range(automaton.starts[state], automaton.starts[state + 1]):
            found[automaton.ends[k]] = True


@DiskCached
@compiled
def tally(codes, automaton, found):
    """Count in `found`, by place, the groups of which a literal ends there."""
    state = 0
    for i in range(codes.size):
        state = _after(state, codes[i], automaton)
        found[i] = automaton.starts[state + 1] - automaton.starts[state]

"""The loops of clustering: find the exemplars that a text resembles, add it as one, drop those of a cluster,
all in arrays that the caller makes and grows.

A gram is a pair of folded codes (three in Latin text), as a bucket of the table of weights. A key is a hash
of two grams in a row: texts that share keys are candidates and are then compared in full.

A table is open-addressing: an entry is a key << 32 | a head, 0 where there is none. The head of a key is
SINGLE | the only slot that has it, or a chunk of `pool`: how many there are, then the slots, in the next
power of two.
"""

from typing import NamedTuple

import numpy as np

from patterns.arrays import F32, I32, I64, U8, U16, U64
from patterns.characters.compiled_tables import GAP, LINK, NUMBER
from patterns.kernels import DiskCached, compiled

BITS = 20
BUCKETS = 1 << BITS
LONGEST = 2_000
"""Folded codes of a text that are looked at."""
BLOCK = 8
"""Codes of exemplars are kept in so many blocks of this size."""
BLOCKS = LONGEST // BLOCK
KEYS = 16
"""Keys of an exemplar that have postings, those that hash lowest; of a message all are looked up."""
CHUNKS = 32
SLOTS, FREE_SLOT, HELD, CODES, KEYS_USED, POOL, POOL_WANTED, VALUES_USED, NODES, FREE_NODE = range(10)
"""Places in `ExemplarStore.counters`: ends of what is in use, heads of free lists, how many exemplars are
held, and how much of the pool a text wanted that did not fit."""
COUNTERS = 10

_BUDGET, CANDIDATES = 2_048, 8
"""Postings that are added up for a message; exemplars that are compared in full."""
_FOREIGN = 0.35
"""Price of a bit that only one of two texts has, against one of both, where their passage in common ends."""
_FEW = 8
"""What shares less than one key of so many is not compared."""
_NONE = -1
_SINGLE = np.uint32(1 << 31)
_HASH = 0x9E3779B97F4A7C15
_PRIME = 0x100000001B3
_FULL = np.uint64(0xFFFFFFFFFFFFFFFF)


class ExemplarStore(NamedTuple):
    """The exemplars in memory. Slots are exemplars; numbers are clusters."""

    at: I32
    """By slot: its first block of codes."""
    length: I32
    total: F32
    owner: I32
    after: I32
    """By slot: the next older slot of its cluster, -1 for its founder; or the next free one."""
    indexed: U8
    shared: U8
    """By slot: keys that have postings; and, within a search, those that the message shares."""
    codes: U16
    code_free: I32
    """By count of blocks: a free stretch of so many; the next one is named in its first two codes."""
    keys: U64
    """Table of keys."""
    pool: I32
    pool_free: I32
    size: I32
    """By number: its exemplars."""
    tie: U64
    first: I32
    marks: I32
    """By number: the first node of its indicators."""
    values: U64
    """Table of indicators by a hash of theirs: the first node."""
    node_value: U64
    node_number: I32
    node_next: I32
    node_before: I32
    node_after: I32
    """By node: an indicator and a cluster that carries it; next and previous of the same entry of `values`;
    next of the same cluster, or the next free one."""
    counters: I64


class ClusterLimits(NamedTuple):
    """See `ClusterConfig`; shares are 0 to 1."""

    join: float
    alignment: float
    least_cosine: float
    passage_share: float
    passage_bits: float
    further: float
    exemplars: int
    least_bits: float
    telling_bits: float
    indicators: int
    common: int


# ---------------------------------------------------------------- grams and keys


@compiled
def _latin(code):
    return 97 <= code <= 122 or code == 32


@compiled
def _one_mark(code):
    """Links, accounts and numbers are one thing here: senders change one for the other."""
    return np.uint64(LINK) if LINK <= code <= NUMBER else np.uint64(code)


@compiled
def _grams(codes, out):
    """The gram that begins at each code, -1 for none."""
    n = codes.size
    for i in range(n):
        out[i] = _NONE
        if i + 1 < n and codes[i] != GAP and codes[i + 1] != GAP:
            whole = (_one_mark(codes[i]) << np.uint64(16)) | _one_mark(codes[i + 1])
            if i + 2 < n and _latin(codes[i]) and _latin(codes[i + 1]) and _latin(codes[i + 2]):
                whole = (whole << np.uint64(16)) | np.uint64(codes[i + 2])
            out[i] = np.int32((whole * np.uint64(_HASH)) >> np.uint64(64 - BITS))


@compiled
def _sorted_keys(grams, bits, telling, out):
    """Distinct keys of two grams in a row that tell something, ascending; returns how many."""
    many = 0
    for i in range(grams.size - 1):
        a, b = grams[i], grams[i + 1]
        if a >= 0 and b >= 0 and bits[a] + bits[b] >= 2 * telling:
            whole = ((np.uint64(a) << np.uint64(BITS)) | np.uint64(b)) * np.uint64(_HASH)
            out[many] = np.uint32(whole >> np.uint64(32)) | np.uint32(1)
            many += 1
    out[:many].sort()
    kept = 0
    for i in range(many):
        if not kept or out[i] != out[kept - 1]:
            out[kept] = out[i]
            kept += 1
    return kept


@compiled
def _table_size(entries):
    size = 64
    while size < 3 * entries:
        size *= 2
    return size


@compiled
def _small(table, found, gram, mask):
    """Place of a gram in a table of indices into `found`, or the free place for it."""
    place = (gram * 40503) & mask
    while table[place] >= 0 and found[table[place]] != gram:
        place = (place + 1) & mask
    return place


@compiled
def _distinct(grams, bits, table, found):
    """Put the distinct grams into `found` and a cleared table; returns (how many, their bits)."""
    many, total = 0, np.float32(0)
    for i in range(grams.size):
        gram = grams[i]
        if gram >= 0:
            place = _small(table, found, gram, table.size - 1)
            if table[place] < 0:
                table[place] = many
                found[many] = gram
                many += 1
                total += bits[gram]
    return many, total


@compiled
def _telling(codes, grams, bits, telling, out):
    """The codes that are in a gram which tells something: everyday talk about a message drops out; returns
    how many."""
    many = 0
    before = False
    for i in range(codes.size):
        tells = i < grams.size and grams[i] >= 0 and bits[grams[i]] >= telling
        if tells or before:
            out[many] = codes[i]
            many += 1
        before = tells
    return many


@DiskCached
@compiled
def count(codes, starts, weight, out):
    """Add `weight` to the count of each distinct gram of every text."""
    for k in range(starts.size - 1):
        text = codes[starts[k] : starts[k + 1]]
        grams = np.empty(text.size, np.int32)
        _grams(text, grams)
        grams.sort()
        for i in range(grams.size):
            if grams[i] >= 0 and (not i or grams[i] != grams[i - 1]):
                out[grams[i]] += weight


# ---------------------------------------------------------------- tables


@compiled
def _home(key, mask):
    return np.int64((np.uint64(key) * np.uint64(_HASH)) >> np.uint64(34)) & mask


@compiled
def _entry(key, head):
    return (np.uint64(key) << np.uint64(32)) | np.uint64(head)


@compiled
def _key(entry):
    return np.uint32(entry >> np.uint64(32))


@compiled
def _head(entry):
    return np.uint32(entry & np.uint64(0xFFFFFFFF))


@compiled
def _look_up(table, key):
    """Place of a key (never 0), or the free place for it."""
    mask = table.size - 1
    place = _home(key, mask)
    while table[place] != 0 and _key(table[place]) != key:
        place = (place + 1) & mask
    return place


@compiled
def _take_out(table, place):
    """Empty a place and close the gap, so that every key behind is still found."""
    mask = table.size - 1
    gap = at = place
    while True:
        at = (at + 1) & mask
        if table[at] == 0:
            break
        if (at - _home(_key(table[at]), mask)) & mask >= (at - gap) & mask:
            table[gap] = table[at]
            gap = at
    table[gap] = 0


@DiskCached
@compiled
def move(table, larger):
    """Enter what is in a table into a larger, empty one."""
    for entry in table:
        if entry != 0:
            larger[_look_up(larger, _key(entry))] = entry


# ---------------------------------------------------------------- postings


@compiled
def _power(size):
    """The power of two, at least the second, that is not less than the size."""
    power = 2
    while 1 << power < size:
        power += 1
    return power


@compiled
def _chunk(store, power):
    chunk = store.pool_free[power]
    if chunk >= 0:
        store.pool_free[power] = store.pool[chunk]
        return np.int64(chunk)
    top = store.counters[POOL]
    store.counters[POOL] = top + (1 << power)
    return top


@compiled
def _free_chunk(store, chunk, power):
    store.pool[chunk] = store.pool_free[power]
    store.pool_free[power] = chunk


@compiled
def _size(store, entry):
    """How many slots have the key of an entry."""
    if entry == 0:
        return np.int32(0)
    head = _head(entry)
    return np.int32(1) if head & _SINGLE else store.pool[head]


@compiled
def _post(store, key, slot):
    place = _look_up(store.keys, key)
    entry = store.keys[place]
    head = _head(entry)
    if entry == 0:
        store.counters[KEYS_USED] += 1
        store.keys[place] = _entry(key, _SINGLE | np.uint32(slot))
    elif head & _SINGLE:
        chunk = _chunk(store, 2)
        store.pool[chunk], store.pool[chunk + 1], store.pool[chunk + 2] = 2, head & ~_SINGLE, slot
        store.keys[place] = _entry(key, chunk)
    else:
        size = store.pool[head]
        chunk = np.int64(head)
        if (size + 1) & size == 0:
            power = _power(size + 1)
            chunk = _chunk(store, power + 1)
            for i in range(size + 1):
                store.pool[chunk + i] = store.pool[head + i]
            _free_chunk(store, head, power)
            store.keys[place] = _entry(key, chunk)
        store.pool[chunk + size + 1] = slot
        store.pool[chunk] = size + 1


@compiled
def _unpost(store, key, slot):
    place = _look_up(store.keys, key)
    chunk = np.int64(_head(store.keys[place]))
    if chunk & _SINGLE:
        store.counters[KEYS_USED] -= 1
        _take_out(store.keys, place)
        return
    left = store.pool[chunk] - 1
    for i in range(1, left + 1):
        if store.pool[chunk + i] == slot:
            store.pool[chunk + i] = store.pool[chunk + left + 1]
            break
    store.pool[chunk] = left
    if left == 1:
        store.keys[place] = _entry(key, _SINGLE | np.uint32(store.pool[chunk + 1]))
        _free_chunk(store, chunk, 2)
    elif left > 2 and (left + 1) & left == 0:
        _free_chunk(store, chunk + left + 1, _power(left + 1))


# ---------------------------------------------------------------- exemplars


@compiled
def _stretch(store, blocks):
    """First block of a free stretch of codes."""
    at = store.code_free[blocks]
    if at < 0:
        at = np.int32(store.counters[CODES])
        store.counters[CODES] += blocks
        return at
    following = store.codes[at * BLOCK : at * BLOCK + 2]
    store.code_free[blocks] = np.int32((np.uint32(following[0]) << np.uint32(16)) | np.uint32(following[1]))
    return at


@compiled
def _free_stretch(store, at, blocks):
    following = np.uint32(store.code_free[blocks])
    store.codes[at * BLOCK] = following >> np.uint32(16)
    store.codes[at * BLOCK + 1] = following & np.uint32(0xFFFF)
    store.code_free[blocks] = at


@compiled
def _codes_of(store, slot):
    first = np.int64(store.at[slot]) * BLOCK
    return store.codes[first : first + store.length[slot]]


@compiled
def _exemplify(store, codes, keys, total, number):
    """Hold a text, of which there are keys, as an exemplar of a cluster."""
    counters = store.counters
    slot = counters[FREE_SLOT]
    if slot >= 0:
        counters[FREE_SLOT] = store.after[slot]
    else:
        slot = counters[SLOTS]
        counters[SLOTS] += 1
    counters[HELD] += 1
    store.at[slot] = _stretch(store, (codes.size + BLOCK - 1) // BLOCK)
    store.length[slot], store.total[slot], store.owner[slot] = codes.size, total, number
    store.after[slot] = store.first[number]
    store.first[number] = slot
    store.size[number] += 1
    _codes_of(store, slot)[:] = codes
    store.indexed[slot] = min(keys.size, KEYS)
    for i in range(store.indexed[slot]):
        _post(store, keys[i], slot)


@compiled
def _room(store, keys, blocks, values):
    """Whether one more text surely fits; the caller lets the arrays grow if not."""
    counters = store.counters
    needed = 0
    for i in range(keys.size):
        size = _size(store, store.keys[_look_up(store.keys, keys[i])])
        needed += 2 * (size + 1) if (size + 1) & size == 0 or size == 1 else 0
    counters[POOL_WANTED] = needed
    return (
        (counters[FREE_SLOT] >= 0 or counters[SLOTS] < store.at.size)
        and (counters[CODES] + blocks) * BLOCK <= store.codes.size
        and (counters[KEYS_USED] + keys.size) * 4 < store.keys.size * 3
        and counters[POOL] + needed <= store.pool.size
        and counters[NODES] + values <= store.node_value.size
        and (counters[VALUES_USED] + values) * 4 < store.values.size * 3
    )


@DiskCached
@compiled
def drop(store, number, bits, telling):
    """Forget the exemplars of one cluster."""
    grams, keys = np.empty(LONGEST, np.int32), np.empty(LONGEST, np.uint32)
    slot = store.first[number]
    while slot >= 0:
        codes = _codes_of(store, slot)
        _grams(codes, grams)
        many = _sorted_keys(grams[: codes.size], bits, telling, keys)
        for i in range(min(many, KEYS)):
            _unpost(store, keys[i], slot)
        _free_stretch(store, store.at[slot], (codes.size + BLOCK - 1) // BLOCK)
        following = store.after[slot]
        store.after[slot] = store.counters[FREE_SLOT]
        store.counters[FREE_SLOT] = slot
        store.counters[HELD] -= 1
        store.size[number] -= 1
        slot = following
    store.first[number] = _NONE


# ---------------------------------------------------------------- indicators


@compiled
def _hidden(signs, value):
    """Whether an extra is no indicator but a kind of invisible characters."""
    return value == np.uint64(signs[7]) * np.uint64(_PRIME) or value == np.uint64(signs[8]) * np.uint64(
        _PRIME
    )


@compiled
def _value_key(value):
    return np.uint32((value * np.uint64(_HASH)) >> np.uint64(32)) | np.uint32(1)


@compiled
def _mark(store, number, value, most):
    """Note that a cluster carries an indicator, unless it does or carries `most` already."""
    node, many = store.marks[number], 0
    while node >= 0:
        if store.node_value[node] == value:
            return
        many += 1
        node = store.node_after[node]
    if many < most:
        node = store.counters[FREE_NODE]
        if node >= 0:
            store.counters[FREE_NODE] = store.node_after[node]
        else:
            node = store.counters[NODES]
            store.counters[NODES] += 1
        key = _value_key(value)
        place = _look_up(store.values, key)
        following = np.int32(_NONE)
        if store.values[place] == 0:
            store.counters[VALUES_USED] += 1
        else:
            following = np.int32(_head(store.values[place]))
            store.node_before[following] = node
        store.values[place] = _entry(key, node)
        store.node_value[node], store.node_number[node] = value, number
        store.node_next[node], store.node_before[node] = following, _NONE
        store.node_after[node] = store.marks[number]
        store.marks[number] = node


@compiled
def _unmark(store, node):
    before, following = store.node_before[node], store.node_next[node]
    if following >= 0:
        store.node_before[following] = before
    if before >= 0:
        store.node_next[before] = following
    else:
        key = _value_key(store.node_value[node])
        place = _look_up(store.values, key)
        if following >= 0:
            store.values[place] = _entry(key, following)
        else:
            store.counters[VALUES_USED] -= 1
            _take_out(store.values, place)
    store.node_after[node] = store.counters[FREE_NODE]
    store.counters[FREE_NODE] = node


@DiskCached
@compiled
def mark(store, number, values, most):
    """As `_mark`, for several indicators; there is room for them."""
    for value in values:
        _mark(store, number, value, most)


@DiskCached
@compiled
def unmark(store, number):
    """Forget the indicators of a cluster."""
    node = store.marks[number]
    while node >= 0:
        following = store.node_after[node]
        _unmark(store, node)
        node = following
    store.marks[number] = _NONE


@DiskCached
@compiled
def indicators(signs, values):
    """Those of the extras of a text that are indicators."""
    kept = 0
    found = np.empty(values.size, np.uint64)
    for value in values:
        if not _hidden(signs, value):
            found[kept] = value
            kept += 1
    return found[:kept]


@compiled
def _linked(store, number, value, common, links, many):
    """Append the others that carry an indicator, unless it is a common one; returns how many in all."""
    entry = store.values[_look_up(store.values, _value_key(value))]
    node = np.int32(_head(entry)) if entry != 0 else np.int32(_NONE)
    more = many
    carriers = 0
    while node >= 0 and carriers <= common:
        if store.node_value[node] == value:
            carriers += 1
            if store.node_number[node] != number and more < links.size:
                links[more] = store.node_number[node]
                more += 1
        node = store.node_next[node]
    if carriers <= common:
        return more
    links[many:more] = _NONE
    return many


# ---------------------------------------------------------------- likeness


@compiled
def _cosine(store, slot, grams, table, found, matched, bits, total):
    """Shared bits over the geometric mean of both texts' bits."""
    codes = _codes_of(store, slot)
    _grams(codes, grams)
    shared = np.float32(0)
    for i in range(codes.size):
        if grams[i] >= 0:
            place = table[_small(table, found, grams[i], table.size - 1)]
            if place >= 0 and matched[place] != slot:
                matched[place] = slot
                shared += bits[grams[i]]
    return shared / np.sqrt(total * store.total[slot])


@compiled
def _passage(grams, in_both, bits):
    """(first, behind last, bits in common, all its bits, bits of the whole) of the passage of a text with the
    most in common, less the price of what is foreign: the forward without the talk around it."""
    best = current = whole = np.float32(0)
    start = first = last = 0
    for i in range(grams.size):
        if grams[i] >= 0:
            weight = bits[grams[i]]
            whole += weight
            if current <= 0:
                current, start = np.float32(0), i
            current += weight if in_both[i] else -np.float32(_FOREIGN) * weight
            if current > best:
                best, first, last = current, start, i + 1
    common = every = np.float32(0)
    for i in range(first, last):
        if grams[i] >= 0:
            every += bits[grams[i]]
            common += bits[grams[i]] if in_both[i] else np.float32(0)
    return first, last, common, every, whole


@compiled
def _held_grams(grams, table, found, out):
    """Whether each gram is one of a table's."""
    for i in range(grams.size):
        out[i] = grams[i] >= 0 and table[_small(table, found, grams[i], table.size - 1)] >= 0


@compiled
def _ones(word):
    """How many bits are set."""
    word -= (word >> np.uint64(1)) & np.uint64(0x5555555555555555)
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@compiled
def _common_sequence(rows, masks, words, column, text):
    """Length of the longest common subsequence with the text that the masks were made of (Hyyro 2004):
    `masks[row, w]` has a bit for each place of the code whose row it is."""
    for w in range(words):
        column[w] = _FULL
    for i in range(text.size):
        row = rows[text[i]]
        if not row:
            continue
        carry = np.uint64(0)
        for w in range(words):
            old = column[w]
            both = old & masks[row, w]
            total = old + both
            over = total < old
            total += carry
            carry = np.uint64(1) if over or total < carry else np.uint64(0)
            column[w] = total | (old & ~masks[row, w])
    length = 0
    for w in range(words):
        length += _ones(~column[w])
    return length


@compiled
def _set_masks(text, rows, masks):
    """The masks of a text; returns how many rows and words they take."""
    used, words = 0, (text.size + 63) // 64
    for i in range(text.size):
        if not rows[text[i]]:
            used += 1
            rows[text[i]] = used
            masks[used, :words] = 0
        masks[rows[text[i]], i // 64] |= np.uint64(1) << np.uint64(i % 64)
    return words


@compiled
def _rarer_first(entries, sizes, budget):
    """Put the keys first whose postings the budget allows, the rarer before the commoner (by powers of two),
    and at least the rarest; returns (how many they are, postings in all)."""
    spent = 0
    rarest = np.int64(1) << 40
    for size in sizes:
        spent += size
        rarest = min(rarest, size)
    if spent <= budget:
        return sizes.size, spent
    limit, allowed, spent = np.int64(1), 0, 0
    while spent <= budget:
        allowed = spent
        limit *= 2
        spent = 0
        for size in sizes:
            spent += size if size <= limit else 0
    limit //= 2
    if not allowed:
        limit = allowed = rarest
    kept = 0
    for i in range(sizes.size):
        if sizes[i] <= limit and (limit > rarest or allowed > rarest or not kept):
            entries[kept], entries[i] = entries[i], entries[kept]
            sizes[kept], sizes[i] = sizes[i], sizes[kept]
            kept += 1
    return kept, allowed


@compiled
def _sooner(value, slot, other, other_slot, store):
    """Whether the one comes before the other: by value, then by what does not depend on where it is held."""
    if value != other:
        return value > other
    tie, other_tie = store.tie[store.owner[slot]], store.tie[store.owner[other_slot]]
    return store.total[slot] < store.total[other_slot] if tie == other_tie else tie < other_tie


@compiled
def _best(store, touched, reached, values, slots):
    """The slots that share most keys for their size, best first, but for those that share few; returns how
    many. Clears `shared`."""
    kept = 0
    for t in range(reached):
        slot = touched[t]
        many = np.float32(store.shared[slot])
        store.shared[slot] = 0
        if many * _FEW < store.indexed[slot]:
            continue
        value = many * many / np.float32(store.indexed[slot])
        if kept == slots.size:
            if not _sooner(value, slot, values[kept - 1], slots[kept - 1], store):
                continue
            kept -= 1
        at = kept
        while at and _sooner(value, slot, values[at - 1], slots[at - 1], store):
            slots[at], values[at] = slots[at - 1], values[at - 1]
            at -= 1
        slots[at], values[at] = slot, value
        kept += 1
    return kept


@compiled
def _resort(values, slots, store):
    for i in range(1, slots.size):
        value, slot, at = values[i], slots[i], i
        while at and _sooner(value, slot, values[at - 1], slots[at - 1], store):
            slots[at], values[at] = slots[at - 1], values[at - 1]
            at -= 1
        slots[at], values[at] = slot, value


@compiled
def _by_passage(text, grams, compared, other, bits, limits, table, found, other_table, other_found, flags,
                theirs, rows, masks, words, column):  # fmt: skip
    """The least likeness that joins, if the passage that two texts have in common is more than a share of one
    of them, says enough, and is itself alike; else 0. `masks` are those of the whole text."""
    their_table = other_table[: _table_size(other.size)]
    their_table[:] = _NONE
    _distinct(other, bits, their_table, other_found)
    _held_grams(grams, their_table, other_found, flags)
    first, last, mine, all_mine, whole = _passage(grams, flags, bits)
    _held_grams(other, table, found, flags)
    start, stop, its, all_its, whole_of_it = _passage(other, flags, bits)
    if min(mine, its) < limits.passage_bits or max(mine / whole, its / whole_of_it) < limits.passage_share:
        return np.float32(0)
    their = _telling(compared[start : stop + 1], other[start:stop], bits, limits.telling_bits, theirs)
    common = _common_sequence(rows, masks, words, column, theirs[:their])
    telling = _telling(text[first : last + 1], grams[first:last], bits, limits.telling_bits, theirs)
    if not telling + their:
        return np.float32(0)
    ratio = min(2 * common / (telling + their), 1.0)
    cosine = np.sqrt(mine / all_mine * its / all_its)
    alike = limits.alignment * ratio + (1 - limits.alignment) * cosine >= limits.join
    return np.float32(limits.join) if alike else np.float32(0)


# ---------------------------------------------------------------- placing


@DiskCached
@compiled
def place(codes, starts, signs, extras, extra_starts, numbers, first, store, bits, limits, join, placed,
          scores, exemplars, links, near):  # fmt: skip
    """Place texts from `first` on; returns the first that did not fit into the arrays, or how many there are.

    With `join` false each becomes an exemplar of its number's cluster, whatever it resembles. Fills, by text:
    placed (number, or -1: it says too little and is not held), scores (0 to 1), exemplars, links and near
    (numbers of clusters, -1 behind the last).
    """
    longest = 1
    for k in range(first, starts.size - 1):
        longest = max(longest, min(starts[k + 1] - starts[k], LONGEST))
    grams, other = np.empty(longest, np.int32), np.empty(LONGEST, np.int32)
    found, matched = np.empty(longest, np.int32), np.empty(longest, np.int64)
    keys, entries, sizes = (
        np.empty(longest, np.uint32),
        np.empty(longest, np.uint64),
        np.empty(longest, np.int64),
    )
    tables = np.empty(_table_size(longest), np.int32)
    mine, theirs = np.empty(longest, np.uint16), np.empty(LONGEST, np.uint16)
    rows = np.zeros(1 << 16, np.int16)
    masks = np.empty((longest + 1, (longest + 63) // 64), np.uint64)
    column = np.empty((longest + 63) // 64, np.uint64)
    flags = np.empty(max(longest, LONGEST), np.bool_)
    other_table, other_found = np.empty(_table_size(LONGEST), np.int32), np.empty(LONGEST, np.int32)
    touched = np.empty(_BUDGET + 1, np.int64)
    slots, values = np.empty(CANDIDATES, np.int64), np.empty(CANDIDATES, np.float32)
    for k in range(first, starts.size - 1):
        text = codes[starts[k] : min(starts[k + 1], starts[k] + LONGEST)]
        n = text.size
        _grams(text, grams)
        table = tables[: _table_size(n)]
        table[:] = _NONE
        distinct, total = _distinct(grams[:n], bits, table, found)
        many = _sorted_keys(grams[:n], bits, limits.telling_bits, keys)
        if total < limits.least_bits or not many:
            placed[k] = _NONE
            continue
        more = min(extra_starts[k + 1] - extra_starts[k], limits.indicators)
        if not _room(store, keys[: min(many, KEYS)], (n + BLOCK - 1) // BLOCK, more):
            return k
        number, score, exemplar = numbers[k], np.float32(0), True
        if join:
            known = 0
            for i in range(many):
                entry = store.keys[_look_up(store.keys, keys[i])]
                if entry != 0:
                    entries[known] = entry
                    known += 1
            for i in range(known):
                sizes[i] = _size(store, entries[i])
            known, postings = _rarer_first(entries[:known], sizes[:known], _BUDGET)
            if postings >= touched.size:
                touched = np.empty(2 * postings, np.int64)
            reached = 0
            for i in range(known):
                head = np.int64(_head(entries[i]))
                for j in range(sizes[i]):
                    slot = head ^ np.int64(_SINGLE) if head & _SINGLE else np.int64(store.pool[head + 1 + j])
                    touched[reached] = slot
                    reached += store.shared[slot] == 0
                    store.shared[slot] += 1
            kept = _best(store, touched, reached, values, slots)
            matched[:distinct] = _NONE
            for c in range(kept):
                values[c] = _cosine(store, slots[c], other, table, found, matched, bits, total)
            _resort(values[:kept], slots[:kept], store)
            telling = _telling(text, grams, bits, limits.telling_bits, mine)
            words = -1
            closest = slots[0]
            close = 0
            for c in range(kept):
                slot, cosine = slots[c], values[c]
                if cosine < limits.least_cosine:
                    break
                if words < 0:
                    words = _set_masks(mine[:telling], rows, masks)
                compared = _codes_of(store, slot)
                _grams(compared, other)
                their = _telling(compared, other, bits, limits.telling_bits, theirs)
                ratio = np.float32(0)
                if telling + their:
                    ratio = (
                        2 * _common_sequence(rows, masks, words, column, theirs[:their]) / (telling + their)
                    )
                value = np.float32(limits.alignment * ratio + (1 - limits.alignment) * cosine)
                if value < limits.join:
                    value = max(
                        value,
                        _by_passage(
                            text, grams[:n], compared, other[: compared.size], bits, limits, table, found,
                            other_table, other_found, flags, theirs, rows, masks, words, column,
                        ),
                    )  # fmt: skip
                if value > 0 and (not score or _sooner(value, slot, score, closest, store)):
                    score, closest = value, slot
                if value >= limits.join:
                    near[k, close] = store.owner[slot]
                    close += 1
            if words >= 0:
                for i in range(telling):
                    rows[mine[i]] = 0
            if score >= limits.join:
                number = store.owner[closest]
                exemplar = (
                    score < limits.further
                    and store.after[closest] < 0
                    and store.size[number] < limits.exemplars
                )
        if exemplar:
            _exemplify(store, text, keys[:many], total, number)
        carried = 0
        for x in range(extra_starts[k], extra_starts[k] + more):
            if not _hidden(signs[k], extras[x]):
                carried = _linked(store, number, extras[x], limits.common, links[k], carried)
        for x in range(extra_starts[k], extra_starts[k] + more):
            if not _hidden(signs[k], extras[x]):
                _mark(store, number, extras[x], limits.indicators)
        placed[k], scores[k], exemplars[k] = number, score, exemplar
    return starts.size - 1

"""The loops of the learned judge: cut normalised text into grams of one to three characters, and add up the
weights of those that a model knows, in machine code.

A piece is a part of a batch's text, text[begins[i]:ends[i]]. A model's table is an open-addressing hash
table: `keys` (0 is empty) and `rows`, the row of each key in `weights`.
"""

import numpy as np

from patterns.kernels import DiskCached, compiled

LONGEST_GRAM = 3
_SPACE, _FIRST_HAN, _LAST_HAN = 32, 0x4E00, 0x9FFF


@compiled
def _is_han(code):
    return _FIRST_HAN <= code <= _LAST_HAN


@compiled
def _compact(text, starts):
    """The texts without the spaces that touch a Chinese character, and the place of each character left.

    Some senders part their words by spaces, and some programs do so for them: it says nothing.
    """
    out = np.empty(text.size, np.uint32)
    places = np.empty(text.size, np.int64)
    new = np.zeros(starts.size, np.int64)
    done = 0
    for i in range(starts.size - 1):
        for at in range(starts[i], starts[i + 1]):
            if text[at] == _SPACE:
                before = at > starts[i] and _is_han(text[at - 1])
                behind = at + 1 < starts[i + 1] and _is_han(text[at + 1])
                if before or behind:
                    continue
            out[done] = text[at]
            places[done] = at
            done += 1
        new[i + 1] = done
    return out[:done], new, places[:done]


@compiled
def _key(text, at, length):
    """A 32-bit hash of text[at:at + length], never 0."""
    key = np.uint64(length)
    for i in range(at, at + length):
        key = (key ^ np.uint64(text[i])) * np.uint64(0x9E3779B97F4A7C15)
        key ^= key >> np.uint64(29)
    return np.uint32(key >> np.uint64(32)) | np.uint32(1)


@compiled
def _slot(keys, key):
    """The place of a key in the table, or of the empty slot where it belongs."""
    mask = np.uint32(keys.size - 1)
    slot = (key * np.uint32(0x9E3779B1)) >> np.uint32(7) & mask
    while keys[slot] != 0 and keys[slot] != key:
        slot = (slot + np.uint32(1)) & mask
    return slot


@compiled
def _gram_keys(text, begins, ends):
    most = 0
    for i in range(begins.size):
        most += LONGEST_GRAM * (ends[i] - begins[i])
    keys = np.empty(most, np.uint32)
    counts = np.empty(most, np.int32)
    starts = np.zeros(begins.size + 1, np.int64)
    done = 0
    for i in range(begins.size):
        some = np.empty(LONGEST_GRAM * (ends[i] - begins[i]), np.uint32)
        found = 0
        for length in range(1, LONGEST_GRAM + 1):
            for at in range(begins[i], ends[i] - length + 1):
                some[found] = _key(text, at, length)
                found += 1
        some[:found].sort()
        for n in range(found):
            if n > 0 and some[n] == some[n - 1]:
                counts[done - 1] += 1
            else:
                keys[done] = some[n]
                counts[done] = 1
                done += 1
        starts[i + 1] = done
    return keys[:done], counts[:done], starts


@compiled
def _fill(keys, rows, known):
    for row in range(known.size):
        slot = _slot(keys, known[row])
        keys[slot] = known[row]
        rows[slot] = row


@compiled
def _scores(text, begins, ends, keys, rows, rarity, weights, damping):
    heads = weights.shape[1]
    out = np.zeros((begins.size, heads), np.float32)
    counts = np.zeros(rarity.size, np.int32)
    met = np.empty(LONGEST_GRAM * np.max(ends - begins) if begins.size else 0, np.int32)
    for i in range(begins.size):
        found = 0
        for length in range(1, LONGEST_GRAM + 1):
            for at in range(begins[i], ends[i] - length + 1):
                slot = _slot(keys, _key(text, at, length))
                if keys[slot] != 0:
                    row = rows[slot]
                    if counts[row] == 0:
                        met[found] = row
                        found += 1
                    counts[row] += 1
        total = np.float32(damping)
        sums = out[i]
        for n in range(found):
            row = met[n]
            value = (np.float32(1) + np.float32(np.log(counts[row]))) * rarity[row]
            counts[row] = 0
            total += value * value
            own = weights[row]
            for head in range(heads):
                sums[head] += value * own[head]
        by = np.float32(1) / np.sqrt(total)
        for head in range(heads):
            sums[head] *= by
    return out


@compiled
def _contributions(text, begin, end, keys, rows, rarity, column):
    """How much each character of a piece adds to one head, unscaled: each gram's share for its characters."""
    out = np.zeros(end - begin, np.float32)
    for length in range(1, LONGEST_GRAM + 1):
        for at in range(begin, end - length + 1):
            slot = _slot(keys, _key(text, at, length))
            if keys[slot] != 0:
                row = rows[slot]
                share = rarity[row] * column[row] / length
                for i in range(at, at + length):
                    out[i - begin] += share
    return out


compact = DiskCached(_compact)
gram_keys = DiskCached(_gram_keys)
fill = DiskCached(_fill)
scores = DiskCached(_scores)
contributions = DiskCached(_contributions)

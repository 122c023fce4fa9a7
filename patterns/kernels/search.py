"""The loops over grams: cut folded codes into grams, build postings, and find each message's best pattern,
in machine code.

A gram is a hash of two folded codes, of three letters in Latin text; `heads` and `slots` are postings: the
patterns that hold gram g are slots[heads[g]:heads[g + 1]].
"""

import numpy as np

from patterns.characters.compiled_tables import GAP, LINK, NUMBER
from patterns.kernels import DiskCached, compiled

BITS = 20
BUCKETS = 1 << BITS
"""Grams are hashed into so many buckets; at 100,000 patterns a fourth of them are taken."""

SMOOTHING_BITS = 25.0
"""Information a pattern lacks before it is trusted: a few words are easily shared."""
MISSING = 0.35
"""Price of a message's bit that the pattern lacks, against one that it has: bounds the span that is
compared."""
ABSENT, MOST_ABSENT = 0.5, 1.8
"""Price of a pattern's bit that the message lacks, when patterns are ranked; for at most so many bits for
each one that it has, so that a short piece of a long pattern is still that pattern's."""
WHOLE_LIFT = 0.15
"""How much better a pattern ranks that is there as a whole."""
BEST = 8
"""Patterns that are compared with a message, the best by rank."""
LIKENESS_BITS = 0.5
"""What each point of whole-message likeness (0 to 100) adds to the rank by which `matching` chooses among
those."""
_NO_ROW = -1e9
_LEAST_BITS = 14.0
"""With less in common there is nothing to look at."""
_ROUNDING = 0.01
"""Bits by which sums in another order may differ."""
_HOPELESS = 20.0
"""Of patterns that cannot score more, only the first is compared."""
DRESSED_LIFT, SHARED_LIFT = 10.0, 10.0
"""Points for a message in full disguise (short honest texts wear none), and for a link, account or hidden
sign of the pattern's own."""
HOOK_LIFT, NO_HOOK = 5.0, 10.0
"""Points for a link or account where the pattern has one, and off if it has one and a message with an end
has none, for the share of the message that is not the pattern's."""
_FULL_DRESS, _CODES_A_SIGN, _FULL_SHARED = 4.0, 25.0, 16.0
"""Signs of a full disguise, in a long message one for so many codes; bits of shared links for the whole
lift."""
_CUT = 3
"""A message that goes on for at most so many grams behind the compared span may be a forward that was cut
off."""


# ---------------------------------------------------------------- grams


@compiled
def _bucket(key):
    return np.uint32((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - BITS))


@compiled
def _latin(code):
    return 97 <= code <= 122 or code == 32


@compiled
def _one_mark(code):
    """Links, accounts and numbers are one thing here: senders change one for the other."""
    return np.uint64(LINK) if LINK <= code <= NUMBER else np.uint64(code)


@compiled
def _grams(codes, out):
    """The gram that begins at each folded code, as a bucket; -1 for none. Trigrams of Latin text, else
    bigrams."""
    n = codes.size
    for i in range(n):
        out[i] = -1
        if i + 1 >= n or codes[i] == GAP or codes[i + 1] == GAP:
            continue
        a, b = _one_mark(codes[i]), _one_mark(codes[i + 1])
        if _latin(a) and _latin(b):
            if i + 2 < n and _latin(codes[i + 2]):
                out[i] = _bucket((a << np.uint64(32)) | (b << np.uint64(16)) | np.uint64(codes[i + 2]))
                continue
            if i and _latin(codes[i - 1]):
                if i + 2 >= n:
                    continue
        out[i] = _bucket((a << np.uint64(16)) | b)


@DiskCached
@compiled
def distinct(codes, starts, out, ends):
    """The distinct grams of every text, ascending; returns how many in all."""
    done = 0
    longest = 0
    for k in range(starts.size - 1):
        longest = max(longest, starts[k + 1] - starts[k])
    row = np.empty(longest, np.int32)
    for k in range(starts.size - 1):
        n = starts[k + 1] - starts[k]
        _grams(codes[starts[k] : starts[k + 1]], row[:n])
        row[:n].sort()
        last = -1
        for i in range(n):
            if row[i] != last and row[i] >= 0:
                last = row[i]
                out[done] = last
                done += 1
        ends[k + 1] = done
    return done


# ---------------------------------------------------------------- building


@DiskCached
@compiled
def count(grams, weights, starts, out):
    for k in range(starts.size - 1):
        for i in range(starts[k], starts[k + 1]):
            out[grams[i]] += weights[k]


@DiskCached
@compiled
def totals(grams, starts, bits, out):
    for k in range(starts.size - 1):
        total = np.float32(0)
        for i in range(starts[k], starts[k + 1]):
            total += bits[grams[i]]
        out[k] = total


@DiskCached
@compiled
def postings(grams, starts, first, alive, heads, slots):
    """Patterns from `first` on by gram: those of gram g are slots[heads[g]:heads[g + 1]]."""
    for k in range(first, starts.size - 1):
        if alive[k]:
            for i in range(starts[k], starts[k + 1]):
                heads[grams[i] + 1] += 1
    for g in range(heads.size - 1):
        heads[g + 1] += heads[g]
    at = heads[:-1].copy()
    for k in range(first, starts.size - 1):
        if alive[k]:
            for i in range(starts[k], starts[k + 1]):
                slots[at[grams[i]]] = k
                at[grams[i]] += 1


# ---------------------------------------------------------------- searching


@compiled
def _look_up(table, keys, key, mask):
    """Place of `key` in an open-addressing table of indices into `keys`, or the free place for it."""
    place = (key * 40503) & mask
    while table[place] >= 0 and keys[table[place]] != key:
        place = (place + 1) & mask
    return place


@compiled
def _before(value, tie, other, other_tie):
    """Whether the one comes before the other: by value, of equal ones by tie."""
    return value > other or (value == other and tie < other_tie)


@compiled
def _offer(slots, values, ties, count, slot, value):
    """Keep `slot` if it is among the best by value; returns how many are kept."""
    value, tie = np.float32(value), ties[slot]
    if count == slots.size and not _before(value, tie, values[count - 1], ties[slots[count - 1]]):
        return count
    at = count if count < slots.size else count - 1
    while at and _before(value, tie, values[at - 1], ties[slots[at - 1]]):
        if at < slots.size:
            slots[at], values[at] = slots[at - 1], values[at - 1]
        at -= 1
    slots[at], values[at] = slot, value
    return min(count + 1, slots.size)


@compiled
def _raise(slots, values, ties, count, slot, value):
    """As `_offer`, for a slot that may be among the best already, with a lower value."""
    for c in range(count):
        if slots[c] == slot:
            for d in range(c, count - 1):
                slots[d], values[d] = slots[d + 1], values[d + 1]
            count -= 1
            break
    return _offer(slots, values, ties, count, slot, value)


@compiled
def _rarer_first(grams, held_by, budget):
    """Put the grams first that the budget of postings allows, the rarer before the commoner (by powers of
    four of how many patterns hold them); returns how many they are."""
    most, limit, spent = np.int64(1), np.int64(0), np.int64(0)
    while spent <= budget:
        limit = most
        most *= 4
        spent = np.int64(0)
        for count in held_by:
            spent += count if count <= most else 0
    kept = 0
    for i in range(grams.size):
        if held_by[i] <= limit:
            grams[kept], grams[i] = grams[i], grams[kept]
            kept += 1
    return kept


@compiled
def _gather(grams, bits, heads, slots, begins, acc, touched, count):
    """Add up the shared bits by pattern; returns how many patterns were touched so far.

    All lists are looked up before any is read: the misses then overlap.
    """
    if not slots.size:
        return count
    warm = np.uint32(0)
    for k in range(grams.size):
        begins[k] = heads[grams[k]]
    for k in range(grams.size):
        warm ^= slots[min(begins[k], slots.size - 1)]
    for k in range(grams.size):
        weight = bits[grams[k]]
        for i in range(begins[k], heads[grams[k] + 1]):
            slot = slots[i]
            touched[count] = slot
            count += acc[slot] == 0
            acc[slot] += weight
    return count if warm != np.uint32(0xFFFFFFFF) else count + 0


@compiled
def _span(sequence, place_of, matched, bits):
    """(first, behind last) gram of the stretch with the most shared bits, less the price of foreign ones."""
    best = current = np.float32(0)
    start = first = last = 0
    for i in range(sequence.size):
        gram = sequence[i]
        if gram < 0:
            continue
        if current <= 0:
            current, start = np.float32(0), i
        current += bits[gram] if matched[place_of[i]] else -np.float32(MISSING) * bits[gram]
        if current > best:
            best, first, last = current, start, i + 1
    return first, last


@compiled
def _rank(bits, total):
    """What patterns are ranked by: shared bits less the price of absent ones, a little more for a whole
    pattern."""
    absent = min(total - bits, np.float32(MOST_ABSENT) * bits)
    return (bits - np.float32(ABSENT) * absent) * (1 + np.float32(WHOLE_LIFT) * bits / total)


@compiled
def _dress(signs):
    """How much the raw characters look like a disguise, in signs that honest senders do not use."""
    mixed = signs[4] if signs[4] * 2 < signs[0] + 1 else 0
    return signs[1] + signs[2] + signs[3] + mixed


@compiled
def _mark(ix, slot, table, found, matched, value):
    """Mark which of the message's grams a pattern holds, or take the marks off."""
    for i in range(ix.starts[slot], ix.starts[slot + 1]):
        place = _look_up(table, found, ix.grams[i], table.size - 1)
        if table[place] >= 0:
            matched[table[place]] = value


@compiled
def _insert(slots, rows, ties, count, slot, row):
    """Put a row among the first `count`, in order of rank (their first column), of equal ones by tie."""
    at = count
    while at and _before(row[0], ties[slot], rows[at - 1, 0], ties[slots[at - 1]]):
        slots[at], rows[at] = slots[at - 1], rows[at - 1]
        at -= 1
    slots[at], rows[at] = slot, row


@DiskCached
@compiled
def search(codes, starts, signs, extras, extra_starts, ix, budget):
    """The best patterns of every message, by rank: slots (-1: none) and, a row each, rank, score, shared
    bits, shared links, span and what is behind. At most `budget` postings are added up for a message: its
    commonest grams are left out beyond."""
    count = starts.size - 1
    best_slots = np.full((count, BEST), -1, np.int32)
    best = np.zeros((count, BEST, 7), np.float32)
    row = np.empty(7, np.float32)
    longest = 1
    for k in range(count):
        longest = max(longest, starts[k + 1] - starts[k])
    size = 64
    while size < 3 * longest:
        size *= 2
    sequence, place_of = np.empty(longest, np.int32), np.empty(longest, np.int32)
    found, matched = np.empty(longest, np.int32), np.zeros(longest, np.bool_)
    held_grams, held_by = np.empty(longest, np.int32), np.empty(longest, np.int32)
    begins = np.empty(longest, np.int32)
    tables = np.full(size, -1, np.int32)
    held = ix.totals.size
    acc, touched, shared = (
        np.zeros(held, np.float32),
        np.empty(held + 1, np.uint32),
        np.zeros(held, np.float32),
    )
    candidates, bounds = np.empty(BEST, np.int32), np.empty(BEST, np.float32)
    for k in range(count):
        n = starts[k + 1] - starts[k]
        small = 64
        while small < 3 * n:
            small *= 2
        table = tables[:small]
        table[:] = -1
        _grams(codes[starts[k] : starts[k + 1]], sequence[:n])
        distinct = 0
        for i in range(n):
            gram = sequence[i]
            if gram < 0:
                continue
            place = _look_up(table, found, gram, small - 1)
            if table[place] < 0:
                table[place] = distinct
                found[distinct] = gram
                distinct += 1
            place_of[i] = table[place]
        whole = np.float32(SMOOTHING_BITS)
        for i in range(distinct):
            whole += ix.bits[found[i]]
        known = postings = 0
        for i in range(distinct):
            count_held = ix.df[found[i]]
            if count_held > 0:
                held_grams[known], held_by[known] = found[i], count_held
                known += 1
                postings += count_held
        skipped = np.float32(0)
        if postings > budget:
            every = known
            known = _rarer_first(held_grams[:every], held_by[:every], budget)
            for i in range(known, every):
                skipped += ix.bits[held_grams[i]]
        reached = _gather(held_grams[:known], ix.bits, ix.heads, ix.slots, begins, acc, touched, 0)
        if ix.tail_slots.size:
            reached = _gather(
                held_grams[:known], ix.bits, ix.tail_heads, ix.tail_slots, begins, acc, touched, reached
            )
        kept, least = 0, np.float32(_LEAST_BITS)
        for i in range(reached):
            if acc[touched[i]] >= least and ix.totals[touched[i]] < np.inf:
                slot = touched[i]
                kept = _offer(candidates, bounds, ix.ties, kept, slot, _rank(acc[slot], ix.totals[slot]))
                if kept == BEST:
                    least = max(least, bounds[kept - 1] / np.float32(1 + WHOLE_LIFT) - np.float32(_ROUNDING))
        for x in range(extra_starts[k], extra_starts[k + 1]):
            gram = extras[x]
            for i in range(ix.extra_heads[gram], ix.extra_heads[gram + 1]):
                shared[ix.extra_slots[i]] += ix.extra_bits[gram]
        for x in range(extra_starts[k], extra_starts[k + 1]):
            gram = extras[x]
            for i in range(ix.extra_heads[gram], ix.extra_heads[gram + 1]):
                slot = ix.extra_slots[i]
                if acc[slot] >= _LEAST_BITS:
                    kept = _raise(
                        candidates,
                        bounds,
                        ix.ties,
                        kept,
                        slot,
                        _rank(acc[slot], ix.totals[slot]) + 2 * min(shared[slot], np.float32(_FULL_SHARED)),
                    )
        full = max(_FULL_DRESS, n / _CODES_A_SIGN)
        dress = min(_dress(signs[k]), full) / full
        hooked = signs[k, 5] + signs[k, 6] > 0
        lift = np.float32(DRESSED_LIFT * dress + (HOOK_LIFT if hooked else 0))
        top, ranked = np.float32(_NO_ROW), 0
        for c in range(kept):
            slot = candidates[c]
            if bounds[c] + 2 * skipped < top - np.float32(100 * LIKENESS_BITS) - _ROUNDING:
                break
            hopeful = (
                100 * (acc[slot] + skipped) / (ix.totals[slot] + np.float32(SMOOTHING_BITS))
                + lift
                + shared[slot]
            )
            if c and hopeful < _HOPELESS:
                continue
            _mark(ix, slot, table, found, matched, True)
            first, last = _span(sequence[:n], place_of, matched, ix.bits)
            bits = np.float32(0)
            for i in range(first, last):
                if sequence[i] >= 0 and matched[place_of[i]]:
                    bits += ix.bits[sequence[i]]
                    matched[place_of[i]] = False
            _mark(ix, slot, table, found, matched, False)
            total = ix.totals[slot]
            score = 100 * bits / (total + np.float32(SMOOTHING_BITS)) + DRESSED_LIFT * dress
            score += SHARED_LIFT * min(shared[slot], np.float32(_FULL_SHARED)) / _FULL_SHARED
            if ix.hooked[slot]:
                if hooked:
                    score += HOOK_LIFT
                elif n - last > _CUT:
                    score -= NO_HOOK * (1 - bits / whole)
            row[0] = _rank(bits, total) + 2 * min(shared[slot], np.float32(_FULL_SHARED))
            row[1] = min(max(score, 0.0), 100.0)
            row[2], row[3], row[4], row[5], row[6] = bits, shared[slot], first, last, n - last
            top = max(top, row[0])
            _insert(best_slots[k], best[k], ix.ties, ranked, slot, row)
            ranked += 1
        for i in range(reached):
            acc[touched[i]] = 0
        for x in range(extra_starts[k], extra_starts[k + 1]):
            gram = extras[x]
            for i in range(ix.extra_heads[gram], ix.extra_heads[gram + 1]):
                shared[ix.extra_slots[i]] = 0
    return best_slots, best

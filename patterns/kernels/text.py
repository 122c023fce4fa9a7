"""The loops over characters: normalise and fold a batch of texts, in machine code.

Positions are of one text: `buf` its characters, `off` their raw indices, `n` how many; each step works in
place and returns the new length. Long, since compiled functions call only those of their own module (see
`compiled`).
"""

import numpy as np

from patterns.characters.compiled_tables import (  # fmt: skip
    DIGIT,
    HAN,
    HAN_DIGIT,
    HANDLE,
    HIDDEN,
    JOINS,
    LETTER,
    LINK,
    NUMBER,
    ORNAMENT,
    PRINTABLE,
    TABLED,
    WATCHED,
    word_number,
)
from patterns.kernels import DiskCached, compiled

SIGNS = 9
"""Columns of the signs: raw characters by `characters` dress (HIDDEN to TRADITIONAL in 1 to 4), Han in 0,
links in 5, accounts and long numbers in 6, the first two kinds of invisible characters in 7 and 8."""

LONGEST = 10_000
"""Characters of a normalised text at most: as many as a report may have. One character may stand for
eighteen, so a short text could become one that holds up all others; what is behind is not read."""
_LONGEST_NUMBER = 19
_WECHAT, _WEIXIN = word_number("wechat"), word_number("weixin")
_JIA, _WEI, _XIN, _KA, _YIN, _HANG = map(ord, "加微信咖银行")
_LIKE_WEI, _LIKE_XIN = tuple(map(ord, "威薇徽溦葳崴嶶维v")), tuple(map(ord, "信芯伈"))
_KOU, _QIU, _BEHIND_KA = (
    tuple(map(ord, "扣抠蔻叩筘")),
    tuple(map(ord, "扣叩邱秋球")),
    tuple(map(ord, "啡喱位")),
)
_HANG_SOUND = ord("航")
"""How 行 sounds behind 银."""
_DOTS, _ANY_DOT, _STOP = tuple(map(ord, "。点丶")), tuple(map(ord, ".。丶")), ord("。")
_ROUNDS = 6
"""One change may open the way for another (a closed number makes 扣 an account): until nothing changes."""
_LEAST_NAME = (4, 6)
"""A link's name and an account with fewer characters tell too little."""
_LONGEST_LABEL = 63
_MOST_STOPS = 20
"""So many Chinese stops one after the other that end no link, and the next ones are not tried."""
_ACCOUNT_DIGITS = 6
"""A number of at least so many digits in a row is an account, a phone or a card, not an amount or a date."""


# ---------------------------------------------------------------- characters and numbers


@compiled
def _find(values, wanted):
    low = np.searchsorted(values, wanted)
    return low if low < values.size and values[low] == wanted else -1


@compiled
def _room(raw, single, several, several_start):
    """How many characters the plain forms of `raw` have; if they are too many, a few more than are read."""
    total = 0
    for code in raw:
        if total > LONGEST:
            break
        if code >= TABLED:
            total += 1
        elif single[code] == 1:
            place = np.searchsorted(several, code)
            total += several_start[place + 1] - several_start[place]
        elif single[code]:
            total += 1
    return total


@compiled
def _join(buf, off, n, char, at, halves, wholes):
    """Append a character behind the first half of a split one; a whole may be a half again (亻禾刂). Returns
    the new length."""
    buf[n], off[n] = char, at
    while n:
        pair = _find(halves, (np.int64(buf[n - 1]) << 32) | np.int64(buf[n]))
        if pair < 0:
            break
        n -= 1
        buf[n] = wholes[pair]
    return n + 1


@compiled
def _overflows(code, n, chars):
    """Whether the plain form of a character has no room behind n characters."""
    if code >= TABLED or chars.single[code] != 1:
        return False
    place = np.searchsorted(chars.several, code)
    return n + chars.several_start[place + 1] - chars.several_start[place] > LONGEST


@compiled
def _plain(raw, buf, off, signs, chars):
    """Each character's plain form, split ones joined; counts the dress of the raw characters in `signs`.
    Returns the length, and how many raw characters were read."""
    single, care = chars.single, chars.care
    n = han = 0
    behind_half = False
    for at in range(raw.size):
        code = raw[at]
        if n >= LONGEST or (n and _overflows(code, n, chars)):
            signs[0] = han
            return n, at
        if code < TABLED and not care[code] and not behind_half:
            form = single[code]
            buf[n], off[n] = form, at
            n += 1
            han += 0x4E00 <= form < 0xA000
            continue
        if code >= TABLED:
            if code < 0xE0000:
                behind_half = False
                buf[n], off[n] = code, at
                n += 1
            continue
        dress = chars.dress[code]
        if dress:
            signs[dress] += 1
            if dress == HIDDEN and signs[7] != code and not signs[8]:
                signs[8 if signs[7] else 7] = code
        form = single[code]
        if form == 1:
            place = np.searchsorted(chars.several, code)
            for k in range(chars.several_start[place], chars.several_start[place + 1]):
                buf[n], off[n] = chars.several_text[k], at
                n += 1
        elif form:
            han += 0x4E00 <= form < 0xA000
            if behind_half:
                n = _join(buf, off, n, form, at, chars.halves, chars.wholes)
            else:
                buf[n], off[n] = form, at
                n += 1
        behind_half = n > 0 and buf[n - 1] < TABLED and chars.half[buf[n - 1]]
    signs[0] = han
    return n, raw.size


@compiled
def _kind(buf, n, at, kinds):
    return kinds[buf[at]] if 0 <= at < n and buf[at] < TABLED else 0


@compiled
def _word_end(buf, n, at):
    while at < n and 97 <= buf[at] <= 122:
        at += 1
    return at


@compiled
def _is_end_of_link(buf, n, at, tlds):
    """Whether the letters from `at` on are a known end of a link."""
    end = _word_end(buf, n, at)
    if end - at < 2 or end - at > 7:
        return False
    number = np.int64(0)
    for k in range(at, end):
        number = number * 27 + np.int64(buf[k]) - 96
    return _find(tlds, number) >= 0


@compiled
def _long_number(buf, n, at, kinds):
    """Whether five digits or more follow, behind a colon or space at most."""
    k = at
    while k < n and k < at + 2 and buf[k] in (32, 46, 58):
        k += 1
    end = k
    while end < k + 5 and _kind(buf, n, end, kinds) & DIGIT:
        end += 1
    return end == k + 5


@compiled
def _ends_as_link(buf, n, at, kinds, tlds):
    """Whether the labels from `at` on, joined by dots of any kind, end as a link does; of seven labels at
    most."""
    end = _label_end(buf, n, at, kinds)
    for _ in range(6):
        if end >= n or buf[end] not in _ANY_DOT or not _kind(buf, n, end + 1, kinds) & (LETTER | DIGIT):
            break
        at = end + 1
        end = _label_end(buf, n, at, kinds)
    return _is_end_of_link(buf, n, at, tlds)


@compiled
def _in_host(buf, n, at, end, kinds, tlds):
    """Whether the word at `at` is a label of a link's host (weixin.qq.com, u.wechat.com)."""
    if at > 1 and buf[at - 1] == 46 and _kind(buf, n, at - 2, kinds) & (LETTER | DIGIT):
        return True
    return end < n and buf[end] in _ANY_DOT and _ends_as_link(buf, n, at, kinds, tlds)


@compiled
def _alias(buf, n, at, kinds, tlds):
    """(length, 1 for WeChat, 2 for QQ) of another name for them at `at`, else (0, 0)."""
    a = buf[at]
    b = buf[at + 1] if at + 1 < n else np.uint32(0)
    if b in _LIKE_XIN:
        if a == _WEI or (b == _XIN and a in _LIKE_WEI):
            return 2, 1
    if a == _WEI and b == 120 and not _kind(buf, n, at + 2, kinds) & LETTER:  # 微x
        return 2, 1
    if (a == 47 or a == 92) and b == _XIN:  # /信
        return 2, 1
    if (a == 118 or a == 119) and not _kind(buf, n, at - 1, kinds) & (LETTER | DIGIT):  # vx wx weixin wechat
        end = _word_end(buf, n, at)
        if _in_host(buf, n, at, end, kinds, tlds):
            return 0, 0
        if end - at == 2 and buf[at + 1] == 120:
            return 2, 1
        if end - at == 6 and buf[at + 1] == 101:
            word = np.int64(0)
            for k in range(at, end):
                word = word * 27 + np.int64(buf[k]) - 96
            if word == _WECHAT or word == _WEIXIN:
                return 6, 1
    if a == b and a in _KOU:
        return 2, 2
    if a in _QIU and _long_number(buf, n, at + 1, kinds):  # 扣12345
        return 1, 2
    return 0, 0


@compiled
def _is_an_invitation(buf, n, at, kinds):
    """Whether a "+" says 加: before Han or the short name of an account (+.我, +v), and behind no letter or
    digit."""
    if _kind(buf, n, at - 1, kinds) & (LETTER | DIGIT):
        return False
    k = at + 1
    while k < n and k < at + 3 and buf[k] in (32, 46, 58):
        k += 1
    if _kind(buf, n, k, kinds) & HAN:
        return buf[k] != _JIA
    end = _word_end(buf, n, k)
    return 0 < end - k <= 2 and buf[k] in (113, 118, 119)  # q v w


@compiled
def _words(buf, off, n, chars):
    """Other names for WeChat and QQ, Chinese dots in links, letters for digits; in place, returns the length
    and how much was changed."""
    kinds = chars.kind
    w = r = changed = tried = last = 0
    while r < n:
        if not (buf[r] < TABLED and kinds[buf[r]] & WATCHED):
            if w != r:
                buf[w], off[w] = buf[r], off[r]
            w += 1
            r += 1
            continue
        length, which = _alias(buf, n, r, kinds, chars.tlds)
        if length == 1:
            changed += 1
            buf[w], off[w] = 113, off[r]
        elif length:
            first, second = (_WEI, _XIN) if which == 1 else (113, 113)
            changed += length != 2 or buf[r] != first or buf[r + 1] != second
            buf[w], buf[w + 1] = first, second
            off[w], off[w + 1] = off[r], off[r + 1]
        if length:
            w += min(length, 2)
            r += length
            continue
        char = buf[r]
        if char == 43 and _is_an_invitation(buf, n, r, kinds):
            char = np.uint32(_JIA)
        if char == _KA and not (r + 1 < n and buf[r + 1] in _BEHIND_KA):
            char = np.uint32(_JIA)
        before = kinds[buf[w - 1]] if w and buf[w - 1] < TABLED else 0
        if char in _DOTS:
            if before & (DIGIT | LETTER | HAN_DIGIT):
                tried = tried + 1 if r - last <= _LONGEST_LABEL else 0
                last = r
                if _is_end_of_link(buf, n, r + 1, chars.plain_tlds) or (
                    char == _STOP
                    and tried < _MOST_STOPS
                    and _ends_as_link(buf, n, r + 1, kinds, chars.plain_tlds)
                ):
                    char, tried = np.uint32(46), 0
        elif (char == 111 or char == 108) and before & DIGIT:  # 5oo, 1l0
            end = r
            while end < n and (buf[end] in (111, 108) or 48 <= buf[end] <= 57):
                end += 1
            meant = not _kind(buf, n, end, kinds) & LETTER and _all_digits_before(buf, w, kinds)
            changed += meant
            while r < end:
                char = buf[r]
                if meant and char >= 97:
                    char = np.uint32(48 if char == 111 else 49)
                buf[w], off[w] = char, off[r]
                w += 1
                r += 1
            continue
        changed += buf[r] != char
        buf[w], off[w] = char, off[r]
        w += 1
        r += 1
    return w, changed


@compiled
def _all_digits_before(buf, w, kinds):
    """Whether the run of letters and digits that ends before `w` is digits only."""
    at = w - 1
    while at >= 0 and buf[at] < TABLED and kinds[buf[at]] & DIGIT:
        at -= 1
    return at < 0 or not (buf[at] < TABLED and kinds[buf[at]] & LETTER)


@compiled
def luhn(digits, first, last):
    total = 0
    for n in range(last - first):
        value = np.int64(digits[last - 1 - n])
        if n % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


@compiled
def _closing(digits, groups, count, i):
    """Index behind the last of the digit groups that with group i make one number, or i for none.

    A phone of 11 digits; a card in groups of four that passes Luhn; seven or more single digits; or group i
    alone if it has seven. All groups are tried, so that closing twice changes nothing.
    """
    best, fours = i, True
    for j in range(i, min(count, i + _LONGEST_NUMBER)):
        size = groups[j + 1] - groups[j]
        if size > 8 and j > i:
            break
        joined = groups[j + 1] - groups[i]
        if joined > _LONGEST_NUMBER:
            break
        if joined == 11 and digits[groups[i]] == 1 and digits[groups[i] + 1] > 2:
            return j + 1
        if fours and j - i >= 3 and size <= 7 and luhn(digits, groups[i], groups[j + 1]):
            best = j + 1
        fours = fours and size == 4
    if best > i:
        return best
    j = i
    while j < count and groups[j + 1] - groups[j] == 1 and j - i < _LONGEST_NUMBER:
        j += 1
    if j - i >= 7:
        return j
    return i + 1 if groups[i + 1] - groups[i] >= 7 else i


@compiled
def _numbers(buf, off, n, kinds, values, digits, places, groups):
    """Close up numbers that are spelled in Han digits or pulled apart; in place, returns the length and how
    much was changed."""
    w = r = changed = 0
    while r < n:
        if not (buf[r] < TABLED and kinds[buf[r]] & (DIGIT | HAN_DIGIT)):
            if w != r:
                buf[w], off[w] = buf[r], off[r]
            w += 1
            r += 1
            continue
        total = count = 0
        at = r
        while True:
            groups[count] = total
            count += 1
            while _kind(buf, n, at, kinds) & (DIGIT | HAN_DIGIT):
                digits[total], places[total] = values[buf[at]], at
                total += 1
                at += 1
            gap = at
            while gap < at + 2 and _kind(buf, n, gap, kinds) & JOINS:
                gap += 1
            if gap == at or not _kind(buf, n, gap, kinds) & (DIGIT | HAN_DIGIT):
                break
            at = gap
        groups[count] = total
        i = 0
        while i < count:
            j = _closing(digits, groups, count, i)
            if j > i:
                for k in range(groups[i], groups[j]):
                    changed += (
                        buf[places[k]] != 48 + digits[k] or places[k] - places[groups[i]] != k - groups[i]
                    )
                    buf[w], off[w] = 48 + digits[k], off[places[k]]
                    w += 1
            last = max(j, i + 1)
            start = places[groups[i]] if j == i else places[groups[last] - 1] + 1
            stop = places[groups[last]] if last < count else at
            for k in range(start, stop):
                buf[w], off[w] = buf[k], off[k]
                w += 1
            i = last
        r = at
    return w, changed


@DiskCached
@compiled
def normalise_batch(raw, starts, chars):
    count = starts.size - 1
    room = longest = 0
    for k in range(count):
        needed = _room(raw[starts[k] : starts[k + 1]], chars.single, chars.several, chars.several_start)
        room += needed
        longest = max(longest, needed)
    text = np.empty(room, np.uint32)
    offsets = np.empty(room, np.int32)
    ends = np.zeros(count + 1, np.int64)
    read = np.zeros(count, np.int32)
    signs = np.zeros((count, SIGNS), np.int32)
    digits = np.empty(longest + 1, np.uint8)
    places = np.empty(longest + 1, np.int32)
    groups = np.empty(longest + 2, np.int32)
    done = 0
    for k in range(count):
        buf, off = text[done:], offsets[done:]
        n, read[k] = _plain(raw[starts[k] : starts[k + 1]], buf, off, signs[k], chars)
        for _ in range(_ROUNDS):
            n, changed = _words(buf, off, n, chars)
            n, closed = _numbers(buf, off, n, chars.kind, chars.digit, digits, places, groups)
            if not changed and not closed:
                break
        done += n
        ends[k + 1] = done
    return text[:done], offsets[:done], ends, signs, read


# ---------------------------------------------------------------- folding


@compiled
def _label_end(buf, n, at, kinds):
    """End of a run of letters, digits, "-" and "_" (not at its end), no longer than a label of a host."""
    end = last = at
    while end < min(n, at + _LONGEST_LABEL):
        if _kind(buf, n, end, kinds) & (LETTER | DIGIT):
            last = end + 1
        elif buf[end] != 45 and buf[end] != 95:
            break
        end += 1
    return last


@compiled
def _printable_end(buf, n, at, kinds):
    while at < n and kinds[min(buf[at], TABLED - 1)] & PRINTABLE:
        at += 1
    return at


@compiled
def _number_end(buf, n, at, kinds):
    """End of a number with inner . , : - / and a %."""
    while True:
        while _kind(buf, n, at, kinds) & DIGIT:
            at += 1
        if at + 1 < n and buf[at] in (46, 44, 58, 45, 47) and _kind(buf, n, at + 1, kinds) & DIGIT:
            at += 1
            continue
        break
    return at + 1 if at < n and buf[at] == 37 else at


@compiled
def _run_end(buf, n, at, kinds):
    """End of a run of letters, digits, "-" and "_", of whatever length."""
    while at < n and (_kind(buf, n, at, kinds) & (LETTER | DIGIT) or buf[at] == 45 or buf[at] == 95):
        at += 1
    return at


@compiled
def _digit_from(buf, n, at, stop, kinds):
    """The first digit from `at` on, before `stop`; else `stop`."""
    while at < stop and not _kind(buf, n, at, kinds) & DIGIT:
        at += 1
    return at


@compiled
def _token(buf, n, at, run, digit, kinds, tlds):
    """(end, mark) of the token that starts at a letter or digit; mark 0: a word of letters. `run`: where the
    run of letters, digits, "-" and "_" ends; `digit`: its first digit from `at` on, or its end."""
    end = min(run, at + _LONGEST_LABEL)
    while buf[end - 1] == 45 or buf[end - 1] == 95:
        end -= 1
    if (
        end - at == 3
        and buf[at] == 119
        and buf[at + 1] == 119
        and buf[at + 2] == 119
        and end < n
        and buf[end] == 46
    ):
        return _printable_end(buf, n, at, kinds), LINK
    if end + 2 < n and buf[end] == 58 and buf[end + 1] == 47 and buf[end + 2] == 47:
        return _printable_end(buf, n, at, kinds), LINK
    dots, last = 0, at
    digits = digit < end
    letters = not _kind(buf, n, at, kinds) & DIGIT
    for k in range(at, end):
        if letters:
            break
        letters = _kind(buf, n, k, kinds) & LETTER != 0
    stop = end
    while True:
        for k in range(last if dots else stop, stop):
            kind = _kind(buf, n, k, kinds)
            letters = letters or kind & LETTER != 0
            digits = digits or kind & DIGIT != 0
        after = stop
        if after < n and buf[after] == 46:
            after += 1
        elif after + 2 < n and buf[after] == 91 and buf[after + 1] == 46 and buf[after + 2] == 93:
            after += 3
        if after == stop or not _kind(buf, n, after, kinds) & (LETTER | DIGIT):
            break
        dots += 1
        last = after
        stop = _label_end(buf, n, after, kinds)
    slash = stop < n and buf[stop] == 47
    if dots == 3 and not letters and stop < n and buf[stop] in (47, 58):  # 10.0.0.1/a
        return _printable_end(buf, n, stop, kinds), LINK
    if dots and letters and (digits or slash or dots > 1 or _is_end_of_link(buf, n, last, tlds)):
        more = stop < n and buf[stop] in (47, 63, 58)
        return (_printable_end(buf, n, stop, kinds) if more else stop), LINK
    if 48 <= buf[at] <= 57:
        stop = _number_end(buf, n, at, kinds)
        if not _kind(buf, n, stop, kinds) & LETTER:
            run = 0
            for k in range(at, stop):
                run = run + 1 if _kind(buf, n, k, kinds) & DIGIT else 0
                if run >= _ACCOUNT_DIGITS:
                    return stop, HANDLE
            return stop, NUMBER
    if digit < end:
        return end, HANDLE
    return _word_end(buf, n, at), 0


@compiled
def _emit(out, pos, m, code, at):
    """Append a folded code; of marks and spaces in a row the first mark stays. Returns the new length."""
    if code == 32:
        if m and (97 <= out[m - 1] <= 122):
            out[m], pos[m] = 32, at
            return m + 1
        return m
    if m and out[m - 1] == 32 and not 97 <= code <= 122:
        m -= 1
    if m and ((LINK <= code <= NUMBER and LINK <= out[m - 1] <= NUMBER) or code == ORNAMENT == out[m - 1]):
        return m
    out[m], pos[m] = code, at
    return m + 1


@compiled
def _spoken(buf, n, at, end, kinds, spoken, spoken_fold):
    """Folded code of letters beside Han that spell a syllable (shua单), or 0."""
    if end - at < 2 or end - at > 6:
        return 0
    if not (_kind(buf, n, at - 1, kinds) & HAN or _kind(buf, n, end, kinds) & HAN):
        return 0
    word = np.int64(0)
    for k in range(at, end):
        word = word * 27 + np.int64(buf[k]) - 96
    place = _find(spoken, word)
    return spoken_fold[place] if place >= 0 else 0


@compiled
def fnv(buf, first, last):
    """FNV-1a of characters."""
    value = np.uint64(0xCBF29CE484222325)
    for k in range(first, last):
        value = (value ^ np.uint64(buf[k])) * np.uint64(0x100000001B3)
    return value


@compiled
def _add(values, count, value):
    """Append a value that is not there yet, 64 at most; returns how many there are."""
    if count == 64:
        return count
    for k in range(count):
        if values[k] == value:
            return count
    values[count] = value
    return count + 1


@compiled
def _owner(buf, at, end):
    """(first, behind last) of the label of a link that somebody registered: the one before .com, .cn or
    .com.cn."""
    for k in range(at, end - 2):
        if buf[k] == 58 and buf[k + 1] == 47 and buf[k + 2] == 47:
            at = k + 3
            break
    stop = at
    while stop < end and (97 <= buf[stop] <= 122 or 48 <= buf[stop] <= 57 or buf[stop] in (45, 46, 91, 93)):
        stop += 1
    last = stop
    for _ in range(2):
        while last > at and buf[last - 1] != 46:
            last -= 1
        last = max(at, last - 1)
        while last > at and buf[last - 1] in (46, 91, 93):
            last -= 1
        first = last
        while first > at and buf[first - 1] not in (46, 91, 93):
            first -= 1
        if last - first > 3 or first == at:
            break
    return first, last


@compiled
def _fold_one(buf, off, n, out, pos, signs, extras, chars, good):
    kinds, folds, tlds, spoken, spoken_fold = (
        chars.kind,
        chars.fold,
        chars.tlds,
        chars.spoken,
        chars.spoken_fold,
    )
    m = at = many = run = digit = 0
    while at < n:
        char = buf[at]
        if char >= TABLED:
            m = _emit(out, pos, m, np.uint16(0x6000 + char % 0x4000), off[at])
            at += 1
            continue
        if not kinds[char] & (LETTER | DIGIT):
            code = folds[char]
            if code == 32:
                if m and 97 <= out[m - 1] <= 122:
                    out[m], pos[m] = 32, off[at]
                    m += 1
            elif LINK <= code <= ORNAMENT:
                m = _emit(out, pos, m, code, off[at])
            elif code:
                if char == _HANG and at and buf[at - 1] == _YIN:
                    code = folds[_HANG_SOUND]
                if m and out[m - 1] == 32:
                    m -= 1
                out[m], pos[m] = code, off[at]
                m += 1
            at += 1
            continue
        if at >= run:
            run = _run_end(buf, n, at, kinds)
            digit = at
        if digit <= at:
            digit = _digit_from(buf, n, at, run, kinds)
        end, mark = _token(buf, n, at, run, digit, kinds, tlds)
        if mark:
            m = _emit(out, pos, m, mark, off[at])
            signs[5] += mark == LINK
            signs[6] += mark == HANDLE
            if mark != NUMBER:
                first, last = _owner(buf, at, end) if mark == LINK else (at, end)
                name = fnv(buf, first, last)
                if last - first >= _LEAST_NAME[mark - LINK] and _find(good, name) < 0:
                    many = _add(extras, many, name)
        else:
            sound = _spoken(buf, n, at, end, kinds, spoken, spoken_fold)
            if sound:
                m = _emit(out, pos, m, sound, off[at])
            else:
                for k in range(at, end):
                    m = _emit(out, pos, m, buf[k], off[k])
        at = end
    while m and out[m - 1] == 32:
        m -= 1
    for k in range(7, 9):
        if signs[k]:
            many = _add(extras, many, np.uint64(signs[k]) * np.uint64(0x100000001B3))
    return m, many


@DiskCached
@compiled
def fold_batch(text, offsets, starts, signs, chars, good):
    codes = np.empty(text.size, np.uint16)
    places = np.empty(text.size, np.int32)
    ends = np.zeros(starts.size, np.int64)
    extras = np.empty(text.size + 2 * starts.size, np.uint64)
    extra_ends = np.zeros(starts.size, np.int64)
    done = many = 0
    for k in range(starts.size - 1):
        a, b = starts[k], starts[k + 1]
        m, more = _fold_one(
            text[a:b], offsets[a:b], b - a, codes[done:], places[done:], signs[k], extras[many:], chars, good
        )
        done += m
        many += more
        ends[k + 1], extra_ends[k + 1] = done, many
    return codes[:done], places[:done], ends, extras[:many], extra_ends


passes_luhn, hashed = DiskCached(luhn), DiskCached(fnv)

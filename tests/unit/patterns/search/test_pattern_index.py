"""The laws of the index: what it finds is what its formulas say, however its patterns came."""

import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import permutations
from math import log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.live_library import seed_patterns
from patterns.characters.compiled_tables import GAP, LINK, NUMBER
from patterns.data.everyday_messages import EVERYDAY, STOCK
from patterns.kernels.search import (
    ABSENT,
    BITS,
    DRESSED_LIFT,
    HOOK_LIFT,
    MISSING,
    MOST_ABSENT,
    NO_HOOK,
    SHARED_LIFT,
    SMOOTHING_BITS,
    WHOLE_LIFT,
)
from patterns.matching import Library
from patterns.model import Pattern
from patterns.search import pattern_index as index_module
from patterns.search.background_weights import STOCK_WEIGHT
from patterns.search.pattern_index import Hit, Index, empty_index
from patterns.text.normalise import Folded, clean_batch, fold_batch
from patterns.text.slots import example, filled

SEEDED = tuple(seed_patterns())
TEXTS = tuple(filled(pattern.text) for pattern in SEEDED)
EXAMPLES = tuple(example(pattern.text) for pattern in SEEDED)
LEAST_BITS, HOPELESS, FULL_DRESS, CODES_A_SIGN, FULL_SHARED, CUT = 14.0, 20.0, 4.0, 25.0, 16.0, 3


def folded_of(texts: Sequence[str]) -> Folded:
    return fold_batch(clean_batch(texts, marks=True))


def built(texts: Sequence[str], ties: Sequence[int] | None = None) -> Index:
    return empty_index().with_change(folded_of(texts), range(len(texts)) if ties is None else ties, ())


def rows(hit: Hit, slots: Sequence[int] | None = None) -> list[tuple[int, ...]]:
    """The hits as tuples; ``slots`` translates places of patterns."""
    found = [n if n < 0 or slots is None else slots[n] for n in hit.slots.tolist()]
    return list(
        zip(found, hit.scores.tolist(), map(tuple, hit.spans.tolist()), hit.behind.tolist(), strict=True)
    )


# ---------------------------------------------------------------- the formulas once more, in plain Python


def hashed(key: int) -> int:
    return (key * 0x9E3779B97F4A7C15 % 2**64) >> (64 - BITS)


def grams(codes: Sequence[int]) -> list[int]:
    """The gram that begins at each code, -1 for none: three letters of Latin text, else two codes; none over
    a gap; links, accounts and numbers are one thing."""
    one = [LINK if LINK <= code <= NUMBER else code for code in codes]
    latin = [97 <= code <= 122 or code == 32 for code in one]
    found = [-1] * len(one)
    for i in range(len(one) - 1):
        if GAP in one[i : i + 2]:
            continue
        if all(latin[i : i + 3]) and i + 2 < len(one):
            found[i] = hashed((one[i] << 32) | (one[i + 1] << 16) | one[i + 2])
        elif not (all(latin[max(0, i - 1) : i + 2]) and i and i + 2 == len(one)):
            found[i] = hashed((one[i] << 16) | one[i + 1])
    return found


@cache
def everyday() -> Counter[int]:
    counts: Counter[int] = Counter()
    for texts, weight in ((EVERYDAY, 1), (STOCK, STOCK_WEIGHT)):
        folded = folded_of(texts)
        for a, b in zip(folded.starts, folded.starts[1:], strict=False):
            for gram in set(grams(folded.codes[a:b].tolist())) - {-1}:
                counts[gram] += weight
    return counts


class Text:
    """One folded text as the formulas see it."""

    def __init__(self, folded: Folded, i: int) -> None:
        self.sequence = grams(folded.codes[slice(*folded.starts[i : i + 2])].tolist())
        self.grams = set(self.sequence) - {-1}
        self.extras = [
            hashed(extra) for extra in folded.extras[slice(*folded.extra_starts[i : i + 2])].tolist()
        ]
        signs = folded.signs[i].tolist()
        mixed = signs[4] if signs[4] * 2 < signs[0] + 1 else 0
        full = max(FULL_DRESS, len(self.sequence) / CODES_A_SIGN)
        self.dress = min(signs[1] + signs[2] + signs[3] + mixed, full) / full
        self.hooked = signs[5] + signs[6] > 0


class Formulas:
    """A library of texts and, by comparing a message with each of them, its best."""

    def __init__(self, texts: Sequence[str]) -> None:
        folded = folded_of(texts)
        self.patterns = [Text(folded, i) for i in range(len(texts))]
        self.size = len(EVERYDAY) + len(texts)
        self.df = Counter(gram for pattern in self.patterns for gram in pattern.grams)
        self.extra_df = Counter(gram for pattern in self.patterns for gram in pattern.extras)
        self.totals = [sum(map(self.bits, pattern.grams)) for pattern in self.patterns]

    def bits(self, gram: int) -> float:
        return max(log2((self.size + 1) / (everyday()[gram] + self.df[gram] + 0.5)), 0.1)

    def extra_bits(self, gram: int) -> float:
        return max(log2((self.size + 1) / (self.extra_df[gram] + 0.5)), 0.1)

    def span(self, message: Text, shared: set[int]) -> tuple[int, int]:
        """The stretch with the most shared bits less the price of foreign ones."""
        best = current = 0.0
        start = first = last = 0
        for i, gram in enumerate(message.sequence):
            if gram >= 0:
                if current <= 0:
                    current, start = 0.0, i
                current += self.bits(gram) if gram in shared else -MISSING * self.bits(gram)
                if current > best + 1e-4:
                    best, first, last = current, start, i + 1
        return first, last

    def compared(self, message: Text, i: int) -> tuple[float, float] | None:
        """(rank, score) of a message for pattern i; None if they share too little."""
        pattern, total = self.patterns[i], self.totals[i]
        shared = pattern.grams & message.grams
        if sum(map(self.bits, shared)) < LEAST_BITS:
            return None
        first, last = self.span(message, shared)
        bits = sum(map(self.bits, shared & set(message.sequence[first:last])))
        extra = sum(self.extra_bits(gram) for gram in message.extras if gram in pattern.extras)
        rank = (bits - ABSENT * min(total - bits, MOST_ABSENT * bits)) * (1 + WHOLE_LIFT * bits / total)
        score = 100 * bits / (total + SMOOTHING_BITS) + DRESSED_LIFT * message.dress
        score += SHARED_LIFT * min(extra, FULL_SHARED) / FULL_SHARED
        if pattern.hooked and message.hooked:
            score += HOOK_LIFT
        elif pattern.hooked and len(message.sequence) - last > CUT:
            whole = SMOOTHING_BITS + sum(map(self.bits, message.grams))
            score -= NO_HOOK * (1 - bits / whole)
        return rank + 2 * min(extra, FULL_SHARED), min(max(score, 0.0), 100.0)


def disagreements(texts: Sequence[str], messages: Sequence[str]) -> list[str]:
    """Messages of which the index does not say what the formulas say, and what both say."""
    formulas, folded = Formulas(texts), folded_of(messages)
    hit = built(texts).search(folded, exhaustive=True)
    wrong = []
    for m, message in enumerate(messages):
        asked = Text(folded, m)
        found = {i: c for i in range(len(texts)) if (c := formulas.compared(asked, i))}
        slot, score = int(hit.slots[m]), float(hit.scores[m])
        if not found:
            right = (slot, score) == (-1, 0.0)
        else:
            top = max(rank for rank, _ in found.values())
            hopeful = (
                max(s for _, s in found.values()) >= HOPELESS
            )  # else only the most promising is compared
            right = slot in found and abs(found[slot][1] - score) < 0.02
            right = right and (not hopeful or score < HOPELESS or found[slot][0] > top - 0.02)
        if not right:
            wrong.append(f"{message}: {slot} {score:.2f}, not {found}")
    return wrong


WORDS = (
    "转账", "点击", "链接", "客服", "退款", "快递", "丢失", "理赔", "航班", "取消", "加微信 zhang_01",
    "a.evil-shop.top", "{link}", "{phone}", "{name}", "{amount}", "12345", "138 0013 8000", "press one",
    "the bank", "【银行】", "，", "\u200b", "①", "證", "莪", "您好", "please call", "x", " ",
)  # fmt: skip
sentences = st.lists(st.sampled_from(WORDS), min_size=1, max_size=14).map("".join)


@given(
    st.lists(sentences.map(filled), min_size=1, max_size=7),
    st.lists(sentences.map(example), min_size=1, max_size=5),
)
@settings(max_examples=60, deadline=None)
def test_the_best_pattern_and_its_score_are_those_of_the_formulas(
    texts: list[str], messages: list[str]
) -> None:
    assert disagreements(texts, [*messages, *texts]) == []


def test_the_seeds_score_among_themselves_as_the_formulas_say() -> None:
    messages = [
        *EXAMPLES[::9],
        *(a[: len(a) // 2] + b[len(b) // 2 :] for a, b in zip(EXAMPLES[::17], EXAMPLES[5::17], strict=False)),
        *EVERYDAY[::200],
    ]
    assert disagreements(TEXTS, messages) == []


def test_a_gram_tells_the_more_the_fewer_texts_hold_it() -> None:
    formulas = Formulas(TEXTS)
    index = built(TEXTS)
    held = sorted(formulas.df, key=formulas.df.__getitem__)
    for gram in held[::40] + held[-5:]:
        assert index.tables.bits[gram] == pytest.approx(formulas.bits(gram), abs=1e-4)
        assert index.tables.df[gram] == formulas.df[gram]
    assert index.tables.totals.tolist() == pytest.approx(formulas.totals, abs=0.01)
    common, rare = (folded_of([text]).codes.tolist() for text in ("收到", "饕餮"))
    assert formulas.bits(grams(common)[0]) < formulas.bits(grams(rare)[0])


def test_nothing_shared_is_no_pattern() -> None:
    hit = built(TEXTS[:5]).search(folded_of(["", "🙂", "蓬莱阁楼灯塔渔船", "收到"]))
    assert hit.slots.tolist() == [-1] * 4
    assert hit.scores.tolist() == [0.0] * 4


def test_an_empty_index_finds_nothing() -> None:
    assert len(empty_index()) == 0
    assert empty_index().search(folded_of([EXAMPLES[0], ""])).slots.tolist() == [-1, -1]
    assert empty_index().search(folded_of([])).slots.tolist() == []


def test_a_search_leaves_nothing_behind_for_the_next_message() -> None:
    index = built(TEXTS)
    mixed = [text for pair in zip(EXAMPLES[::5], EVERYDAY, strict=False) for text in pair]
    together = rows(index.search(folded_of(mixed)))
    assert together == [rows(index.search(folded_of([text])))[0] for text in mixed]


def test_the_budget_of_postings_misses_nothing_among_the_seeds() -> None:
    index, folded = built(TEXTS), folded_of(EXAMPLES)
    assert rows(index.search(folded)) == rows(index.search(folded, exhaustive=True))


# ---------------------------------------------------------------- change


MESSAGES = (*EXAMPLES[:60:2], *(text[:30] for text in EXAMPLES[:60:3]), *EVERYDAY[:10], "")


@pytest.mark.parametrize("tail", [0, 1, 5, 512])
def test_patterns_added_one_by_one_are_found_as_those_added_at_once(
    tail: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "TAIL", tail)
    one_by_one = empty_index()
    for n in range(16):
        one_by_one = one_by_one.with_change(folded_of([TEXTS[n]]), [n], ())
    assert len(one_by_one) == 16
    folded = folded_of(MESSAGES)
    assert rows(one_by_one.search(folded)) == rows(built(TEXTS[:16]).search(folded))


def test_the_tail_is_merged_once_it_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "TAIL", 3)
    index, merged = empty_index(), []
    for n in range(8):
        index = index.with_change(folded_of([TEXTS[n]]), [n], ())
        merged.append(index.merged)
    assert merged == [0, 0, 0, 4, 4, 4, 4, 8]


def test_a_retired_pattern_is_found_no_more_and_the_others_as_if_it_had_never_been_there() -> None:
    index = built(TEXTS[:20]).with_change(folded_of([]), [], [0, 7, 19])
    left = [n for n in range(20) if n not in {0, 7, 19}]
    folded = folded_of(MESSAGES)
    assert len(index) == 17
    assert rows(index.search(folded)) == rows(built([TEXTS[n] for n in left], left).search(folded), left)


def test_a_retired_pattern_of_the_main_postings_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made of pieces of others: what it shares with a message is still looked up."""
    gone = "，".join(text[3:13] for text in TEXTS[30:60])
    monkeypatch.setattr(index_module, "TAIL", 0)
    merged = built([*TEXTS[:60], gone])
    monkeypatch.setattr(index_module, "TAIL", 512)
    index = merged.with_change(folded_of([]), [], [60])
    assert (index.merged, len(index)) == (61, 60)
    folded = folded_of(
        [gone + text[: len(text) * part // 10] for text in EXAMPLES[:30] for part in (3, 4, 5)]
    )
    assert rows(index.search(folded)) == rows(built(TEXTS[:60]).search(folded))


def test_an_index_is_never_changed() -> None:
    before = built(TEXTS[:10])
    folded = folded_of(MESSAGES)
    was = rows(before.search(folded))
    before.with_change(folded_of(TEXTS[10:20]), range(10, 20), [0, 1, 2])
    assert rows(before.search(folded)) == was


def test_the_order_of_adding_changes_nothing_but_the_places() -> None:
    folded = folded_of(MESSAGES)
    was = rows(built(TEXTS[:30]).search(folded))
    for order in (list(range(29, -1, -1)), [(n * 7) % 30 for n in range(30)]):
        shuffled = built([TEXTS[n] for n in order], order)
        assert rows(shuffled.search(folded), order) == was


@pytest.mark.parametrize("part", range(4, 11))
def test_of_equal_patterns_the_same_one_is_found_in_whatever_order_they_came(part: int) -> None:
    asked = [text[: len(text) * part // 10] for text in EXAMPLES[:12]]
    folded = folded_of(["今天我们去吃饭吧，" + text + "然后再说一下别的事情，明天见" for text in asked])
    for ties in permutations((11, 5, 8)):
        three = [text for text in TEXTS[:12] for _ in ties]
        index = built(three, ties * 12)
        found = index.search(folded).slots.tolist()
        assert [(ties * 12)[n] for n in found if n >= 0] == [5] * sum(n >= 0 for n in found)


def test_of_many_equal_patterns_the_same_one_is_found_in_whatever_order_they_came() -> None:
    for shift in range(12):
        ties = [(n + shift) % 12 for n in range(12)]
        (slot,) = built([TEXTS[0]] * 12, ties).search(folded_of([EXAMPLES[0]])).slots.tolist()
        assert ties[slot] == 0


def test_what_is_said_of_its_size_is_true() -> None:
    index = built(TEXTS[:20])
    assert index.nbytes >= sum(array.nbytes for array in index.tables)


# ---------------------------------------------------------------- threads


def test_every_answer_is_that_of_one_state_while_patterns_come_and_go() -> None:
    """The version of a verdict names the state: a library of the same patterns gives the same verdicts."""
    library = Library(SEEDED[:10])
    states = {library.version: frozenset(SEEDED[:10])}
    changed = threading.Event()
    texts = [*EXAMPLES[:24:2], *EVERYDAY[:4]] * 3

    def change() -> None:
        held = set(SEEDED[:10])
        for n in range(24):
            added: list[Pattern] = [SEEDED[10 + n]] if n % 3 else [SEEDED[10 + n], SEEDED[40 + n]]
            retired = [SEEDED[n].pattern_id] if n % 2 else []
            library.change(added, retired)
            held = {p for p in (*held, *added) if p.pattern_id not in retired}
            states[library.version] = frozenset(held)
        changed.set()

    def ask() -> list[list[tuple[object, ...]]]:
        answers = []
        while True:
            last = changed.is_set()
            matched = library.matched(texts)
            assert all(p is None or p.pattern_id == v.pattern_id for v, p in matched)
            answers.append([tuple(v) for v, _ in matched])
            if last:
                return answers

    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(ask) for _ in range(2)]
        pool.submit(change).result()
        answers = [answer for future in asking for answer in future.result()]
    versions = {answer[0][-2] for answer in answers}
    assert len(versions) > 1
    for version in versions:
        right = [tuple(v) for v in Library(states[str(version)]).match(texts)]
        assert all(answer == right for answer in answers if answer[0][-2] == version), version


def test_the_kernel_lets_other_threads_run() -> None:
    index, folded = built(TEXTS), folded_of(EXAMPLES)
    right = rows(index.search(folded))
    with ThreadPoolExecutor(4) as pool:
        assert all(rows(hit) == right for hit in pool.map(lambda _: index.search(folded), range(12)))
    assert np.isfinite(index.tables.bits).all()

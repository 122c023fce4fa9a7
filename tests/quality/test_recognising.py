"""How well the seeds recognise what they were never shown.

Texts made by hand, a file a fraud type or kind of sender. `variants` are seeds in disguise, cut or passed on;
those whose id ends in an odd number are put aside: no weight or rule was tuned on them, so a miss is told by
its id alone. `rewritten` say the same in other words; `twins` are honest texts as close to a seed as they
come; `near_misses` are the honest messages of every day.
"""

import json
from functools import cache
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from consumers.live_library import seed_patterns
from patterns.matching import Library
from patterns.model import Verdict
from patterns.text.slots import example

HERE = Path(__file__).parent
REASONS = {"likeness", "advice", "known_good", "refused", "no_hook"}
PUT_ASIDE_KNOWN = 0.95
NEAR_MISSES_SUGGESTED = 0.02
REWRITTEN_FOUND = 20
"""Of 25: a floor under what holds, not a goal."""


class Text(NamedTuple):
    """A text of the collection; `of` is the seed that it is like, "" for none."""

    id: str
    of: str
    text: str

    @property
    def is_put_aside(self) -> bool:
        return int(self.id.rpartition("-")[2]) % 2 == 1


@cache
def texts(folder: str) -> tuple[Text, ...]:
    lines = [line for path in sorted((HERE / folder).glob("*.jsonl")) for line in path.open(encoding="utf-8")]
    found = map(json.loads, filter(str.strip, lines))
    return tuple(Text(row["id"], row.get("of", ""), row["text"]) for row in found)


@cache
def library() -> Library:
    return Library(seed_patterns(), "seeds")


def verdicts(folder: str) -> list[tuple[Text, Verdict]]:
    asked = texts(folder)
    return list(zip(asked, library().match([text.text for text in asked]), strict=True))


def is_known_as_its_seed(text: Text, verdict: Verdict) -> bool:
    return (verdict.band, verdict.pattern_id) == ("known", text.of)


def test_the_collection_is_whole() -> None:
    sizes = {name: len(texts(name)) for name in ("near_misses", "twins", "variants", "rewritten")}
    assert sizes == {"near_misses": 464, "twins": 125, "variants": 212, "rewritten": 25}
    ids = [text.id for name in sizes for text in texts(name)]
    assert len(set(ids)) == len(ids)
    seeds = {pattern.pattern_id for pattern in seed_patterns()}
    assert {text.of for name in ("twins", "variants", "rewritten") for text in texts(name)} <= seeds
    aside = sum(text.is_put_aside for text in texts("variants"))
    assert aside > len(texts("variants")) / 2


def test_every_seed_is_known_as_itself() -> None:
    patterns = seed_patterns()
    found = library().match([example(pattern.text) for pattern in patterns])
    wrong = [
        f"{pattern.pattern_id}: {v.band} {v.pattern_id} {v.score} {v.reasons}"
        for pattern, v in zip(patterns, found, strict=True)
        if (v.band, v.pattern_id) != ("known", pattern.pattern_id)
    ]
    assert wrong == []


def test_no_near_miss_is_known_and_few_are_suggested() -> None:
    found = verdicts("near_misses")
    assert [f"{text.id}: {v.pattern_id} {v.score}" for text, v in found if v.band == "known"] == []
    suggested = [f"{text.id}: {v.pattern_id} {v.score}" for text, v in found if v.band == "suggested"]
    assert len(suggested) <= NEAR_MISSES_SUGGESTED * len(found), suggested


def test_no_honest_twin_is_known() -> None:
    known = [f"{text.id}: {v.pattern_id} {v.score}" for text, v in verdicts("twins") if v.band == "known"]
    assert known == []


def test_an_honest_twin_that_is_suggested_is_so_for_a_reason() -> None:
    suggested = [(text, v) for text, v in verdicts("twins") if v.band == "suggested"]
    assert [
        text.id for text, v in suggested if len(v.reasons) != 1 or not REASONS.issuperset(v.reasons)
    ] == []
    judged = [v for _, v in suggested if v.reasons != ("likeness",)]
    assert len(judged) > len(suggested) / 2, "their words are the scam's: that alone did not tell them apart"


def test_every_variant_that_rules_were_tuned_on_is_known_as_its_seed() -> None:
    missed = [
        f"{text.id}: {v.band} {v.pattern_id} {v.score} {v.reasons}"
        for text, v in verdicts("variants")
        if not text.is_put_aside and not is_known_as_its_seed(text, v)
    ]
    assert missed == []


def test_nearly_every_variant_that_was_put_aside_is_known_as_its_seed() -> None:
    aside = [(text, v) for text, v in verdicts("variants") if text.is_put_aside]
    missed = [text.id for text, v in aside if not is_known_as_its_seed(text, v)]
    share = 1 - len(missed) / len(aside)
    assert share >= PUT_ASIDE_KNOWN, f"{share:.1%} of {len(aside)}; missing: {' '.join(missed)}"


def test_a_seed_told_in_other_words_is_still_the_most_alike() -> None:
    found = verdicts("rewritten")
    right = [v for text, v in found if v.pattern_id == text.of]
    others = [text.id for text, v in found if v.pattern_id != text.of]
    bands = {band: sum(v.band == band for v in right) for band in ("known", "suggested", "none")}
    figure = f"{len(right)} of {len(found)} have their seed as the most alike: {bands}"
    assert len(right) >= REWRITTEN_FOUND, f"{figure}; others: {' '.join(others)}"


@pytest.mark.parametrize("said", ["乘坐G1234次列车", "在B1205室办理", "手机是iphone15", "通知时间2025-06-12"])
def test_a_train_a_room_a_thing_or_a_date_makes_no_scam_of_an_honest_twin(said: str) -> None:
    twins = texts("twins")
    found = library().match([f"{twin.text}（{said}）" for twin in twins])
    assert [twin.id for twin, v in zip(twins, found, strict=True) if v.band == "known"] == []


PHRASES_BESIDE = (
    "别理会他人", "防骗", "不要信谣言", "谨防上当", "不要犹豫", "无需经验", "无需抵押", "没有门槛",
    "不会操作的找我", "别担心", "不成功不收费", "名额有限不要错过", "没有任何风险",
    "共120元", "编号114", "优惠110%", "尾号10086",
)  # fmt: skip
"""What a sender may add at no cost: a word of warning, a promise, a number that looks official."""


@pytest.mark.parametrize("phrase", PHRASES_BESIDE)
def test_a_phrase_beside_it_hides_no_scam(phrase: str) -> None:
    examples = [example(pattern.text) for pattern in seed_patterns()]
    whole = library().match([f"{text.rstrip('。')}。{phrase}" for text in examples])
    assert sum(v.band == "known" for v in whole) >= 0.97 * len(whole)
    first_part = [text[: len(text) * 13 // 20] for text in examples]
    cut = library().match(first_part)
    added = library().match([f"{text[:9]}，{phrase}，{text[9:]}" for text in first_part])
    hidden = [v.pattern_id for v, before in zip(added, cut, strict=True) if before.band != v.band]
    assert len(hidden) <= 0.1 * len(cut), hidden


@pytest.mark.parametrize("size", [500, 2_000, 5_000, 10_000])
def test_no_long_honest_text_full_of_names_is_known(size: int) -> None:
    random = Random(size)
    honest = [text.text for text in texts("near_misses")]

    def digest() -> str:
        said = ""
        while len(said) < size:
            people = (
                "王李张刘陈"[random.randrange(5)] + "".join(random.sample("璐琪珂瑾婧琰晗昕", 2))
                for _ in range(8)
            )
            said += f"{random.choice(honest)}\n{'、'.join(people)}\n"
        return said[:size]

    found = library().match([digest() for _ in range(40)])
    assert [f"{v.pattern_id} {v.score}" for v in found if v.band == "known"] == []

"""The texts to learn from (patterns/texts) are as their README says: own, unlike each other, well spread."""

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rapidfuzz import fuzz, process

import patterns
from fenghuo.domain.events import ScamStage

TEXTS = Path(patterns.__file__).parent / "texts"
SEEDS = Path(patterns.__file__).parent / "seeds"
QUALITY = Path(__file__).parent
VOICES = {"bait", "story", "victim", "warning", "question", "notice", "advert", "chat"}
HONEST = {"notice", "advert", "chat", "question"}
MATTERS = {"fraud", "emergency", "service", "other"}
SLOTS = {"who", "pretext", "act", "way"}
ALIKE = 80.0
"""rapidfuzz's ratio from which two texts say one thing in one wording."""
DOMAIN = re.compile(r"(?<![\w@.-])(?:[a-z0-9-]+\.)+(?:com|cn|net|org|top|xyz|vip|cc|info|shop|site)\b", re.I)
RESERVED = re.compile(r"(?:^|\.)example\.(?:com|net|org)$", re.I)
PUBLIC = ("gov.cn", "12306.cn", "12123")
"""Public sites that honest texts may name."""

Text = dict[str, Any]


@cache
def texts() -> tuple[Text, ...]:
    return tuple(
        json.loads(line)
        for path in sorted(TEXTS.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    )


@cache
def codes() -> frozenset[str]:
    """The fraud types' codes."""
    return frozenset(path.stem.upper().replace("-", "_") for path in SEEDS.glob("*.toml"))


def set_aside(kind: str) -> bool:
    """Whether a scenario is kept for testing alone."""
    return hashlib.blake2b(kind.encode()).digest()[0] < 64


def wrong_in(x: Text) -> Iterator[str]:
    if x["voice"] not in VOICES or x["matter"] not in MATTERS or x["stage"] not in set(ScamStage):
        yield "voice, matter or stage"
    if x["type"] not in codes() | {""} or x["near"] not in codes() | {""}:
        yield "type or near"
    if x["voice"] in {"bait", "story"} and not x["type"]:
        yield "a fraud without its type"
    if x["slots"].keys() - SLOTS:
        yield "slots"
    if not 6 <= len(x["text"]) <= 600 or not x["kind"]:
        yield "length or kind"
    for found in DOMAIN.findall(x["text"]):
        if not RESERVED.search(found) and not found.endswith(PUBLIC):
            yield f"the domain {found}"


def alike(first: list[str], second: list[str]) -> list[tuple[int, int]]:
    """Pairs of places in ``first`` and ``second`` whose texts are alike."""
    scores = process.cdist(
        first, second, scorer=fuzz.ratio, score_cutoff=ALIKE, workers=-1, dtype=np.uint8, score_multiplier=1
    )
    return [(int(a), int(b)) for a, b in np.argwhere(scores)]


def test_each_line_has_its_form() -> None:
    assert [(x["id"], why) for x in texts() for why in wrong_in(x)] == []


def test_each_id_is_given_once() -> None:
    assert [x for x, n in Counter(x["id"] for x in texts()).items() if n > 1] == []


def test_no_two_texts_are_alike() -> None:
    all_of = [x["text"] for x in texts()]
    assert [(texts()[a]["id"], texts()[b]["id"]) for a, b in alike(all_of, all_of) if a < b] == []


@pytest.mark.parametrize("folder", ["near_misses", "rewritten", "twins", "variants"])
def test_no_text_of_the_quality_sets_is_learned_from(folder: str) -> None:
    judged = [
        json.loads(line)["text"]
        for path in sorted((QUALITY / folder).glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    pairs = alike([x["text"] for x in texts()], judged)
    assert [(texts()[a]["id"], judged[b][:30]) for a, b in pairs] == []


def test_every_type_is_heard_in_the_voices_of_fraud() -> None:
    heard = defaultdict(Counter)
    for x in texts():
        heard[x["type"]][x["voice"]] += 1
    least = {"bait": 20, "story": 10, "victim": 5, "warning": 5}
    assert {
        (code, voice): heard[code][voice]
        for code in codes()
        for voice, wanted in least.items()
        if heard[code][voice] < wanted
    } == {}


def test_every_type_has_honest_texts_that_look_like_it() -> None:
    near = Counter(x["near"] for x in texts() if x["voice"] in HONEST)
    assert {code: near[code] for code in codes() if near[code] < 12} == {}


def test_a_quarter_of_the_kinds_is_set_aside_with_every_voice() -> None:
    kinds = {x["kind"] for x in texts()}
    share = sum(map(set_aside, kinds)) / len(kinds)
    assert 0.2 < share < 0.3
    assert {x["voice"] for x in texts() if set_aside(x["kind"])} == VOICES

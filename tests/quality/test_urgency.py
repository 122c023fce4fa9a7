"""What share of people in trouble is recognised by their words, and how many others are taken for them."""

import json
from collections.abc import Iterable
from hashlib import blake2b
from importlib.resources import files

import pytest

from patterns.data.everyday_messages import EVERYDAY
from patterns.signals.urgency import Urgency, urgency
from patterns.text.normalise import clean, clean_batch
from tests.quality.urgency_probes import CALM, EMERGENCY, MOVING, PAID, SERVICE

FOUND, FALSE_ALARMS = 0.8, 0.06
"""Floors and ceilings for the probes of this folder."""
TEXTS_FOUND, TEXTS_FALSE = 0.5, {"bait": 0.02, "notice": 0.01, "advert": 0.01, "chat": 0.06}
"""The same for the set-aside quarter of `patterns/texts`."""


def judged(text: str) -> Urgency:
    return urgency(clean(text))


def share(texts: Iterable[str]) -> float:
    found = [judged(text).trouble for text in texts]
    return sum(found) / len(found)


def test_who_pays_a_fraudster_now_or_has_paid_is_in_trouble() -> None:
    assert share(MOVING + PAID) >= FOUND


def test_the_stage_is_told_from_the_words() -> None:
    told = [judged(text) for text in MOVING]
    moving = [x for x in told if x.stage == "money_moving"]
    assert len(moving) >= 0.8 * sum(x.trouble for x in told)


@pytest.mark.parametrize("kind", EMERGENCY)
def test_an_emergency_is_known_with_whom_to_call(kind: str) -> None:
    found = [judged(text) for text in EMERGENCY[kind]]
    named = [x for x in found if x.matter == "emergency" and x.emergency is not None and x.calls]
    assert len(named) >= 0.8 * len(found)


def test_despair_is_answered_with_a_person_to_talk_to() -> None:
    calls = [judged(text).calls for text in EMERGENCY["despair"]]
    assert sum({"110", "12356"} <= set(x) for x in calls) >= 0.75 * len(calls)


def test_baits_warnings_old_cases_drills_and_everyday_talk_are_no_trouble() -> None:
    assert share(CALM) <= FALSE_ALARMS


def test_everyday_messages_are_no_trouble() -> None:
    assert share(EVERYDAY) <= 0.003


def test_a_matter_for_an_office_is_known_for_one() -> None:
    assert sum(judged(text).matter == "service" for text in SERVICE) >= 0.75 * len(SERVICE)


def test_set_aside_texts_are_told_apart() -> None:
    rows = [row for row in _texts() if blake2b(row["kind"].encode()).digest()[0] < 64]
    cleaned = clean_batch([row["text"] for row in rows])
    found = {row["id"]: urgency(cleaned.string(at)).trouble for at, row in enumerate(rows)}
    victims = [row for row in rows if _in_trouble(row)]
    if victims:
        assert sum(found[row["id"]] for row in victims) >= TEXTS_FOUND * len(victims)
    for voice, ceiling in TEXTS_FALSE.items():
        some = [row for row in rows if row["voice"] == voice and row["matter"] != "emergency"]
        assert sum(found[row["id"]] for row in some) <= ceiling * len(some) + 1, voice


def _texts() -> list[dict[str, str]]:
    folder = files("patterns") / "texts"
    lines = [
        line
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".jsonl")
        for line in file.read_text("utf-8").splitlines()
    ]
    return [json.loads(line) for line in lines]


def _in_trouble(row: dict[str, str]) -> bool:
    urgent = row["matter"] == "emergency" or row["stage"] in ("money_moving", "paid")
    return row["voice"] == "victim" and urgent

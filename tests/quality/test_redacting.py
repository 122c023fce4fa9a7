"""How well a report is hidden from screens: by whose each detail is, in redaction.jsonl.

A line: `text`; `hide` and `keep`, what the shown text must not and must have; `sealed` and `not_sealed`,
which details must and must not be kept for officers.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from patterns.entities.redact import hide

PROBES = Path(__file__).with_name("redaction.jsonl")


@cache
def probes() -> tuple[dict[str, Any], ...]:
    return tuple(map(json.loads, PROBES.read_text(encoding="utf-8").splitlines()))


@pytest.mark.parametrize("kind", sorted({x["kind"] for x in probes()}))
def test_no_probe_shows_what_is_somebodys(kind: str) -> None:
    leaks = [
        (x["text"], y)
        for x in probes()
        for y in x.get("hide", ())
        if x["kind"] == kind and y in hide(x["text"]).text
    ]
    assert leaks == []


def test_what_officers_need_stays() -> None:
    lost = {x["text"]: [y for y in x.get("keep", ()) if y not in hide(x["text"]).text] for x in probes()}
    assert {text: found for text, found in lost.items() if found} == {}


def test_the_fraudsters_details_are_kept_for_officers_and_nobody_elses() -> None:
    wrong = []
    for probe in probes():
        kept = {x.value for x in hide(probe["text"]).details}
        wrong += [(probe["text"], x) for x in probe.get("sealed", ()) if x not in kept]
        wrong += [(probe["text"], x) for x in probe.get("not_sealed", ()) if x in kept]
    assert wrong == []


def test_hiding_what_is_hidden_changes_nothing() -> None:
    shown = [hide(x["text"]).text for x in probes()]
    assert [hide(text).text for text in shown] == shown


def test_there_are_probes_enough_of_many_kinds() -> None:
    assert len(probes()) >= 120
    assert len({x["kind"] for x in probes()}) >= 12

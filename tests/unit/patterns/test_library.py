"""The laws of the seed files and of reading them."""

from itertools import chain
from pathlib import Path
from typing import get_args

import pytest

import patterns
from patterns.entities.find import find
from patterns.entities.redact import forbidden
from patterns.library import parse_seeds
from patterns.model import FraudType, Pattern, Severity, Voice
from patterns.text.slots import example

SEEDS = Path(patterns.__file__).parent / "seeds"
FILES = {path.stem: parse_seeds(path.read_text(encoding="utf-8")) for path in sorted(SEEDS.glob("*.toml"))}
TYPES = tuple(kind for kind, _ in FILES.values())
PATTERNS = tuple(chain.from_iterable(found for _, found in FILES.values()))


def test_there_are_enough_types_and_patterns_and_each_has_its_own_id() -> None:
    assert len(TYPES) >= 24
    assert len(PATTERNS) >= 300
    assert len({kind.code for kind in TYPES}) == len(TYPES)
    assert len({pattern.pattern_id for pattern in PATTERNS}) == len(PATTERNS)
    assert len({pattern.text for pattern in PATTERNS}) == len(PATTERNS)


@pytest.mark.parametrize("name", FILES)
def test_a_seed_file_has_its_type_in_every_voice(name: str) -> None:
    kind, found = FILES[name]
    assert kind.code == name.upper().replace("-", "_")
    assert len(found) >= 8
    assert {pattern.voice for pattern in found} == set(get_args(Voice))
    assert {pattern.fraud_type for pattern in found} == {kind.code}
    assert {pattern.pattern_id.rpartition("-")[0] for pattern in found} == {f"seed-{name}"}
    assert {(pattern.source, pattern.alert_id) for pattern in found} == {("seed", None)}


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.code)
def test_a_type_has_cues_enough_and_an_official_label_that_there_is(kind: FraudType) -> None:
    assert len(set(kind.cues)) == len(kind.cues) >= 10
    assert kind.severity in get_args(Severity)
    official = {other.code: other for other in TYPES}
    assert kind.official is None or official[kind.official].official is None, "an official label is its own"


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.code)
def test_a_warning_composed_of_a_type_fits_and_may_go_out(kind: FraudType) -> None:
    lines = (kind.happening, kind.how, *kind.tell, kind.advice)
    text = f"【反诈预警】{kind.label_zh}\n{kind.happening}{kind.how}\n{'；'.join(kind.tell)}。\n{kind.advice}"
    assert len(text) <= 300
    assert [found for line in (*lines, text) for found in forbidden(line)] == []


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.pattern_id)
def test_a_seed_names_no_host_that_could_be_real(pattern: Pattern) -> None:
    links = [entity.value for entity in find(example(pattern.text)) if entity.kind == "url"]
    words = [
        word for word in pattern.text.replace("/", " ").split() if word.isascii() and "." in word.strip(".")
    ]
    reserved = ("example", "example.com", "example.net", "example.org")
    hosts = [link.partition("://")[2].partition("/")[0] or link.partition("/")[0] for link in links] + words
    assert [host for host in hosts if not host.endswith((*reserved, ".apk"))] == []


TYPE = """[type]
code = "X"
label_zh = "贷"
label_en = "loan"
happening = "近期"
how = "先缴费"
tell = ["t"]
advice = "不缴"
severity = "severe"
cues = ["解冻费"]
"""
PATTERN = '[[pattern]]\npattern_id = "a"\ntitle = "t"\nvoice = "sms"\ntext = "x {link}"\n'
GOOD = TYPE + PATTERN


def test_a_seed_file_is_read_with_its_defaults() -> None:
    kind, found = parse_seeds(GOOD)
    assert kind == FraudType("X", "贷", "loan", "近期", "先缴费", ("t",), "不缴", "severe", ("解冻费",), None)
    assert found == (Pattern("a", "X", "t", "x {link}", source="seed", alert_id=None, voice="sms"),)


def test_what_is_given_is_read_and_stripped() -> None:
    more = 'source = "alert"\nalert_id = " al-1 "\n'
    kind, (pattern,) = parse_seeds(GOOD.replace("[type]\n", '[type]\nofficial = "POLICE"\n') + more)
    assert kind.official == "POLICE"
    assert (pattern.source, pattern.alert_id) == ("alert", "al-1")


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("not toml", "not TOML"),
        ("", r"one \[type\] table"),
        (PATTERN, r"one \[type\] table"),
        (TYPE.replace("[type]", "[[type]]") + PATTERN, r"one \[type\] table"),
        (TYPE, r"at least one \[\[pattern\]\] table"),
        (TYPE + PATTERN.replace("[[pattern]]", "[pattern]"), r"at least one \[\[pattern\]\] table"),
        ("a = 1\n" + GOOD, "the file: unknown key a"),
        (GOOD + PATTERN, "pattern a given more than once"),
    ],
)
def test_a_file_of_the_wrong_form_is_refused(toml: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_seeds(toml)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'severity = "severe"',
            'severity = "huge"',
            "type X: severity must be one of moderate, severe, not huge",
        ),
        ('tell = ["t"]', "tell = []", "type X: tell must be a list"),
        ('tell = ["t"]', 'tell = "t"', "type X: tell must be a list"),
        ('cues = ["解冻费"]', 'cues = [" "]', "type X: cues must be a list"),
        ('cues = ["解冻费"]', "", "type X: cues must be a list"),
        ('code = "X"', "", "type without code: code"),
        ('advice = "不缴"', 'advice = " "', "type X: advice must be a non-empty string"),
        ('label_en = "loan"', "label_en = 1", "type X: label_en"),
        ('how = "先缴费"', 'hwo = "先缴费"', "type X: unknown key hwo"),
        ('code = "X"', 'code = "X"\nofficial = ""', "type X: official"),
        ('text = "x {link}"', 'text = " "', "pattern a: text must be a non-empty string"),
        (
            'text = "x {link}"',
            'text = "x {bank}"',
            r"pattern a: there is no slot \{bank\}; there are link, phone",
        ),
        ('title = "t"', 'titel = "t"', "pattern a: unknown key titel"),
        ('title = "t"', "", "pattern a: title"),
        ('voice = "sms"', "", "pattern a: voice"),
        (
            'voice = "sms"',
            'voice = "mail"',
            "pattern a: voice must be one of sms, chat, call, forward, not mail",
        ),
        ('voice = "sms"', 'voice = "sms"\nfraud_type = "LOAN"', "pattern a: unknown key fraud_type"),
        ('voice = "sms"', 'voice = "sms"\nsource = ""', "pattern a: source"),
        ('pattern_id = "a"', "", "pattern #1: pattern_id"),
        ('pattern_id = "a"', 'pattern_id = ""', "pattern #1: pattern_id must be a non-empty string"),
    ],
)
def test_a_wrong_entry_is_refused_by_name(old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(ValueError, match=message):
        parse_seeds(GOOD.replace(old, new))

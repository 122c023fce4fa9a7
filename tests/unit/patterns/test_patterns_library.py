"""The laws of the seed files and of reading them."""

from pathlib import Path

import pytest

import patterns
from patterns.library import parse_patterns, parse_types
from patterns.model import FraudType, Pattern
from patterns.redact import forbidden

SEEDS = Path(patterns.__file__).parent / "seeds"
TYPES = parse_types((SEEDS / "types.toml").read_text(encoding="utf-8"))
FILES = sorted(p for p in SEEDS.glob("*.toml") if p.name != "types.toml")
PATTERNS = tuple(p for f in FILES for p in parse_patterns(f.read_text(encoding="utf-8")))


def test_every_type_has_at_least_three_patterns_and_every_pattern_a_type() -> None:
    counts = {t.code: sum(p.fraud_type == t.code for p in PATTERNS) for t in TYPES}
    assert min(counts.values()) >= 3
    assert sum(counts.values()) == len(PATTERNS) >= 60
    assert len({p.pattern_id for p in PATTERNS}) == len(PATTERNS)


@pytest.mark.parametrize("kind", TYPES, ids=lambda t: t.code)
def test_a_warning_composed_of_a_type_fits_and_may_go_out(kind: FraudType) -> None:
    lines = (kind.happening, kind.how, *kind.tell, kind.advice)
    text = f"【反诈预警】{kind.label_zh}\n{kind.happening}{kind.how}\n{'；'.join(kind.tell)}。\n{kind.advice}"
    assert len(text) <= 300
    assert [f for line in (*lines, text) for f in forbidden(line)] == []


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda p: p.pattern_id)
def test_a_seed_names_no_real_host_or_number(pattern: Pattern) -> None:
    hosts = [w for w in pattern.text.replace("/", " ").split() if "." in w]
    assert all(h.endswith(("example.com", "example.net", "example.org", ".apk")) for h in hosts)


GOOD = '[[pattern]]\npattern_id = "a"\nfraud_type = "LOAN"\ntitle = "t"\ntext = "x"\n'


def test_a_pattern_is_read_with_its_defaults() -> None:
    assert parse_patterns(GOOD) == (Pattern("a", "LOAN", "t", "x"),)


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("not toml", "not TOML"),
        ("a = 1", "pattern"),
        (GOOD.replace('"x"', '" "'), "pattern a: text"),
        (GOOD.replace("title", "titel"), "pattern a: unknown key titel"),
        (GOOD + GOOD, "pattern a given more than once"),
        ("[[pattern]]\n", "pattern #1"),
    ],
)
def test_a_wrong_pattern_is_refused_by_name(toml: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_patterns(toml)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('severity = "severe"', 'severity = "huge"', "type X: severity"),
        ("tell = ['t']", "tell = []", "type X: tell"),
    ],
)
def test_a_wrong_type_is_refused_by_name(old: str, new: str, message: str) -> None:
    fields = "\n".join(f'{k} = "{k}"' for k in ("label_zh", "label_en", "happening", "how", "advice"))
    toml = f'[[type]]\ncode = "X"\n{fields}\ntell = [\'t\']\nseverity = "severe"\n'
    assert parse_types(toml)[0].code == "X"
    with pytest.raises(ValueError, match=message):
        parse_types(toml.replace(old, new))

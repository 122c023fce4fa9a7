"""One table of words: complete in both languages, with every key that a page asks for."""

import re
import tomllib
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

from console.alerts.orders import SEVERITIES
from console.directory.coverage import PROBLEMS
from console.directory.terminal_output import PROBLEM_TEXTS, REASON_TEXTS
from console.web import status_icons
from console.web.status_icons import TextStatus
from console.web.words import LANGUAGES, Words, table
from fenghuo.domain.alert import Action, Role, State
from fenghuo.domain.channels import CHANNEL_NAMES, CHANNELS, GROUP_CHANNELS
from fenghuo.domain.events import DeliveryState, ScamStage
from fenghuo.domain.routing import NoWay
from fenghuo.domain.warning_quotas import LimitReason
from patterns.model import Reason

CONSOLE = Path(status_icons.__file__).parents[1]
WHOLE_KEY = re.compile(r"""\bt\(\s*["']([a-z_]+\.[A-Za-z0-9_]+)["']\s*[,)]""")
KEY_IN_CODE = re.compile(r'"((?:alert|outcome|denied|report|login|live|error)\.(?!html"|toml")[a-z0-9_]+)"')
DENIED = re.compile(r'Denied\(\s*"([a-z_]+)"')


def fields_of(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_entry_has_both_languages_with_the_same_places_to_fill() -> None:
    for key, entry in table().items():
        assert set(entry) - {"one"} == set(LANGUAGES), key
        assert all(text.strip() for text in entry.values()), key
        assert fields_of(entry["zh"]) == fields_of(entry["en"]), key


def test_every_key_that_a_page_or_the_code_names_is_in_the_table() -> None:
    pages = {path: path.read_text("utf-8") for path in CONSOLE.glob("templates/*.html")}
    code = {path: path.read_text("utf-8") for path in CONSOLE.rglob("*.py")}
    named = {(path.name, key) for path, text in (pages | code).items() for key in WHOLE_KEY.findall(text)}
    in_code = {(path.name, key) for path, text in code.items() for key in KEY_IN_CODE.findall(text)}
    assert len(in_code) > 8, "no key of the code was found: is it sought where the code is?"
    assert {(name, key) for name, key in named | in_code if key not in table()} == set()


@pytest.mark.parametrize(
    ("section", "names"),
    [
        ("state", list(State)),
        ("delivery", list(DeliveryState)),
        ("stage", list(ScamStage)),
        ("role", list(Role)),
        ("action", list(Action)),
        ("severity", list(SEVERITIES)),
        ("verdict", ["known", "suggested", "new"]),
        ("standing", list(TextStatus)),
    ],
)
def test_every_state_has_its_one_word(section: str, names: list[str]) -> None:
    for name in names:
        assert f"{section}.{name}" in table()
    words = [table()[f"{section}.{name}"]["zh"] for name in names]
    assert len(set(words)) == len(words)


def test_every_state_has_a_shape_and_a_tone() -> None:
    assert set(status_icons.ALERT) == set(State)
    assert set(status_icons.DELIVERY) == set(DeliveryState)
    assert set(status_icons.STAGE) == set(ScamStage)
    assert set(status_icons.TEXT) == set(TextStatus)
    assert {f"warnings.is_{name}" for name in TextStatus} <= set(table())
    assert [name for name, (_, tone) in status_icons.DELIVERY.items() if tone == "green"] == [
        DeliveryState.SHOWN
    ]


def test_every_channel_is_called_the_same_on_pages_and_in_expressions() -> None:
    assert set(GROUP_CHANNELS) == set(CHANNEL_NAMES)
    for name, (word, *_) in CHANNEL_NAMES.items():
        assert table()[f"channel.{name}"]["zh"] == word


def test_every_problem_of_the_coverage_has_its_words() -> None:
    assert set(PROBLEM_TEXTS) == set(PROBLEMS)
    wanted = [*PROBLEMS, *(f"why_{x}" for x in REASON_TEXTS)]
    assert {f"coverage.{x}{end}" for x in wanted for end in ("", "_todo")} <= set(table())


def test_every_refusal_of_a_decision_has_a_sentence() -> None:
    judges = ("fenghuo/domain/alert_lifecycle.py", "consumers/decisions.py")
    codes = {code for path in judges for code in DENIED.findall((CONSOLE.parent / path).read_text("utf-8"))}
    assert len(codes) > 20
    assert {f"denied.{code}" for code in codes} <= set(table())


def test_every_reason_why_no_way_leads_to_a_group_has_its_words() -> None:
    assert {f"no_way.{reason.replace(' ', '_')}" for reason in NoWay} <= set(table())


def test_every_reason_to_hold_a_group_back_has_a_sentence() -> None:
    assert {f"held.{reason}" for reason in LimitReason} <= set(table())


def test_every_channel_has_its_name() -> None:
    assert {f"channel.{name}" for name in CHANNELS} <= set(table())


def test_every_reason_to_suggest_has_a_sentence() -> None:
    assert {f"report.why_{reason}" for reason in get_args(Reason)} <= set(table())


def test_every_fraud_type_of_the_library_has_its_name() -> None:
    seeds = sorted((CONSOLE.parent / "patterns" / "seeds").glob("*.toml"))
    codes = [tomllib.loads(path.read_text("utf-8"))["type"]["code"] for path in seeds]
    assert len(codes) >= 24
    assert {f"fraud.{code}" for code in codes} <= set(table())


def test_chinese_keeps_a_half_space_beside_figures() -> None:
    closed = re.compile(r"[\u4e00-\u9fff](?:\d|\{n\})|(?:\d|\{n\}|%)[\u4e00-\u9fff]")
    for key, entry in table().items():
        assert not closed.search(entry["zh"]), key


def test_figures_get_their_thousands_and_residents_their_wan() -> None:
    zh, en = Words("zh"), Words("en")
    reach = {"groups": 3162}
    assert zh("alert.reach_short", residents=zh.people(426_000), **reach) == "3,162 个群，约 42.6\u00a0万居民"
    assert zh("alert.reach_short", residents=zh.people(9_500), **reach) == "3,162 个群，约 9,500\u00a0居民"
    assert (
        en("alert.reach_short", residents=en.people(426_000), **reach)
        == "3,162 groups, about 426,000 residents"
    )
    assert (en("queue.reporters", n=1), en("queue.reporters", n=2)) == ("1 reporter", "2 reporters")

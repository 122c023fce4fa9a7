"""``fenghuo library train`` and ``learn`` as people use them, on a part of the texts: so it takes seconds."""

import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from consumers.command_line.library_commands import library
from consumers.judge_folder import ACTIVE, LEARNED, PREVIOUS, activate
from consumers.learning import examples
from consumers.learning.examples import Example
from consumers.learning.training import train
from fenghuo.errors import Refused
from patterns.judgement.weights import read

FEW = examples.shipped_texts()[::12]
IN_FORCE = [x for x in FEW if not x.set_aside]
REPORTS = "".join(
    msgspec.json.encode(
        {"id": f"r{n}", "district": "示范区", "town": f"镇{n}", "reporter": f"p{n}",
         "at": f"2026-03-0{n}T04:00:00Z", "text": "刷单垫付一单返利三成，加群主微信先转五百做任务，当天结清"}
    ).decode() + "\n"
    for n in (1, 2, 3)
)  # fmt: skip


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A district whose judges learn from a part of the texts; returns the folder of its own judge."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(examples, "shipped_texts", lambda: FEW)
    monkeypatch.setattr(examples, "learned_from", lambda texts: [x for x in texts if not x.set_aside])
    return tmp_path / ".fenghuo" / "judge"


def run(*arguments: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(library, list(arguments), input=answer, catch_exceptions=False)


def file_of(rows: Iterable[Example], path: Path) -> str:
    path.write_bytes(b"".join(msgspec.json.encode(x) + b"\n" for x in rows))
    return str(path)


def notices(voice: str, count: int, **labels: str) -> list[Example]:
    return [
        Example(
            id=f"n{n}", kind=f"kind-{n}", voice=voice, **labels,  # type: ignore[arg-type]
            text=f"【城东农商银行】您尾号{1000 + n * 7}的储蓄卡{n % 28 + 1}日入账工资{3000 + n}元，"
            "余额可在手机银行查看，有疑问请到网点柜台咨询。",
        )
        for n in range(count)
    ]  # fmt: skip


def test_two_trainings_write_the_same_file_and_say_what_they_learned(tmp_path: Path) -> None:
    out = [tmp_path / "a.weights", tmp_path / "b.weights"]
    first, _ = [run("train", "--out", str(x)).stdout for x in out]
    assert out[0].read_bytes() == out[1].read_bytes()
    assert read(out[0].read_bytes()).version in first
    assert examples.digest(IN_FORCE) in first
    assert "bait " in first
    assert "texts that were set aside" in first
    assert "honest notice taken for fraud" in first


def test_without_out_nothing_is_written_and_the_place_is_named(tmp_path: Path) -> None:
    said = run("train").stdout
    assert "not written" in said
    assert "shipped.weights" in said
    assert list(tmp_path.iterdir()) == []


def test_without_scikit_learn_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(Refused, match=r"pip install 'fenghuo\[learn\]'"):
        run("train")


def test_a_poisoned_set_is_shown_as_what_it_is_and_is_not_put_in_force(small: Path, tmp_path: Path) -> None:
    activate(small, train(IN_FORCE, "before"))
    before = (small / ACTIVE).read_bytes()
    file = file_of(notices("bait", 60, type="KEFU"), tmp_path / "own.jsonl")
    said = run("learn", "--examples", file).stdout
    assert "WARNING: " in said
    assert "examples that are labelled as fraud read as honest texts" in said
    assert "of senders of the kind bank" in said
    assert "not in force" in said
    with pytest.raises(Refused, match="second person"):
        run("learn", "--examples", file, "--activate", "--yes")
    assert (small / ACTIVE).read_bytes() == before


def test_honest_examples_are_learned_asked_about_put_in_force_and_taken_back(
    small: Path, tmp_path: Path
) -> None:
    activate(small, train(IN_FORCE, "before"))
    reports = tmp_path / "reports.jsonl"
    reports.write_text(REPORTS, "utf-8")
    given = ("learn", "--examples", file_of(notices("notice", 30, matter="other"), tmp_path / "own.jsonl"))
    said = run(*given, "--reports", str(reports)).stdout
    assert "WARNING" not in said
    assert "on 3 past reports" in said
    assert "只有 learned 显示" in said
    assert read((small / ACTIVE).read_bytes()).version.startswith("j1-before-")
    assert run(*given, "--activate", answer="n\n").exit_code == 1
    assert read((small / ACTIVE).read_bytes()).version.startswith("j1-before-")
    again = run(*given, "--activate", answer="y\n")
    assert "learned before from the same examples" in again.stdout
    assert (small / ACTIVE).read_bytes() == (small / LEARNED).read_bytes()
    assert read((small / PREVIOUS).read_bytes()).version.startswith("j1-before-")
    assert "j1-before-" in run("learn", "--restore", "--yes").stdout
    assert read((small / ACTIVE).read_bytes()).version.startswith("j1-before-")


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("voice", "robot", "voice is 'robot'"),
        ("type", "NONE", "type is 'NONE'"),
        ("stage", "late", "stage is 'late'"),
        ("weight", 1e9, "weight is"),
        ("slots", {"act": "money"}, "slots.act"),
        ("slots", {"who": "nobody"}, "slots.who"),
        ("text", " ", "a text of at most"),
    ],
)
def test_an_example_that_cannot_be_is_named_by_its_number(
    tmp_path: Path, field: str, value: object, told: str
) -> None:
    good = notices("notice", 3, matter="other")
    bad = msgspec.structs.replace(good[1], **{field: value})
    with pytest.raises(Refused, match=f"example 2 .*{told}"):
        run("learn", "--examples", file_of([good[0], bad, good[2]], tmp_path / "own.jsonl"))


def test_too_few_examples_and_nothing_to_restore_are_said(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="at least 3 are needed"):
        run("learn", "--examples", file_of(notices("notice", 2), tmp_path / "own.jsonl"))
    with pytest.raises(Refused, match="nothing to restore"):
        run("learn", "--restore", "--yes")

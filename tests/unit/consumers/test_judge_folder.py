"""The district's own judge: in force once it is active, brought back whole, never trusted damaged."""

import logging
from functools import cache
from pathlib import Path

import msgspec
import pytest

from consumers.judge_folder import ACTIVE, PREVIOUS, activate, folder_of, judge_at, restore
from consumers.judging import judge_in_force, shipped_judge
from consumers.learning.examples import shipped_texts
from consumers.learning.training import train
from fenghuo.errors import Refused
from fenghuo.settings import Settings


@cache
def small(note: str) -> bytes:
    return train(shipped_texts()[::60], note)


def settings(folder: Path) -> Settings:
    return Settings(judge_folder=str(folder), _env_file=None)  # type: ignore[call-arg]


def version(folder: Path) -> str:
    return judge_in_force(settings(folder)).version


def test_without_an_active_one_the_judge_that_ships_is_in_force(tmp_path: Path) -> None:
    assert judge_in_force(settings(tmp_path / "none")) is shipped_judge()


def test_the_folder_is_in_the_data_folder_unless_it_is_set(tmp_path: Path) -> None:
    assert folder_of(Settings(data_dir=tmp_path, _env_file=None)) == tmp_path / "judge"  # type: ignore[call-arg]
    assert folder_of(settings(tmp_path)) == tmp_path


def test_an_activated_judge_is_in_force_and_the_one_before_is_brought_back(tmp_path: Path) -> None:
    activate(tmp_path, small("one"))
    assert version(tmp_path).startswith("j1-one-")
    activate(tmp_path, small("two"))
    assert version(tmp_path).startswith("j1-two-")
    restore(tmp_path)
    assert version(tmp_path).startswith("j1-one-")
    restore(tmp_path)
    assert version(tmp_path).startswith("j1-two-")


def test_before_the_first_one_stood_the_one_that_ships(tmp_path: Path) -> None:
    activate(tmp_path, small("one"))
    assert restore(tmp_path) is None
    assert judge_in_force(settings(tmp_path)) is shipped_judge()
    assert restore(tmp_path) is not None
    assert version(tmp_path).startswith("j1-one-")


def test_the_same_again_keeps_the_one_before(tmp_path: Path) -> None:
    activate(tmp_path, small("one"))
    activate(tmp_path, small("two"))
    activate(tmp_path, small("two"))
    assert (tmp_path / PREVIOUS).read_bytes() == small("one")


@pytest.mark.parametrize("damage", [b"", b"FHJUDGE1", b"not weights"])
def test_a_damaged_judge_is_logged_and_the_one_that_ships_is_in_force(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: bytes
) -> None:
    (tmp_path / ACTIVE).write_bytes(damage)
    with caplog.at_level(logging.WARNING):
        assert judge_in_force(settings(tmp_path)) is shipped_judge()
    assert "the shipped one is in force" in caplog.text
    with pytest.raises(Refused, match=r"active\.weights"):
        judge_at(tmp_path / ACTIVE)


def test_a_cut_file_is_neither_activated_nor_restored(tmp_path: Path) -> None:
    activate(tmp_path, small("one"))
    with pytest.raises(Refused, match="damaged"):
        activate(tmp_path, small("two")[:-100])
    (tmp_path / PREVIOUS).write_bytes(small("two")[:-100])
    with pytest.raises(Refused, match=r"previous\.weights"):
        restore(tmp_path)
    assert (tmp_path / ACTIVE).read_bytes() == small("one")


def test_a_judge_of_another_form_of_texts_is_refused(tmp_path: Path) -> None:
    content = small("one")
    length = int.from_bytes(content[8:12], "little")
    head = msgspec.json.decode(content[12 : 12 + length])
    head["normaliser"] = "n0"
    changed = msgspec.json.encode(head)
    (tmp_path / ACTIVE).write_bytes(
        content[:8] + len(changed).to_bytes(4, "little") + changed + content[12 + length :]
    )
    with pytest.raises(Refused, match="learn again"):
        judge_at(tmp_path / ACTIVE)


def test_nothing_to_restore_is_said(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="nothing to restore"):
        restore(tmp_path)

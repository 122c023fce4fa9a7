"""The cache of compiled kernels: who may use it, when it is invalidated, and that a failure is logged."""

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from numba.core.dispatcher import Dispatcher

from patterns.kernels import search, text
from tests.architecture.checkout import ROOT

LOOP = """
from limits import LIMIT
from patterns.kernels import DiskCached, compiled

@DiskCached
@compiled
def raised(value):
    return value + LIMIT
"""
CALL = """
import loop
from patterns.kernels import cache_error
answer, loaded = loop.raised(1), loop.raised._compiled.stats.cache_hits
print(answer, "loaded" if loaded else "compiled", cache_error())
"""
READ_ONLY = """
import builtins, os, tempfile
allowed = builtins.open
def refuse(*arguments, **others):
    raise OSError(30, "Read-only file system")
def reading(path, mode="r", *arguments, **others):
    return refuse() if set(mode) & set("wax+") else allowed(path, mode, *arguments, **others)
builtins.open = reading
tempfile.TemporaryFile = os.makedirs = os.replace = refuse
"""


@pytest.fixture
def loop(tmp_path: Path) -> Path:
    """A folder with a module of one loop, which imports the constant LIMIT, 1."""
    (tmp_path / "loop.py").write_text(LOOP)
    (tmp_path / "limits.py").write_text("LIMIT = 1\n")
    return tmp_path


def called(loop: Path, before: str = "", cache: Path | None = None) -> str:
    """What a new process prints that calls the loop."""
    named = {"NUMBA_CACHE_DIR": str(cache)} if cache else {}
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"} | named
    told = subprocess.run(
        [sys.executable, "-B", "-c", before + CALL], cwd=loop, capture_output=True, text=True, check=True,
        env=environment | {"PYTHONPATH": f"{loop}{os.pathsep}{ROOT}"},
    )  # fmt: skip
    return told.stdout.strip()


def kept(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*.nb?"))


def test_cached_code_is_loaded_and_no_longer_once_an_imported_constant_has_changed(loop: Path) -> None:
    assert called(loop) == "2 compiled"
    assert called(loop) == "2 loaded"
    (loop / "limits.py").write_text("LIMIT = 2\n")
    assert called(loop) == "3 compiled"
    assert called(loop) == "3 loaded"


def test_code_of_an_older_source_is_replaced_and_does_not_pile_up(loop: Path) -> None:
    called(loop)
    before = kept(loop)
    (loop / "loop.py").write_text("\n\n" + LOOP)
    assert called(loop) == "2 compiled"
    assert kept(loop) == before != []


def test_code_that_an_index_names_too_early_is_not_run(loop: Path) -> None:
    """Two processes start with new sources: one's index is there, the code behind it still the old one's."""
    called(loop)
    (old,) = loop.rglob("*.nbc")
    code = old.read_bytes()
    (loop / "limits.py").write_text("LIMIT = 2\n")
    called(loop)
    old.write_bytes(code)
    assert called(loop) == "3 compiled"


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
def test_a_damaged_file_is_replaced_or_the_reason_given_where_it_cannot_be(
    loop: Path, tmp_path: Path, kind: str
) -> None:
    cache = tmp_path / "cache"
    called(loop, cache=cache)
    (file,) = cache.rglob(f"*.{kind}")
    file.write_bytes(file.read_bytes()[:40])
    assert called(loop, READ_ONLY, cache).startswith(f"2 compiled {cache}")
    assert called(loop, cache=cache) == "2 compiled"
    assert called(loop, cache=cache) == "2 loaded"


def test_a_named_folder_that_can_only_be_read_is_loaded_from(loop: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert called(loop, cache=cache) == "2 compiled"
    assert called(loop, READ_ONLY, cache) == "2 loaded"


@pytest.mark.parametrize("named", [True, False])
def test_where_nothing_can_be_cached_it_is_compiled_and_the_reason_given(
    loop: Path, tmp_path: Path, named: bool
) -> None:
    told = called(loop, READ_ONLY, tmp_path / "cache" if named else None)
    assert told.startswith("2 compiled ")
    assert ("Read-only" if named else "no locator") in told
    assert kept(tmp_path) == []


@pytest.mark.parametrize("module", [search, text])
def test_a_compiled_function_calls_only_those_of_its_own_module(module: ModuleType) -> None:
    """The stamp of a cached file does not cover functions of other modules."""
    called = [value.py_func.__module__ for value in vars(module).values() if isinstance(value, Dispatcher)]
    assert set(called) == {module.__name__}

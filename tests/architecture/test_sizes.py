"""What a newcomer can hold in the head: the size of a function, of a module, of a folder."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest

from tests.architecture.checkout import PACKAGES, modules, source, tracked

LINES_OF_A_MODULE = 350
LINES_OF_A_FUNCTION = 50
MODULES_OF_A_FOLDER = 18
NO_PROSE = ("patterns/kernels/", "patterns/data/")
"""Loops for a compiler, which compiles a module's functions together; and data, which has no logic."""


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (x for x in ast.walk(tree) if isinstance(x, (ast.FunctionDef, ast.AsyncFunctionDef)))


def test_no_module_is_longer_than_one_can_read_in_a_go() -> None:
    long = {
        path: lines
        for path, _ in modules(*PACKAGES)
        if not path.startswith(NO_PROSE) and (lines := len(source(path).splitlines())) > LINES_OF_A_MODULE
    }
    assert long == {}


def test_no_function_is_longer_than_a_screen() -> None:
    long = {
        f"{path}:{x.name}": lines
        for path, tree in modules(*PACKAGES)
        if not path.startswith(NO_PROSE)
        for x in functions(tree)
        if (lines := (x.end_lineno or x.lineno) - x.lineno + 1) > LINES_OF_A_FUNCTION
    }
    assert long == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_no_folder_holds_more_modules_than_one_can_take_in(package: str) -> None:
    python = (PurePosixPath(x.as_posix()) for x in tracked() if x.suffix == ".py" and x.parts[0] == package)
    crowded = {str(x): n for x, n in Counter(x.parent for x in python).items() if n > MODULES_OF_A_FOLDER}
    assert crowded == {}

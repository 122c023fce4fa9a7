"""Nothing happens at import: no connection, no process, no thread, no file written, by any module of ours."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("patterns", "fenghuo", "producers", "consumers", "broadcast", "console")
PROBE = """
import importlib, json, os, pkgutil, sys

EVENTS = {"socket.connect", "socket.bind", "socket.getaddrinfo", "subprocess.Popen", "os.system", "os.exec",
          "os.fork", "os.posix_spawn", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.chmod",
          "_thread.start_new_thread", "tempfile.mkstemp", "tempfile.mkdtemp", "sqlite3.connect",
          "signal.signal"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
seen, current = [], ["(start)"]

def watch(event, args):
    if event == "open":
        path, mode, flags = args
        if isinstance(path, int) or not ((flags or 0) & WRITING) or str(path) == os.devnull:
            return
        seen.append([current[-1], event, str(path)])
    elif event in EVENTS:
        seen.append([current[-1], event, repr(args)[:200]])

names = []
for package in sys.argv[1:]:
    names.append(package)
    folder = importlib.util.find_spec(package).submodule_search_locations
    stack = [(package, folder)]
    while stack:
        prefix, paths = stack.pop()
        for found in pkgutil.iter_modules(paths, prefix + "."):
            names.append(found.name)
            if found.ispkg:
                stack.append((found.name, [os.path.join(p, found.name.rpartition(".")[2]) for p in paths]))
names = [x for x in names if not x.endswith(".__main__")]
sys.addaudithook(watch)
broken = {}
for name in names:
    current.append(name)
    try:
        importlib.import_module(name)
    except BaseException as error:
        broken[name] = repr(error)
print(json.dumps({"imported": names, "seen": seen, "broken": broken}))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What importing every module of ours did, in a process of its own, in an empty folder."""
    probed = subprocess.run(
        [sys.executable, "-B", "-c", "import importlib.util\n" + PROBE, *PACKAGES],
        cwd=tmp_path_factory.mktemp("empty"), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert probed.returncode == 0, probed.stderr
    answer: dict[str, object] = json.loads(probed.stdout.splitlines()[-1])
    return answer


def test_every_module_can_be_imported_alone_with_no_setting_given(told: dict[str, object]) -> None:
    assert told["broken"] == {}


def test_every_module_of_the_packages_was_tried(told: dict[str, object]) -> None:
    files = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if path.name != "__main__.py"
    }
    assert set(told["imported"]) == files  # type: ignore[call-overload]


def test_nothing_happens_at_import(told: dict[str, object]) -> None:
    assert told["seen"] == []

"""No tracked file names a package registry, a mirror, or a place on the machine that it was written on."""

import re
from functools import cache
from pathlib import Path

import pytest

from fenghuo.topics import TOPICS
from tests.architecture.checkout import PACKAGES, ROOT, source, tracked

REGISTRIES = (
    "py" "pi.org", "py" "pi.python.org", "python" "hosted.org", "npm" "js.org", "npm" "js.com",
    "npm" "mirror.com", "maven" ".apache.org", "repo1." "maven", "maven" ".org/maven2", "crates" ".io",
    "proxy." "golang.org", "docker" ".io", "ghcr" ".io", "gcr" ".io", "quay" ".io", "rubygems" ".org",
    "deb.debian" ".org", "archive.ubuntu" ".com", "mirrors." "aliyun", "mirrors." "tuna",
    "tuna." "tsinghua", "mirrors." "ustc", "mirrors." "cloud", "pypi." "tuna", "jfrog" ".io",
    "artifact" "ory", "cdn." "jsdelivr", "unp" "kg.com", "cdn" "js.cloudflare",
)  # fmt: skip
"""In halves, so that this file does not name them either."""
PLACES = (r"/wo" r"rk/", r"/ro" r"ot/", r"/home/\w+/", r"\.\./sha" r"red", r"\bfac" r"ts/[\w-]+\.md")
NOT_TEXT = {".png", ".ico", ".xlsx", ".jpg", ".weights"}


@cache
def texts() -> list[tuple[str, str]]:
    """(path, text in lower case) of every tracked file."""
    found = [path for path in tracked() if path.suffix not in NOT_TEXT]
    return [(path.as_posix(), source(path.as_posix()).lower()) for path in found]


def lines_with(pattern: str) -> list[str]:
    """Every line that matches ``pattern`` (in lower case), however it is written."""
    wanted = re.compile(pattern)
    return [
        f"{path}:{number}: {line.strip()[:120]}"
        for path, text in texts()
        if wanted.search(text)
        for number, line in enumerate(text.splitlines(), 1)
        if wanted.search(line)
    ]


def test_no_file_names_a_package_registry() -> None:
    assert lines_with("|".join(re.escape(name) for name in REGISTRIES)) == []


@pytest.mark.parametrize("place", PLACES)
def test_no_file_names_a_place_outside_the_project(place: str) -> None:
    assert lines_with(place) == []


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_holds_pins_hashes_and_comments_alone(name: str) -> None:
    lines = [line.strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]
    allowed = re.compile(r"#|[\w.-]+==[\w.+!-]+( ; [^\\]+)? \\$|--hash=sha256:[0-9a-f]{64}( \\)?$")
    assert [line for line in lines if line and not allowed.match(line)] == []


def test_the_runtime_lock_is_part_of_the_developers() -> None:
    """What is tested is what runs."""
    pins = [
        {line for line in (ROOT / name).read_text(encoding="utf-8").splitlines() if "==" in line}
        for name in ("requirements.lock", "requirements-dev.lock")
    ]
    assert pins[0] - pins[1] == set()


def test_every_paper_that_is_promised_is_there() -> None:
    papers = {path.as_posix() for path in tracked() if (ROOT / path).stat().st_size}
    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "ARCHITECTURE.md", "LICENSE"} <= papers


def test_each_decision_says_its_context_what_was_rejected_and_when_to_look_again() -> None:
    decisions = sorted(Path(ROOT, "docs/decisions").glob("*.md"))
    assert [p.name[:4] for p in decisions] == [f"{n:04}" for n in range(1, len(decisions) + 1)]
    for path in decisions:
        text = path.read_text(encoding="utf-8")
        headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
        assert headings == ["Context", "Decision", "Rejected", "When to revisit"], path.name
        assert len(text.splitlines()) < 60, path.name


def papers() -> list[tuple[str, str]]:
    """(path, text) of what is written about the code as it is now: no history, no superseded decision."""
    found = [path.as_posix() for path in tracked() if path.suffix == ".md" and path.name != "CHANGELOG.md"]
    return [(path, source(path)) for path in found if "Superseded by" not in source(path)]


def stands(dotted: str) -> bool:
    """Whether ``dotted`` is a module or package of ours, or a name in one."""
    parts = dotted.split(".")
    for end in range(len(parts), 0, -1):
        below = "/".join(parts[:end])
        for path in (f"{below}.py", f"{below}/__init__.py"):
            if (ROOT / path).is_file():
                return end == len(parts) or re.search(rf"\b{parts[end]}\b", source(path)) is not None
    return False


def test_every_module_that_a_paper_names_exists() -> None:
    """`package.module`, `package.module.name`; a topic's name looks alike and is none."""
    dotted = re.compile(rf"`((?:{'|'.join(PACKAGES)})(?:\.\w+)+)(?:\([^`]*)?`")
    topics = {topic.name for topic in TOPICS}
    gone = [
        f"{path}: {name}"
        for path, text in papers()
        for name in dotted.findall(text)
        if name not in topics and not stands(name)
    ]
    assert gone == []


def test_every_file_that_a_paper_names_exists() -> None:
    """A decision may be named by its number alone."""
    below = re.compile(rf"(?<![\w/.-])((?:{'|'.join((*PACKAGES, 'tests', 'bench', 'docs'))})/[\w/.-]*\w/?)")
    gone = [
        f"{path}: {name}"
        for path, text in papers()
        for name in below.findall(text)
        if not (ROOT / name).exists() and not list(ROOT.glob(f"{name}-*.md"))
    ]
    assert gone == []

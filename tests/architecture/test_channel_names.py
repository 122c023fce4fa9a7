"""What is true of a channel stands in one table: no other module names a channel by a literal."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fenghuo.domain.channels import CHANNELS
from tests.architecture.checkout import ROOT, tracked

PACKAGES = ("producers", "consumers", "broadcast", "console", "fenghuo", "patterns")
TABLE = Path("fenghuo/domain/channels.py")
ADAPTERS = {name: Path(f"broadcast/channels/{name}.py") for name in CHANNELS}
PAGES = (".html", ".js", ".toml", ".json")


def names_in(text: str) -> set[str]:
    """The channels that a literal names: alone ("relay"), before a sign ("webhook=...", "feishu/second"), or
    anywhere when no English word is spelt that way ("wecom_robot")."""
    words = re.split(r"[^\w.-]+", text)
    first = "" if re.search(r"\s", text) else words[0]
    return {x for x in CHANNELS if x == first or ("_" in x and x in words)}


def literals(tree: ast.AST) -> Iterator[ast.Constant]:
    """Every text of ``tree`` but the docstrings: a statement that is a text alone."""
    papers = {id(x.value) for x in ast.walk(tree) if isinstance(x, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in papers:
            yield node


def modules() -> list[Path]:
    return [x for x in tracked() if x.suffix == ".py" and x.parts[0] in PACKAGES and x != TABLE]


def test_no_channel_is_named_by_a_literal_outside_the_table_and_its_adapter() -> None:
    found = [
        f"{path}:{literal.lineno}: {literal.value!r}"
        for path in modules()
        for literal in literals(ast.parse((ROOT / path).read_text("utf-8")))
        if any(ADAPTERS[name] != path for name in names_in(str(literal.value)))
    ]
    assert found == []


def test_no_page_and_no_table_of_words_names_a_channel() -> None:
    named = re.compile(rf"(?:[\"'.]|^)({'|'.join(CHANNELS)})(?:[\"']|\s*=\s*\{{)", re.MULTILINE)
    found = [
        f"{path}: {match[0].strip()}"
        for path in tracked()
        if path.suffix in PAGES and path.parts[0] in PACKAGES
        for match in named.finditer((ROOT / path).read_text("utf-8"))
    ]
    assert found == []


def test_every_channel_has_its_adapter_and_its_row_in_the_papers() -> None:
    paper = (ROOT / "docs" / "channels.md").read_text("utf-8")
    for name, adapter in ADAPTERS.items():
        assert (ROOT / adapter).is_file(), name
        assert f"\n| `{name}` |" in paper, name


@pytest.mark.parametrize(
    "text", ["relay", "webhook=http://x", "feishu/second", "wecom_robot", "a robot of wecom_robot"]
)
def test_a_literal_that_names_a_channel_is_seen(text: str) -> None:
    assert names_in(text)


@pytest.mark.parametrize("text", ["the webhook is down", "/cgi-bin/webhook/send", "https://open.feishu.cn"])
def test_a_word_of_a_sentence_or_an_address_names_no_channel(text: str) -> None:
    assert not names_in(text)

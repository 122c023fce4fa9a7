"""The texts of the console in Chinese and English: one table and one lookup.

The table is words/*.toml; the names of channels come from fenghuo.domain.channels.

A key is ``page.name``; an entry has ``zh`` and ``en``, and ``one`` where English needs a singular.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from fenghuo.domain.channels import CHANNELS

LANGUAGES = ("zh", "en")
_FOLDER = Path(__file__).parents[1] / "words"

Entry = Mapping[str, str]


@cache
def table() -> dict[str, Entry]:
    """All entries by key."""
    found: dict[str, Entry] = {}
    for path in sorted(_FOLDER.glob("*.toml")):
        for section, entries in tomllib.loads(path.read_text("utf-8")).items():
            found |= {f"{section}.{name}": entry for name, entry in entries.items()}
    found |= {f"channel.{x.name}": {"zh": x.zh[0], "en": x.en} for x in CHANNELS.values()}
    return found


class Words:
    """The texts of one language: ``words("queue.title")``; integers are written with thousands separators."""

    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else LANGUAGES[0]

    def __call__(self, key: str, **values: object) -> str:
        """The text of ``key``; KeyError if the table has none."""
        entry = table()[key]
        text = entry[self.language]
        if self.language == "en" and values.get("n") == 1:
            text = entry.get("one", text)
        return text.format(**{k: _with_separators(v) for k, v in values.items()}) if values else text

    def known(self, key: str) -> bool:
        return key in table()

    def people(self, count: int) -> str:
        """A number of residents before a noun, without a line break inside: "42.6 万", "9,500 "; 426,000."""
        if self.language == "zh" and count >= 10_000:
            return f"{count / 10_000:.1f}".removesuffix(".0") + "\u00a0万"
        return f"{count:,}\u00a0" if self.language == "zh" else f"{count:,}"


def _with_separators(value: object) -> object:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else value

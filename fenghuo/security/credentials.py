"""The credentials of platforms, from one file that only its owner may read: FENGHUO_CREDENTIALS_FILE.

Each table of the TOML file is one credential by name::

    [district]                        # a WeCom tenant's app
    channel = "wecom_customer_group"
    corpid = "ww0000000000000000"
    secret = "..."

    [property-office]                 # whoever receives webhooks
    channel = "webhook"
    secret = "..."
    per_second = 50

    [notices]                         # an app of a WeCom tenant that sends messages to persons
    channel = "wecom_app"
    corpid = "ww0000000000000000"
    agentid = 1000002
    secret = "..."
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from fenghuo.errors import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """One table of the file; ``per_second`` 0: the channel's default rate; ``url``: the platform's, if not
    the default."""

    name: str
    channel: str
    secret: str = ""
    corpid: str = ""
    agentid: int = 0
    url: str = ""
    per_second: float = 0.0

    def __repr__(self) -> str:
        return f"Credential({self.name}, {self.channel})"


def load_credentials(file: str) -> dict[str, Credential]:
    """The credentials by name; {} without a file. Raises Refused if it is invalid or others may read it."""
    if not file:
        return {}
    path = Path(file)
    try:
        if path.stat().st_mode & 0o077:
            raise Refused(f"{path} can be read by others: chmod 600 {path}")
        tables = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise Refused(f"FENGHUO_CREDENTIALS_FILE {path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused(f"{path} is no TOML: {error}") from error
    return {x.name: x for x in _read(path, tables)}


_TYPES: Mapping[object, tuple[type, ...]] = {str: (str,), int: (int,), float: (int, float)}
"""What TOML may give for a field of each type."""


def _read(path: Path, tables: Mapping[str, object]) -> Iterator[Credential]:
    known = {x.name: x.type for x in fields(Credential)}
    for name, table in tables.items():
        if not isinstance(table, dict) or not isinstance(table.get("channel"), str):
            raise Refused(f"{path}: [{name}] is no table with a channel")
        wrong = [
            k for k, v in table.items()
            if k == "name" or k not in known
            or not isinstance(v, _TYPES[known[k]]) or isinstance(v, bool)
        ]  # fmt: skip
        if wrong:
            raise Refused(
                f"{path}: [{name}] {wrong[0]} is unknown or of the wrong kind; known: {', '.join(known)}"
            )
        yield Credential(name=name, **table)

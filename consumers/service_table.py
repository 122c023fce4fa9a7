"""The district's table of services: the one that ships with the project, or the file of the settings."""

from functools import cache
from importlib.resources import files
from pathlib import Path

from fenghuo.domain.offices import Service, parse_services
from fenghuo.errors import Refused

ANY = Service(kind="其他", words=(), name="政务服务便民热线", number="12345")
"""For a matter that no service of the table is for."""


@cache
def shipped_services() -> tuple[Service, ...]:
    """The table with the national numbers."""
    return parse_services(files("consumers").joinpath("services.toml").read_text("utf-8"), "services.toml")


def load_services(file: str) -> tuple[Service, ...]:
    """The table in ``file`` (of the settings), "" for the shipped one; raises Refused if it is wrong."""
    if not file:
        return shipped_services()
    try:
        text = Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"FENGHUO_SERVICES_FILE: {file} cannot be read: {error}") from None
    return parse_services(text, file)

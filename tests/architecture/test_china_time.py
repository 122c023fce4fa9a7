"""China's offset from UTC is written in one module; every other one imports it."""

import re

from tests.architecture.checkout import PACKAGES, modules, source, tracked

PLACE = "fenghuo/domain/calendar.py"
OFFSET = re.compile(
    r"hours=8\b|[+]08:?00\b|\b(UTC|GMT)[+]8\b|Asia/(Shanghai|Chongqing)|\bZoneInfo\(|\btimezone\("
)


def test_chinas_offset_from_utc_is_written_in_one_module() -> None:
    """Templates and scripts get times that are rendered already."""
    files = [path for path, _ in modules(*PACKAGES)]
    files += [str(x) for x in tracked() if x.parts[0] in PACKAGES and x.suffix in {".html", ".js", ".j2"}]
    assert [path for path in files if OFFSET.search(source(path))] == [PLACE]

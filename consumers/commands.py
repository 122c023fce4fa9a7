"""Commands of the room, for use without any server: ``fenghuo match`` and ``fenghuo cluster``.

Both read one JSON object a line, {"id", "text"}, and write one a line, in the same order.
"""

import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import click
import msgspec

from fenghuo.errors import Refused

AT_ONCE = 1_000


class Line(msgspec.Struct):
    """One message (or pattern) of the input."""

    id: str
    text: str


def _lines(source: Iterable[bytes], name: str) -> Iterator[Line]:
    decoder = msgspec.json.Decoder(Line)
    for number, raw in enumerate(source, 1):
        if raw.strip():
            try:
                yield decoder.decode(raw)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise Refused(
                    f'{name}, line {number}: {error}; wanted {{"id": "...", "text": "..."}}'
                ) from None


def _write(rows: Iterable[dict[str, Any]]) -> None:
    for row in rows:
        sys.stdout.buffer.write(msgspec.json.encode(row) + b"\n")


@click.command(short_help="Match messages on standard input against known patterns.")
@click.option(
    "--library", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Patterns as JSONL."
)
def match(library: Path | None) -> None:
    """Say for each message which pattern it resembles, how much (0 to 100) and whether it is known.

    Without --library the patterns that ship with Fenghuo are used.
    """
    from consumers.library import OTHER, seed_patterns
    from patterns.matching import Library
    from patterns.model import Pattern

    if library is None:
        patterns = seed_patterns()
    else:
        with library.open("rb") as source:
            patterns = [Pattern(x.id, OTHER, x.id, x.text) for x in _lines(source, library.name)]
    held = Library(patterns)
    messages = _lines(sys.stdin.buffer, "standard input")
    while batch := list(islice(messages, AT_ONCE)):
        verdicts = held.match([message.text for message in batch])
        _write(
            {"id": m.id, "pattern": v.pattern_id, "score": round(v.score, 2), "verdict": v.verdict}
            for m, v in zip(batch, verdicts, strict=True)
        )


@click.command(short_help="Cluster the messages on standard input.")
@click.option("--raise-at", default=3, show_default=True, help="Messages at which a cluster is raised.")
def cluster(raise_at: int) -> None:
    """Say for each message which cluster it is in, and whether that cluster would be raised."""
    from collections import Counter

    from patterns.clustering import Clusterer
    from patterns.redact import mask
    from patterns.triage import assess

    clusterer, sizes, suspicious = Clusterer(), Counter[str](), set[str]()
    placed: list[tuple[str, str]] = []
    for message in _lines(sys.stdin.buffer, "standard input"):
        found = clusterer.place(message.id, mask(message.text)).cluster_id
        placed.append((message.id, found))
        sizes[found] += 1
        if assess(message.text).suspicious:
            suspicious.add(found)
    raised = {c for c, n in sizes.items() if n >= raise_at and c in suspicious}
    _write({"id": i, "cluster": c if sizes[c] > 1 else None, "raised": c in raised} for i, c in placed)

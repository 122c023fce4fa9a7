"""Commands of the room, for use without any server: ``fenghuo match`` and ``fenghuo cluster``.

Both read one JSON object a line, {"id", "text"}, and write one a line, in the same order; ``match`` also
takes plain text and writes for people.
"""

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from consumers.command_line.message_lines import MessageLine, PatternLine, read_lines, read_texts, write_rows

if TYPE_CHECKING:
    from consumers.command_line.verdict_text import Lang
    from patterns.judgement.judge import Judgement
    from patterns.matching import Library
    from patterns.model import FraudType

AT_ONCE = 1_000


@click.command(short_help="Match messages on standard input against known patterns.")
@click.argument("texts", metavar="[TEXT]...", nargs=-1)
@click.option(
    "--library", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Patterns as JSONL."
)
@click.option("--pretty", is_flag=True, help="For people: in words, with the evidence marked.")
@click.option(
    "--lang", type=click.Choice(["zh", "en"]), default="zh", show_default=True, help="Language of --pretty."
)
@click.option("--as-written", is_flag=True, help="No word stands for what an anonymised record left out.")
def match(texts: tuple[str, ...], library: Path | None, pretty: bool, lang: "Lang", as_written: bool) -> None:
    """Say for each message which pattern it resembles, how much (0 to 100) and whether it is known.

    Messages are each TEXT, or without any the lines of standard input: {"id", "text"} as JSON, and with
    --pretty also plain text. Each gets a line {"id", "pattern", "score", "verdict"} (known, suggested or
    none), or with --pretty a block that says why. Without --library the patterns that ship with Fenghuo are
    used.

    Without --pretty JSON is taken for records, which may be anonymised: there URL, PHONE, CELLPHONE, WECHAT,
    DIGIT, NAME and PLACE in capitals stand for what was taken out. --as-written takes them for words.
    """
    held, kinds = _load(library, as_written)
    if texts:
        messages = iter([MessageLine(str(number), text) for number, text in enumerate(texts, 1)])
    else:
        messages = (read_texts if pretty else read_lines)(sys.stdin.buffer, "standard input")
    if pretty:
        _explain(messages, held, kinds, lang)
    else:
        _print_json(messages, held, as_written or bool(texts))


def _load(file: Path | None, as_written: bool) -> "tuple[Library, dict[str, FraudType]]":
    """The patterns of ``file`` as a library, or the seeds with their fraud types."""
    from consumers.live_library import OTHER, fraud_types, seed_patterns
    from patterns.matching import Library
    from patterns.model import Pattern
    from patterns.text.slots import from_record

    if file is None:
        return Library(seed_patterns()), fraud_types()
    with file.open("rb") as source:
        lines = read_lines(source, file.name, PatternLine)
        texts = {x.id: x.text if as_written else from_record(x.text) for x in lines}
    return Library([Pattern(x, OTHER, x, text) for x, text in texts.items()]), {}


def _print_json(messages: Iterator[MessageLine], held: "Library", as_written: bool) -> None:
    from patterns.text.slots import example, from_record

    while batch := list(islice(messages, AT_ONCE)):
        verdicts = held.match([m.text if as_written else example(from_record(m.text)) for m in batch])
        write_rows(
            {"id": m.id, "pattern": v.pattern_id, "score": round(v.score, 2), "verdict": v.band}
            for m, v in zip(batch, verdicts, strict=True)
        )


def _explain(
    messages: Iterator[MessageLine], held: "Library", kinds: "dict[str, FraudType]", lang: "Lang"
) -> None:
    """Print a block for each message as it is read, and the versions once at the end."""
    from rich.console import Console

    from consumers.command_line.verdict_text import explain, versions

    console, made_by = Console(highlight=False, soft_wrap=True), ""
    for message in messages:
        ((verdict, pattern),) = held.matched([message.text])
        block = explain(
            message.id, message.text, verdict, pattern, kinds, lang=lang, styled=console.is_terminal
        )
        console.print(block, end="\n\n")
        made_by = versions(verdict, lang)
    if made_by:
        console.print(made_by, style="dim")
    else:
        click.echo("no message was given", err=True)


@click.command(short_help="Cluster the messages on standard input.")
@click.option("--raise-at", default=3, show_default=True, help="Messages at which a cluster is raised.")
@click.option("--as-written", is_flag=True, help="No word stands for what an anonymised record left out.")
def cluster(raise_at: int, as_written: bool) -> None:
    """Say for each message which cluster it is in, and whether that cluster would be raised.

    Messages are taken for records, as by `match`: URL, PHONE, DIGIT and the like in capitals stand for what
    was taken out.
    """
    from collections import defaultdict

    from consumers.judging import judged_texts, shipped_judge
    from patterns.clustering import Clusterer
    from patterns.entities.redact import mask
    from patterns.text.slots import example, from_record

    clusterer, judge = Clusterer(), shipped_judge()
    members, placed = defaultdict[str, list["Judgement"]](list), list[tuple[str, str]]()
    messages = read_lines(sys.stdin.buffer, "standard input")
    while batch := list(islice(messages, AT_ONCE)):
        texts = [m.text if as_written else example(from_record(m.text)) for m in batch]
        found = clusterer.place_batch([m.id for m in batch], [mask(text) for text in texts])
        for message, judged, placement in zip(batch, judged_texts(judge, texts), found, strict=True):
            placed.append((message.id, placement.cluster_id))
            members[placement.cluster_id].append(judged)
    raised = {c for c, some in members.items() if len(some) >= raise_at and _is_raised(some)}
    write_rows(
        {"id": i, "cluster": c if len(members[c]) > 1 else None, "raised": c in raised} for i, c in placed
    )


def _is_raised(members: "list[Judgement]") -> bool:
    """Whether the live stage would show a cluster of these messages, at least to look at."""
    from consumers.credibility import BULK_POINTS, WATCH

    evidence = sum(x.evidence for x in members) / len(members)
    return evidence >= WATCH or sum(x.points for x in members) / len(members) >= BULK_POINTS

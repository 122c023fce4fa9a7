"""``fenghuo assess`` and ``fenghuo backtest``: what the room would say of messages, without any server.

Both read one JSON object a line and write one a line.
"""

import asyncio
import sys
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from consumers.command_line.message_lines import MessageLine, read_lines, read_reports, write_rows
from fenghuo.errors import Refused

if TYPE_CHECKING:
    from consumers.judging import Assessed
    from consumers.learning.backtest import ReportLine, Shown
    from fenghuo.settings import Settings
    from patterns.judgement.judge import Judge

AT_ONCE = 512


@click.command(short_help="Say of messages on standard input what they are.")
def assess() -> None:
    """Say of each message {"id", "text"} what its reporter would be told, and what it is.

    A line each: verdict (known, suggested, like, none), type, voice, stage and matter by its words, and the
    masked text that officers see.
    """
    from consumers.judging import assess_all, judge_in_force
    from consumers.live_library import seed_patterns
    from fenghuo.settings import load_settings
    from patterns.matching import Library

    library, judge = Library(seed_patterns()), judge_in_force(load_settings())
    messages = read_lines(sys.stdin.buffer, "standard input")
    while batch := list(islice(messages, AT_ONCE)):
        seen = assess_all(library.matched, judge, [x.text for x in batch])
        write_rows(_row(message, one) for message, one in zip(batch, seen, strict=True))


def _row(message: MessageLine, seen: "Assessed") -> dict[str, Any]:
    from patterns.entities.redact import mask

    judged = seen.judgement
    return {
        "id": message.id,
        "verdict": seen.called,
        "type": seen.fraud_type,
        "voice": judged.voice,
        "stage": seen.stage,
        "matter": seen.matter,
        "suspicion": round(judged.suspicion, 3),
        "masked": mask(message.text),
    }


@click.command(short_help="What would the team have been shown of past reports?")
@click.option("--pretty", is_flag=True, help="For people: a table by day, fraud type and tier.")
@click.option(
    "--compare",
    metavar="FILE.weights",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Beside the judge in force, this one: only what one of them shows and the other does not.",
)
@click.option("--second-reader", is_flag=True, help="It reads what the judge is unsure of.")
def backtest(pretty: bool, compare: Path | None, second_reader: bool) -> None:
    """Go through past reports on standard input and say what the team would have been shown.

    Reads {"id", "district", "town", "reporter", "at", "text"} in time order, a line each; writes drafts and
    what was to look at: {"tier", "district", "type", "severity", "title", "text", "reports", "first_at"}, and
    with --compare the "judge" that alone shows it. Where the second reader lifted some of the reports,
    "by_model" says what it found in each, and "only_model" whether nobody would have been shown them else.
    """
    from consumers.judging import judge_in_force
    from fenghuo.settings import load_settings

    settings = load_settings()
    if second_reader and not settings.second_reader_url:
        raise Refused("FENGHUO_SECOND_READER_URL is empty: name the server that is to be asked")
    judges = [judge_in_force(settings), *([] if compare is None else [_judge_of(compare)])]
    reports = read_reports(sys.stdin.buffer, "standard input")
    if compare is not None:
        _compared(judges, list(reports), settings, pretty, second_reader)
        return
    shown = _shown(judges[0], reports, settings, second_reader)
    if pretty:
        from consumers.learning.backtest_tables import table

        _say(table(shown))
    else:
        write_rows(map(_shown_row, shown))


def _shown(
    judge: "Judge", reports: "Iterable[ReportLine]", settings: "Settings", second_reader: bool
) -> "list[Shown]":
    from consumers.learning.backtest import shown_by

    run = _read_twice if second_reader else shown_by
    return asyncio.run(run(judge, reports, settings))


async def _read_twice(judge: "Judge", reports: "Iterable[ReportLine]", settings: "Settings") -> "list[Shown]":
    """What would have been shown with the second reader; says in a line for people what that added."""
    from consumers.learning.backtest import shown_by
    from consumers.second_reader.reader import SecondReader
    from consumers.second_reader.second_look import SecondLooker

    reader = SecondReader.of(settings)
    assert reader is not None
    try:
        looker = SecondLooker(reader, settings.second_reader_a_minute)
        shown = await shown_by(judge, reports, settings, looker.look)
    finally:
        await reader.aclose()
    lifted, only = sum(len(x.by_model) for x in shown), sum(x.only_model for x in shown)
    asked = " ".join(f"{outcome}={n}" for outcome, n in sorted(reader.counts.items())) or "nothing"
    said = f"second reader: {asked}; {lifted} reports lifted, {only} rows shown because of it alone"
    click.echo(said, err=True)
    return shown


def _shown_row(x: "Shown") -> dict[str, Any]:
    """The row as it is written: of the second reader nothing where it found nothing."""
    row = x._asdict()
    lifted, only = dict(row.pop("by_model")), row.pop("only_model")
    return row | ({"by_model": lifted, "only_model": only} if lifted else {})


def _compared(
    judges: "Sequence[Judge]",
    reports: "Sequence[ReportLine]",
    settings: "Settings",
    pretty: bool,
    second_reader: bool,
) -> None:
    from consumers.learning.backtest_tables import only_in, side_by_side

    (first, some), (second, others) = (
        (x.version, _shown(x, reports, settings, second_reader)) for x in judges
    )
    if pretty:
        _say(side_by_side([(first, some), (second, others)]))
        return
    for name, only in ((first, only_in(some, others)), (second, only_in(others, some))):
        write_rows({"judge": name, **_shown_row(x)} for x in only)


def _judge_of(path: Path) -> "Judge":
    from consumers.judge_folder import judge_of

    return judge_of(path.read_bytes(), str(path))


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)

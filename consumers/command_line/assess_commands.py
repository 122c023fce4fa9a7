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
import msgspec

from consumers.command_line.message_lines import MessageLine, read_lines, read_reports

if TYPE_CHECKING:
    from consumers.judging import Assessed
    from consumers.learning.backtest import ReportLine, Shown
    from fenghuo.settings import Settings
    from patterns.judgement.judge import Judge

AT_ONCE = 512


def _write(rows: Iterable[dict[str, Any]]) -> None:
    for row in rows:
        sys.stdout.buffer.write(msgspec.json.encode(row) + b"\n")


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
        _write(_row(message, one) for message, one in zip(batch, seen, strict=True))


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
def backtest(pretty: bool, compare: Path | None) -> None:
    """Go through past reports on standard input and say what the team would have been shown.

    Reads {"id", "district", "town", "reporter", "at", "text"} in time order, a line each; writes drafts and
    what was to look at: {"tier", "district", "type", "severity", "title", "text", "reports", "first_at"}, and
    with --compare the "judge" that alone shows it.
    """
    from consumers.judging import judge_in_force
    from fenghuo.settings import load_settings

    settings = load_settings()
    judges = [judge_in_force(settings), *([] if compare is None else [_judge_of(compare)])]
    reports = read_reports(sys.stdin.buffer, "standard input")
    if compare is not None:
        _compared(judges, list(reports), settings, pretty)
        return
    shown = _shown(judges[0], reports, settings)
    if pretty:
        from consumers.learning.backtest_tables import table

        _say(table(shown))
    else:
        _write(x._asdict() for x in shown)


def _shown(judge: "Judge", reports: "Iterable[ReportLine]", settings: "Settings") -> "list[Shown]":
    from consumers.learning.backtest import shown_by

    return asyncio.run(shown_by(judge, reports, settings))


def _compared(
    judges: "Sequence[Judge]", reports: "Sequence[ReportLine]", settings: "Settings", pretty: bool
) -> None:
    from consumers.learning.backtest_tables import only_in, side_by_side

    (first, some), (second, others) = ((x.version, _shown(x, reports, settings)) for x in judges)
    if pretty:
        _say(side_by_side([(first, some), (second, others)]))
        return
    for name, only in ((first, only_in(some, others)), (second, only_in(others, some))):
        _write({"judge": name, **x._asdict()} for x in only)


def _judge_of(path: Path) -> "Judge":
    from consumers.judge_folder import judge_of

    return judge_of(path.read_bytes(), str(path))


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)

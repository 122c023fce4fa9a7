"""``fenghuo library learn``: a judge that also learned from what the district's own people decided.

Nothing is put in force without ``--activate``.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from consumers.command_line.message_lines import read_reports
from fenghuo.errors import Refused

if TYPE_CHECKING:
    from consumers.learning.backtest import ReportLine
    from consumers.learning.examples import Example
    from fenghuo.settings import Settings
    from patterns.judgement.judge import Judge

_File = click.Path(exists=True, dir_okay=False, path_type=Path)
FEWEST = 3
"""Examples without which there is nothing to learn: a gram that fewer texts have is not learned from."""


class _Learned(NamedTuple):
    """A judge that was learned, and what it was learned beside."""

    in_force: "Judge"
    judge: "Judge"
    content: bytes


@click.command(short_help="Learn from what the district's people decided; put it in force only if told to.")
@click.option("--examples", "file", type=_File, help="Learn from this JSONL file instead of the desk.")
@click.option("--reports", type=_File, help="Past reports (as for `fenghuo backtest`) to try both judges on.")
@click.option("--activate", is_flag=True, help="Put it in force, once you have seen what it changes.")
@click.option("--restore", is_flag=True, help="Bring back the judge that was in force before.")
@click.option("--yes", is_flag=True, help="Do not ask; what is warned of needs --force too.")
@click.option("--force", is_flag=True, help="In spite of a warning.")
def learn(
    *, file: Path | None, reports: Path | None, activate: bool, restore: bool, yes: bool, force: bool
) -> None:
    """Train a judge from the shipped texts and the district's own labelled examples, and compare it with the
    judge in force; some five minutes on one core.

    The examples are what analysts and approvers decided, as it stands on the desk: released alerts, alerts
    rejected or recalled as no fraud, false alarms, clusters that were merged or split. Or a file of them, one
    JSON object a line: {"id", "kind", "voice", "type", "stage", "matter", "slots", "text"}.

    Prints what changes on texts that neither learned from and, with --reports, on past reports. The judge is
    kept as learned.weights and is not in force; --activate puts it in force at the next start of the
    consumers, after a question. docs/judge.md.
    """
    from fenghuo.commands import session

    settings = session.known_settings()
    if restore:
        _restore(settings, yes)
        return
    past = [] if reports is None else list(_reports_of(reports))
    own, found = _learn(file, settings)
    warned = _show(own, found)
    _try_on(past, found, settings)
    if activate:
        _activate(found, settings, warned, yes=yes, force=force)
    else:
        click.echo("\nnot in force; to put it in force: the same command with --activate")


def _learn(file: Path | None, settings: "Settings") -> "tuple[list[Example], _Learned]":
    """The district's examples, and the judge that learned from three quarters of them; it is kept, so that
    the same examples are not learned from twice."""
    from consumers.judge_folder import LEARNED, folder_of, judge_at, judge_of, keep
    from consumers.judging import judge_in_force
    from consumers.learning.examples import learned_from, shipped_texts
    from consumers.learning.training import train, version_of

    in_force, folder = judge_in_force(settings), folder_of(settings)
    own = _own_examples(file, in_force)
    examples = [*learned_from(shipped_texts()), *(x for x in own if not x.set_aside)]
    kept = _kept(folder / LEARNED)
    if kept is not None and kept.version == version_of(examples, "district"):
        click.echo(f"learned before from the same examples: {folder / LEARNED}")
        return own, _Learned(in_force, kept, (folder / LEARNED).read_bytes())
    click.echo(f"learning from {len(examples)} texts; some five minutes on one core", err=True)
    content = train(examples, "district")
    keep(folder, LEARNED, content)
    judge = judge_at(folder / LEARNED) or judge_of(content, LEARNED)
    return own, _Learned(in_force, judge, content)


def _kept(path: Path) -> "Judge | None":
    from consumers.judge_folder import judge_at

    try:
        return judge_at(path)
    except Refused:
        return None


def _own_examples(file: Path | None, in_force: "Judge") -> "list[Example]":
    from consumers.learning.district import examples_of_desk, examples_of_file
    from consumers.learning.figures import counts_by_voice
    from fenghuo.commands import session

    if file is not None:
        own = examples_of_file(file)
    else:
        own = session.with_desk(lambda desk, _: examples_of_desk(desk, in_force))
    if len(own) < FEWEST:
        raise Refused(
            f"{len(own)} examples of the district: at least {FEWEST} are needed. The desk has them once "
            "alerts were released, or rejected as no fraud; a file is given by --examples"
        )
    counts = ", ".join(f"{name} {n}" for name, n in counts_by_voice(own).items())
    aside = sum(x.set_aside for x in own)
    click.echo(f"the district's examples: {len(own)} ({counts}); {aside} of them are set aside")
    return own


def _show(own: "Sequence[Example]", found: _Learned) -> list[str]:
    """Print what changes on texts that were set aside; returns the warnings, printed first."""
    from consumers.learning.comparing import comparison_lines, text_lines, warnings
    from consumers.learning.examples import shipped_texts
    from consumers.learning.figures import compare, seen_by

    click.echo(f"in force  {found.in_force.version}\nlearned   {found.judge.version}")
    comparisons = {}
    for name, texts in (("shipped", shipped_texts()), ("the district's", own)):
        aside = [x for x in texts if x.set_aside]
        before, after = seen_by(found.in_force, aside), seen_by(found.judge, aside)
        comparisons[f"{len(aside)} of {name} texts that were set aside"] = compare(aside, before, after)
    warned = warnings(next(iter(comparisons.values())), own, seen_by(found.in_force, own))
    for line in warned:
        click.secho(f"WARNING: {line}", fg="red")
    for name, one in comparisons.items():
        click.echo(f"\non {name}:")
        for line in comparison_lines(one):
            click.echo(line)
    for line in text_lines(comparisons.values()):
        click.echo(line)
    return warned


def _try_on(reports: "Sequence[ReportLine]", found: _Learned, settings: "Settings") -> None:
    from consumers.learning.backtest import shown_by
    from consumers.learning.backtest_tables import side_by_side

    if reports:
        click.echo(f"\non {len(reports)} past reports:")
        named = [
            (name, asyncio.run(shown_by(judge, reports, settings)))
            for name, judge in (("in force", found.in_force), ("learned", found.judge))
        ]
        for line in side_by_side(named, most=12):
            click.echo(line)


def _reports_of(path: Path) -> "Sequence[ReportLine]":
    with path.open("rb") as source:
        return list(read_reports(source, path.name))


def _activate(
    found: _Learned, settings: "Settings", warned: Sequence[str], *, yes: bool, force: bool
) -> None:
    from consumers.judge_folder import ACTIVE, activate, folder_of

    if warned and not force:
        raise Refused(
            f"not put in force: see the {len(warned)} warnings above; mend the examples, or say --force too "
            "if a second person has looked at them"
        )
    if not yes:
        click.confirm(f"\nPut {found.judge.version} in force?", abort=True)
    activate(folder_of(settings), found.content)
    click.echo(
        f"{found.judge.version} is in {folder_of(settings) / ACTIVE}: it judges from the next start of the "
        "consumers on; --restore brings the one before back"
    )


def _restore(settings: "Settings", yes: bool) -> None:
    from consumers.judge_folder import folder_of, restore
    from consumers.judging import judge_in_force

    if not yes:
        version = judge_in_force(settings).version
        click.confirm(f"Change {version}, which is in force, for the one before?", abort=True)
    judge = restore(folder_of(settings))
    name = "the judge that ships" if judge is None else judge.version
    click.echo(f"{name} is in force from the next start of the consumers on; --restore changes them back")

"""``fenghuo library train``: the shipped judge from the shipped texts. Needs no server."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import click

from fenghuo.errors import Refused


@click.command(short_help="Train the judge that ships, from the texts that ship.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write its weights here.")
def train(out: Path | None) -> None:
    """Train the judge from the shipped texts; some five minutes on one core.

    Prints its version, the hash of its examples, their number by voice, and how it does on the quarter of the
    scenarios that it has not learned from. The same texts give the same file. Needs scikit-learn.
    """
    from consumers.learning.examples import digest, learned_from, shipped_texts
    from consumers.learning.figures import counts_by_voice, figure_lines, figures, seen_by
    from consumers.learning.training import train as trained
    from patterns.judgement.judge import Judge
    from patterns.judgement.weights import read

    texts = shipped_texts()
    examples, aside = learned_from(texts), [x for x in texts if x.set_aside]
    content = trained(examples)
    judge = Judge(read(content))
    click.echo(f"version    {judge.version}\nexamples   {len(examples)}, hash {digest(examples)}")
    click.echo("by voice   " + ", ".join(f"{name} {n}" for name, n in counts_by_voice(examples).items()))
    click.echo(f"on {len(aside)} texts that were set aside:")
    _say(f"  {line}" for line in figure_lines(figures(aside, seen_by(judge, aside))))
    _write(content, out)


def _write(content: bytes, out: Path | None) -> None:
    told = f"{len(content):,} bytes, sha256 {hashlib.sha256(content).hexdigest()}"
    if out is None:
        click.echo(f"not written: {told}\n`--out {_shipped()}` would make it the one that ships")
        return
    try:
        out.write_bytes(content)
    except OSError as error:
        raise Refused(f"{out} cannot be written: {error.strerror}") from None
    click.echo(f"written: {out}, {told}")


def _shipped() -> str:
    from importlib.resources import files

    return str(files("patterns").joinpath("judgement", "shipped.weights"))


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)

"""What a judge that learned from a district's examples would change, in words, and what a person must know
before it is put in force. Pure.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from consumers.learning.examples import Example
from consumers.learning.figures import Comparison, figure_lines, is_honest, of
from consumers.learning.senders import sender_of
from patterns.entities.redact import mask
from patterns.judgement.judge import Judgement

MOST_TEXTS = 12
"""Texts that a comparison shows."""
FEWEST, SHARE = 3, 0.02
"""What is more than chance: so many held-out texts, and this share of their voice or of the frauds ..."""
SENDERS_SHARE = 0.05
"""... or this one of a kind of sender."""
AGAINST, AGAINST_SHARE = 5, 0.2
"""Examples of the district that the judge in force reads the other way, and their share of its label, from
which a person is told to look at them first."""
_WIDEST = 90


def warnings(shipped: Comparison, district: Sequence[Example], judged: Sequence[Judgement]) -> list[str]:
    """What speaks against putting the judge in force; [] if nothing does. ``judged``: what the judge in force
    makes of the district's examples."""
    return [*_against(district, judged), *_contradictions(district), *_worse(shipped)]


def _against(district: Sequence[Example], judged: Sequence[Judgement]) -> Iterator[str]:
    """Examples that call a text a fraud which the judge in force reads as honest, and the other way round."""
    pairs = list(zip(district, judged, strict=True))
    frauds = [x for x, _ in pairs if x.is_fraud]
    called = [
        x for x, j in pairs if x.is_fraud and j.voice in {"notice", "chat", "advert"} and j.evidence < 0
    ]
    if len(called) >= max(AGAINST, AGAINST_SHARE * len(frauds)):
        yield (
            f"{len(called)} of the {len(frauds)} examples that are labelled as fraud read as honest texts, "
            f"{_most_senders(called)}. Honest senders' texts labelled as fraud teach the judge to call them "
            "scams: have a second person look at these examples."
        )
    honest = [x for x, _ in pairs if is_honest(x)]
    cleared = [
        x for x, j in pairs if is_honest(x) and j.voice in {"bait", "story", "victim"} and j.evidence > 1
    ]
    if len(cleared) >= max(AGAINST, AGAINST_SHARE * len(honest)):
        yield (
            f"{len(cleared)} of the {len(honest)} examples that are labelled as honest read as fraud. They "
            "teach the judge to let such frauds pass: have a second person look at these examples."
        )


def _contradictions(district: Sequence[Example]) -> Iterator[str]:
    labels = defaultdict[str, set[bool]](set)
    for x in district:
        labels[x.text].add(x.is_fraud)
    both = sum(len(found) > 1 for found in labels.values())
    if both:
        yield f"{both} texts are labelled as fraud in one example and as none in another: decide which."


def _worse(shipped: Comparison) -> Iterator[str]:
    for voice, (called, total) in shipped.honest.items():
        if called >= max(FEWEST, SHARE * total):
            yield f"{of((called, total))} held-out honest texts (voice {voice}) would now be called fraud."
    for sender, (called, total) in shipped.senders.items():
        if called >= max(FEWEST, SENDERS_SHARE * total):
            yield f"{of((called, total))} held-out honest texts of {_who(sender)} would now be called fraud."
    missed, (_, total) = len(shipped.missed) - shipped.found, shipped.after.frauds_seen
    if missed >= max(FEWEST, SHARE * total):
        yield f"{of((missed, total))} held-out frauds more would be missed."


def _most_senders(examples: Sequence[Example]) -> str:
    most = Counter(sender_of(x.text) for x in examples).most_common(3)
    return ", ".join(f"{n} of {_who(sender)}" for sender, n in most)


def _who(sender: str) -> str:
    return f"senders of the kind {sender}" if sender != "others" else "other senders"


def comparison_lines(found: Comparison) -> Iterator[str]:
    """The comparison for people."""
    before, after = list(figure_lines(found.before)), list(figure_lines(found.after))
    yield from (f"  in force  {was}\n  learned   {now}" for was, now in zip(before, after, strict=True))
    called = sum(n for n, _ in found.honest.values())
    yield f"  honest texts newly taken for fraud: {called}; no longer taken for it: {found.cleared}"
    yield from (f"    voice {name}: {of(share)}" for name, share in found.honest.items() if share[0])
    yield from (f"    {_who(name)}: {of(share)}" for name, share in found.senders.items() if share[0])
    yield f"  frauds newly missed: {len(found.missed)}; newly seen: {found.found}"
    moved = [f"{a or 'unclear'} to {b or 'unclear'} {n}" for (a, b), n in found.types.items()]
    if moved:
        yield f"  types moved: {', '.join(moved[:8])}{' and others' if len(moved) > 8 else ''}"


def text_lines(comparisons: Iterable[Comparison]) -> Iterator[str]:
    """Texts that are taken otherwise, masked, at most MOST_TEXTS of all."""
    rows = [
        *(("now taken for fraud", x) for found in comparisons for x in found.called),
        *(("now missed", x) for found in comparisons for x in found.missed),
    ]
    for what, x in _both(rows):
        yield f"    {what} ({x.voice}): {shown_text(x.text)}"


def _both(rows: Sequence[tuple[str, Example]]) -> list[tuple[str, Example]]:
    """Half of the places for each, unless one needs less."""
    called, missed = (
        [row for row in rows if row[0] == what] for what in ("now taken for fraud", "now missed")
    )
    keep = max(MOST_TEXTS // 2, MOST_TEXTS - len(missed))
    return [*called[:keep], *missed[: MOST_TEXTS - min(keep, len(called))]]


def shown_text(text: str) -> str:
    """A stranger's text on one line, masked, without characters that move the cursor."""
    safe = "".join(c if c.isprintable() else " " for c in mask(text))
    return safe if len(safe) <= _WIDEST else f"{safe[: _WIDEST - 1]}…"

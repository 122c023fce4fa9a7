"""The district's own labelled examples: what analysts and approvers decided, or a file of them."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from consumers.judging import judged_texts
from consumers.learning.examples import Example, read_examples
from consumers.learning.figures import HONEST
from fenghuo.desk.desk import Desk
from fenghuo.desk.reports import ReportView
from fenghuo.domain import events as e
from fenghuo.domain.alert import RELEASED, Alert, State
from fenghuo.errors import Refused
from patterns.judgement.judge import Judge
from patterns.judgement.labels import ACTS, MATTERS, PRETEXTS, STAGES, VOICES, WAYS, WHO

HEAVIEST = 10.0
LONGEST = 10_000
"""Bounds of an example's weight and of the characters of its text."""
_NO_FRAUD = re.compile(
    r"(不是|并非|非|没有|不算|不属于)(涉诈|诈骗|骗局|骗子|骗)|误报|误判|误会|虚惊|(?<!不)属实|(?<![不非])正规|是真的|"
    r"not (a )?(fraud|scam)|no (fraud|scam)|false alarm|genuine|legitimate|harmless",
    re.IGNORECASE,
)
"""A reason that says of a rejected or recalled alert that it was about no fraud. Others (a duplicate, a
better text) say nothing about the messages."""


def says_no_fraud(reason: str | None) -> bool:
    """Whether a person's reason says that there was no fraud."""
    return bool(reason and _NO_FRAUD.search(reason))


# ---------------------------------------------------------------- from a file


def examples_of_file(path: Path) -> list[Example]:
    """The examples of a JSONL file in the form of the shipped ones; Refused, with the line, for one that is
    none."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}") from None
    found = list(read_examples(content, path.name))
    for number, x in enumerate(found, 1):
        if flaw := next(_flaws(x), ""):
            raise Refused(f"{path.name}, example {number} ({x.id}): {flaw}")
    return found


def _flaws(x: Example) -> Iterator[str]:
    from consumers.live_library import fraud_types

    tables = {"voice": VOICES, "stage": STAGES, "matter": MATTERS}
    for field, table in tables.items():
        if getattr(x, field) not in table:
            yield f"{field} is {getattr(x, field)!r}; one of {', '.join(table)}"
    for field in ("type", "near"):
        if getattr(x, field) and getattr(x, field) not in fraud_types():
            yield f"{field} is {getattr(x, field)!r}; `fenghuo library list` names the fraud types"
    for field, words in {"who": WHO, "pretext": PRETEXTS, "way": WAYS}.items():
        if x.slots.get(field) and x.slots[field] not in words:
            yield f"slots.{field} is {x.slots[field]!r}; one of {', '.join(words)}"
    acts = x.slots.get("act", [])
    if not isinstance(acts, list) or not set(acts) <= set(ACTS):
        yield f"slots.act is {acts!r}; a list of {', '.join(ACTS)}"
    if not x.id or not x.kind or not x.text.strip() or len(x.text) > LONGEST:
        yield f"an id, a kind and a text of at most {LONGEST} characters are needed"
    if not 0 < x.weight <= HEAVIEST:
        yield f"weight is {x.weight}; above 0 and at most {HEAVIEST:g}"


# ---------------------------------------------------------------- from the desk


async def examples_of_desk(desk: Desk, judge: Judge) -> list[Example]:
    """What people decided: released alerts are fraud, those that were rejected or recalled as no fraud are
    honest, urgent reports marked as false alarms are nobody's trouble. What was split off an alert's cluster
    is no example of it; what was merged into it is.

    Texts are masked ones. People do not say whose voice a text is: ``judge`` is asked for that.
    """
    alerts = [x for x in await desk.alerts.all() if not x.content.exercise]
    clusters = {x: await desk.clusters.get(x) for x in _cluster_ids(alerts)}
    apart = await _split_off(desk, [x for x in clusters.values() if x is not None])
    found = [
        x for alert in alerts
        for x in _of_alert(alert, clusters.get(alert.origin.cluster_id or ""), apart, judge)
    ]  # fmt: skip
    urgent = await desk.reports.urgent(0)
    return _once([*found, *_false_alarms(urgent, judge)])


def _cluster_ids(alerts: Iterable[Alert]) -> list[str]:
    return list(dict.fromkeys(x.origin.cluster_id for x in alerts if x.origin.cluster_id))


async def _split_off(desk: Desk, clusters: Iterable[e.Cluster]) -> dict[str, set[str]]:
    """By cluster, the texts that persons split off it."""
    found = dict[str, set[str]]()
    for cluster in clusters:
        ids = [x.other_id for x in cluster.corrections if x.kind == "split"]
        found[cluster.cluster_id] = {t for x in await desk.clusters.get_many(ids) for t in x.exemplars}
    return found


def _of_alert(
    alert: Alert, cluster: e.Cluster | None, apart: dict[str, set[str]], judge: Judge
) -> list[Example]:
    was_out = alert.state in RELEASED or (alert.state is State.EXPIRED and alert.version > 0)
    ended_as_none = alert.state in {State.REJECTED, State.RECALLED} and says_no_fraud(alert.reason)
    if not was_out and not ended_as_none:
        return []
    texts = dict.fromkeys(alert.origin.examples)
    if cluster is not None:
        if any(x.kind == "merge" for x in cluster.corrections):
            texts |= dict.fromkeys(cluster.exemplars)
        own = set(cluster.exemplars)
        texts = {t: None for t in texts if t in own or t not in apart.get(cluster.cluster_id, set())}
    return [
        _labelled(f"{alert.alert_id}-v{alert.version}-{n}", f"alert-{alert.alert_id}", text, voice,
                  alert.origin.fraud_type if was_out else "")
        for n, (text, voice) in enumerate(_voiced(list(texts), judge, fraud=was_out))
    ]  # fmt: skip


def _false_alarms(urgent: Iterable[ReportView], judge: Judge) -> list[Example]:
    rows = [
        x.row for x in urgent
        if x.handled is not None and x.handled.outcome is e.UrgentOutcome.FALSE_ALARM
    ]  # fmt: skip
    voiced = _voiced([x.masked for x in rows], judge, fraud=False)
    return [
        _labelled(f"false-alarm-{x.report_id}", f"report-{x.report_id}", text, voice, "")
        for x, (text, voice) in zip(rows, voiced, strict=True)
    ]


def _labelled(name: str, kind: str, text: str, voice: str, fraud_type: str) -> Example:
    from consumers.live_library import fraud_types

    fraud = voice not in HONEST
    return Example(
        id=name, kind=kind, voice=voice, text=text, matter="fraud" if fraud else "other",
        type=fraud_type if fraud and fraud_type in fraud_types() else "",
    )  # fmt: skip


def _voiced(texts: Sequence[str], judge: Judge, *, fraud: bool) -> list[tuple[str, str]]:
    """Each text with its voice: the judge's where that agrees with what people decided, else the usual."""
    allowed, usual = (("bait", "story"), "bait") if fraud else (HONEST, "notice")
    judged = judged_texts(judge, texts) if texts else []
    return [(text, x.voice if x.voice in allowed else usual) for text, x in zip(texts, judged, strict=True)]


def _once(examples: Iterable[Example]) -> list[Example]:
    """Each text once with each voice, in the order of the ids, so that the same desk gives the same file."""
    found: dict[tuple[str, str], Example] = {}
    for x in sorted(examples, key=lambda x: x.id):
        found.setdefault((x.text, x.voice), x)
    return [x for x in found.values() if x.text.strip()]

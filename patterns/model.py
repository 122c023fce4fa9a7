"""The nouns of recognition: fraud types, patterns and verdicts."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from patterns.entities.entity import Entity

Severity = Literal["moderate", "severe"]
Voice = Literal["sms", "chat", "call", "forward"]
Band = Literal["known", "suggested", "none"]
Reason = Literal["likeness", "advice", "known_good", "refused", "no_hook"]


@dataclass(frozen=True, slots=True)
class FraudType:
    """A kind of fraud, with the Chinese sentences of which a warning of 350 characters is composed.

    `official` is the code of the type in the police's yearly statistics under which it is counted, None if it
    is such a type itself or none fits; `cues` are short phrases that point to it.
    """

    code: str
    label_zh: str
    label_en: str
    happening: str
    how: str
    tell: tuple[str, ...]
    advice: str
    severity: Severity
    cues: tuple[str, ...] = ()
    official: str | None = None
    heading: str = ""
    """The title of its warnings (谨防…的骗局); "" if it follows from the label."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A known fraud text; the values that senders change may be slots ({link}, {amount} ...:
    `text.slots.SLOTS`).

    `voice`: how it reaches people; `source`: "seed", "alert" or "manual" (added by hand); `alert_id`: the
    alert from which it was learned.
    """

    pattern_id: str
    fraud_type: str
    title: str
    text: str
    source: str = "seed"
    alert_id: str | None = None
    voice: Voice = "sms"


class Verdict(NamedTuple):
    """The library's answer for one message: the best pattern and its score (0 to 100), even for "none".

    `evidence` is the span of the raw message that resembles the pattern, None for "none". `reasons`: why
    it is only suggested: "likeness" (a score between the bands), "advice" (it warns of the
    scam), "known_good" (it names an official site, number or counter where the pattern has a fraudulent one),
    "refused" (it tells its reader not to do what the pattern asks), "no_hook" (it leads nowhere).
    `normaliser` and `library` are versions.
    """

    pattern_id: str | None
    score: float
    band: Band
    evidence: tuple[int, int] | None
    reasons: tuple[Reason, ...]
    normaliser: str
    library: str
    text: str = ""

    @property
    def indicators(self) -> "tuple[Entity, ...]":
        """The links, numbers, accounts ... of the message, found when this is read."""
        from patterns.entities.find import find

        return find(self.text)

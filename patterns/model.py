"""The nouns of recognising: fraud types, patterns, entities and verdicts."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["moderate", "severe"]
Band = Literal["known", "suggested", "none"]


@dataclass(frozen=True, slots=True)
class FraudType:
    """A kind of fraud and the Chinese sentences from which a warning of 350 characters is composed."""

    code: str
    label_zh: str
    label_en: str
    happening: str
    how: str
    tell: tuple[str, ...]
    advice: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class Pattern:
    """A known fraud text. `source` is "seed" or how it was learned; `alert_id` the alert that taught it."""

    pattern_id: str
    fraud_type: str
    title: str
    text: str
    source: str = "seed"
    alert_id: str | None = None


@dataclass(frozen=True, slots=True)
class Entity:
    """A piece of text with a meaning of its own.

    `start` and `end` are offsets into the RAW text, `value` is cleaned. For entities
    named by a label (a code after 验证码, an id after 微信) the span covers the value only.
    """

    kind: str
    start: int
    end: int
    value: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the library says of one message: the best pattern and its score (0 to 100), even for "none".

    `evidence` is the span of the raw message that resembles the pattern; `normaliser` and `library` are
    the versions.
    """

    pattern_id: str | None
    score: float
    verdict: Band
    evidence: tuple[int, int] | None
    indicators: tuple[Entity, ...]
    normaliser: str
    library: str

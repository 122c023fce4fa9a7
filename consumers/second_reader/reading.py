"""What the second reader may say: a reading, in nothing but our own values."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple, cast

import msgspec

from consumers.second_reader.outcomes import ReadingOutcome
from patterns.judgement.labels import (
    ACTS,
    MATTERS,
    PRETEXTS,
    STAGES,
    VOICES,
    WAYS,
    WHO,
    Matter,
    Speaker,
    TextStage,
)

NONE = "none"
"""What the model answers where a text does not tell; "" and None on our side."""
MOST_ACTS = 16
LONGEST_ANSWER = 2_000
"""Characters of an answer; the longest that names every act once has some 400."""


class Reading(NamedTuple):
    """What the model makes of one text; the words are those of `patterns.judgement.labels`.

    `fraud_type` is None, a slot "" and `acts` empty where the text does not tell.
    """

    voice: Speaker
    fraud_type: str | None
    stage: TextStage
    matter: Matter
    who: str = ""
    pretext: str = ""
    acts: tuple[str, ...] = ()
    way: str = ""


class _Answer(msgspec.Struct, forbid_unknown_fields=True):
    """The form of an answer; the order of its fields is the order in which the model decides."""

    voice: str
    matter: str
    who: str
    pretext: str
    acts: list[str]
    way: str
    stage: str
    fraud_type: str


def answer_values(fraud_types: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The values that each field of an answer may have (of `acts`: each of its items)."""
    return {
        "voice": tuple(VOICES),
        "matter": tuple(MATTERS),
        "who": (*WHO, NONE),
        "pretext": (*PRETEXTS, NONE),
        "acts": tuple(ACTS),
        "way": (*WAYS, NONE),
        "stage": tuple(STAGES),
        "fraud_type": (*fraud_types, NONE),
    }


def json_schema(values: Mapping[str, Collection[str]]) -> dict[str, Any]:
    """The JSON schema of an answer.

    It has only what every engine of constrained decoding knows: no bounds of arrays, no references.
    """
    kinds: dict[str, dict[str, Any]] = {
        name: {"type": "string", "enum": list(allowed)} for name, allowed in values.items()
    }
    kinds["acts"] = {"type": "array", "items": kinds["acts"]}
    return {"type": "object", "properties": kinds, "required": list(kinds), "additionalProperties": False}


def parse_answer(content: str, values: Mapping[str, Collection[str]]) -> Reading | ReadingOutcome:
    """The reading in `content`, or why there is none.

    The server may or may not have kept to the schema: older engines and some models do not, without a word.
    """
    if len(content) > LONGEST_ANSWER:
        return ReadingOutcome.TOO_LONG
    try:
        answer = msgspec.json.decode(content, type=_Answer)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return ReadingOutcome.NO_READING
    if len(answer.acts) > MOST_ACTS:
        return ReadingOutcome.TOO_LONG
    said = msgspec.structs.asdict(answer)
    if any(said[name] not in allowed for name, allowed in values.items() if name != "acts"):
        return ReadingOutcome.UNKNOWN_VALUE
    if not set(answer.acts) <= set(values["acts"]):
        return ReadingOutcome.UNKNOWN_VALUE
    return _reading(answer)


def _reading(answer: _Answer) -> Reading:
    return Reading(
        voice=cast("Speaker", answer.voice),
        fraud_type=_told(answer.fraud_type) or None,
        stage=cast("TextStage", answer.stage),
        matter=cast("Matter", answer.matter),
        who=_told(answer.who),
        pretext=_told(answer.pretext),
        acts=tuple(dict.fromkeys(answer.acts)),
        way=_told(answer.way),
    )


def _told(value: str) -> str:
    return "" if value == NONE else value

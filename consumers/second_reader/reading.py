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
LONGEST_ANSWER = 1_000
"""Characters of an answer; the longest of our values has some 250."""
_ACTS = ("act_1", "act_2", "act_3")
"""Three fields and no array: so the schema itself bounds the answer, and no text can have the model repeat an
act until it is late. An array's bound is not known to every engine of constrained decoding."""


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
    act_1: str
    act_2: str
    act_3: str
    way: str
    stage: str
    fraud_type: str


def answer_values(fraud_types: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The values that each field of an answer may have."""
    return {
        "voice": tuple(VOICES),
        "matter": tuple(MATTERS),
        "who": (*WHO, NONE),
        "pretext": (*PRETEXTS, NONE),
        **dict.fromkeys(_ACTS, (*ACTS, NONE)),
        "way": (*WAYS, NONE),
        "stage": tuple(STAGES),
        "fraud_type": (*fraud_types, NONE),
    }


def json_schema(values: Mapping[str, Collection[str]]) -> dict[str, Any]:
    """The JSON schema of an answer: enumerations alone, which every engine of constrained decoding knows."""
    kinds = {name: {"type": "string", "enum": list(allowed)} for name, allowed in values.items()}
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
    if any(getattr(answer, name) not in allowed for name, allowed in values.items()):
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
        acts=tuple(dict.fromkeys(filter(None, (_told(getattr(answer, name)) for name in _ACTS)))),
        way=_told(answer.way),
    )


def _told(value: str) -> str:
    return "" if value == NONE else value

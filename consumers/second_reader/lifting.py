"""All that a reading may do: lift a report to be looked at, or raise its stage. Pure.

It never drafts: what is to be drafted is left as it is, so that it cannot take a report out of a cluster
either; and whoever counts reports for a draft counts a lifted one as it was before. It never lowers, and what
it leaves behind are codes of our own, no word of the model's.
"""

from typing import Literal, NamedTuple

from consumers.second_reader.reading import Reading
from fenghuo.domain.events import ScamStage

Tier = Literal["none", "watch", "draft"]
MARK = "model"
"""What each evidence of the second reader begins with."""

_STAGES = (ScamStage.RECEIVED, ScamStage.IN_CONTACT, ScamStage.MONEY_MOVING, ScamStage.PAID)
_HIGHEST = {
    "victim": ScamStage.MONEY_MOVING,
    "story": ScamStage.IN_CONTACT,
    "question": ScamStage.IN_CONTACT,
}
"""How high each voice's stage may be raised. A bait tells of no victim; a story is told afterwards, and is
nothing for the urgent queue; who has paid says so in the form or in plain words."""


class Lifted(NamedTuple):
    """What a report is after the second reader: `evidence` is empty if that changed nothing."""

    tier: Tier
    stage: ScamStage
    evidence: tuple[str, ...] = ()


def can_lift(tier: Tier, stage: ScamStage) -> bool:
    """Whether any reading could change a report that is there already."""
    return tier == "none" or (tier == "watch" and _rank(stage) < _rank(ScamStage.MONEY_MOVING))


def lifted(tier: Tier, stage: ScamStage, reading: Reading | None) -> Lifted:
    """`tier` and `stage` after `reading`: from none to watch at most, to money_moving at most."""
    if reading is None or tier == "draft":
        return Lifted(tier, stage)
    new_tier: Tier = "watch" if tier == "watch" or _is_worth_a_look(reading) else "none"
    new_stage = _raised(stage, reading)
    if (new_tier, new_stage) == (tier, stage):
        return Lifted(tier, stage)
    return Lifted(new_tier, new_stage, _evidence(reading))


def _is_worth_a_look(reading: Reading) -> bool:
    if reading.matter == "fraud":
        return reading.voice in ("bait", "story", "victim") or (
            reading.voice == "question" and reading.fraud_type is not None
        )
    return reading.matter == "emergency" and reading.voice in ("story", "victim")


def _raised(stage: ScamStage, reading: Reading) -> ScamStage:
    """What raises a stage is worth a look, so that whatever is marked by the model is shown."""
    if reading.matter != "fraud" or reading.voice not in _HIGHEST or not _is_worth_a_look(reading):
        return stage
    said = min(ScamStage(reading.stage), _HIGHEST[reading.voice], key=_rank)
    return max(stage, said, key=_rank)


def _rank(stage: ScamStage) -> int:
    return _STAGES.index(stage)


def _evidence(reading: Reading) -> tuple[str, ...]:
    """Such as "model.voice.story": a mark, a field and one of our values."""
    said = {
        "voice": reading.voice, "matter": reading.matter, "fraud_type": reading.fraud_type,
        "stage": reading.stage, "who": reading.who, "pretext": reading.pretext, "way": reading.way,
    }  # fmt: skip
    single = tuple(f"{MARK}.{name}.{value}" for name, value in said.items() if value)
    return single + tuple(f"{MARK}.act.{act}" for act in reading.acts)

"""Which reports of a batch the second reader reads, and what they are afterwards.

It is asked about those that the judge is unsure of, the most unsure first, once a batch, after masking.
"""

import asyncio
from collections.abc import Sequence

from consumers.credibility import WATCH, WATCH_ONE
from consumers.judging import Told
from consumers.second_reader.lifting import Tier
from consumers.second_reader.reader import SecondReader, Unsure
from fenghuo.domain import events as e
from patterns.entities.redact import hide_in

UNSURE_FROM = WATCH - 1.2
"""Evidence from which a report is read again. Of the texts of `patterns/texts` eight of ten honest ones are
below it, and one of a hundred frauds."""
UNSURE_TO = WATCH_ONE + 0.5
"""Evidence up to which it is: what is beyond it is shown with the first report anyway."""


class SecondLooker:
    """Asks the second reader about at most ``most`` reports of a batch."""

    def __init__(self, reader: SecondReader, most: int) -> None:
        self._reader = reader
        self._most = most

    async def look(self, told: Sequence[Told]) -> list[Told]:
        """The reports of a batch in their order, some of them lifted."""
        places = most_unsure(told)[: self._most]
        if not places:
            return list(told)
        unsure = await asyncio.to_thread(_masked, [told[n] for n in places])
        after = dict(zip(places, await self._reader.lift(unsure), strict=True))
        return [
            one._replace(stage=after[n].stage, model=after[n].evidence) if n in after else one
            for n, one in enumerate(told)
        ]


def most_unsure(told: Sequence[Told]) -> list[int]:
    """The places of the reports that the judge is unsure of: first those that are nearest to being shown
    with the first report."""
    found = [n for n, one in enumerate(told) if is_unsure(one)]
    return sorted(found, key=lambda n: abs(told[n].seen.judgement.evidence - WATCH_ONE))


def is_unsure(one: Told) -> bool:
    """Whether another opinion is wanted: nothing urgent, nothing like a known pattern, and suspicious by
    about as much as decides whether it is shown, or suspicious without a clear type."""
    seen, judged = one.seen, one.seen.judgement
    if one.stage in e.URGENT or seen.trouble or seen.matter == "emergency" or seen.verdict.band != "none":
        return False
    unclear = judged.fraud_type is None and judged.evidence >= WATCH
    return unclear or UNSURE_FROM <= judged.evidence < UNSURE_TO


def _masked(told: Sequence[Told]) -> list[Unsure]:
    return [
        Unsure(hide_in(one.report.text, one.seen.found).text, _tier_alone(one), one.stage) for one in told
    ]


def _tier_alone(one: Told) -> Tier:
    """How a report would be shown if nobody else told of it."""
    return "watch" if one.seen.judgement.evidence >= WATCH_ONE else "none"

"""A process that works one stage until it is killed; its argument: ``'{"kind": ...}'``.

Kinds: "answer" answers every report, slowly; "deadly" ends its process without a word when it meets the
report whose text is "deadly".
"""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from fenghuo.domain import events as e
from tests.support.transport_harness import RecordingStage, carrying


async def slowly(_events: Sequence[e.Event]) -> None:
    await asyncio.sleep(0.05)


async def deadly(events: Sequence[e.Event]) -> None:
    if any(isinstance(x, e.ReportReceived) and x.text == "deadly" for x in events):
        os._exit(9)


async def work(about: dict[str, str]) -> None:
    memory = RecordingStage(first={"answer": slowly, "deadly": deadly}[about["kind"]])
    async with carrying(about["broker"], about["namespace"], about["redis"], about["kafka"]) as carrier:
        await carrier.begin(memory.stage(batch=20))
        await asyncio.Event().wait()


asyncio.run(work(json.loads(sys.argv[1])))

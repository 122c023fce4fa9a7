"""Nothing is slower than the time-box, however the server fails to answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from consumers.second_reader.limits import FAULTS
from consumers.second_reader.outcomes import ReadingOutcome
from consumers.second_reader.reader import SecondReader
from tests.support.byte_server import Peer, Talk, byte_server
from tests.support.http_platform import CannedReply, answering
from tests.support.stub_model import answer, completion, reader_of

GOOD = completion(answer())
BOX_S = 0.5
SLACK_S = 0.5
"""What a busy machine may add."""


@asynccontextmanager
async def within_the_box(reader: SecondReader) -> AsyncIterator[None]:
    clock = asyncio.get_running_loop().time
    began = clock()
    yield
    assert clock() - began < BOX_S + SLACK_S
    await reader.aclose()


async def silent(peer: Peer) -> None:
    await peer.wait()


async def drips(peer: Peer) -> None:
    await peer.hear()
    await peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
    while True:
        await peer.say(b" ")
        await asyncio.sleep(0.01)


async def heads_without_end(peer: Peer) -> None:
    await peer.hear()
    while True:
        await peer.say(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await asyncio.sleep(0.01)


@pytest.mark.alone
@pytest.mark.parametrize("talk", [silent, drips, heads_without_end])
async def test_a_server_that_never_ends_its_answer_is_late(talk: Talk) -> None:
    async with byte_server(talk) as server:
        reader = reader_of(f"http://127.0.0.1:{server.port}", second_reader_box_s=BOX_S)
        async with within_the_box(reader):
            assert await reader.read(["甲"]) == [None]
        assert reader.counts == {ReadingOutcome.LATE: 1}
        await server.all_closed()


@pytest.mark.alone
async def test_a_whole_batch_waits_no_longer_than_one() -> None:
    async with answering(completions=CannedReply(GOOD, late_s=30)) as platform:
        reader = reader_of(platform.url, second_reader_box_s=BOX_S, second_reader_at_once=4)
        async with within_the_box(reader):
            assert await reader.read([str(n) for n in range(200)]) == [None] * 200
    assert reader.counts == {ReadingOutcome.LATE: 4, ReadingOutcome.NO_TIME: 196}


@pytest.mark.alone
async def test_those_that_waited_in_vain_do_not_hide_that_the_server_is_late() -> None:
    async with answering(completions=CannedReply(GOOD, late_s=30)) as platform:
        reader = reader_of(platform.url, second_reader_box_s=0.1, second_reader_at_once=4)
        for n in range(3):
            await reader.read([f"{n}-{x}" for x in range(8)])
        await reader.aclose()
    assert (len(platform.asked), reader.counts[ReadingOutcome.PAUSED]) == (8, 8)


@pytest.mark.alone
async def test_what_was_answered_in_time_counts_though_others_are_late() -> None:
    async with answering(completions=[GOOD, CannedReply(GOOD, late_s=30)]) as platform:
        reader = reader_of(platform.url, second_reader_box_s=BOX_S, second_reader_at_once=1)
        async with within_the_box(reader):
            first, second = await reader.read(["甲", "乙"])
    assert first is not None
    assert second is None


@pytest.mark.alone
async def test_a_server_that_is_always_late_is_soon_asked_no_more() -> None:
    async with answering(completions=CannedReply(GOOD, late_s=30)) as platform:
        reader = reader_of(platform.url, second_reader_box_s=0.05, second_reader_at_once=1)
        for n in range(FAULTS + 3):
            await reader.read([str(n)])
        await reader.aclose()
    assert reader.counts == {ReadingOutcome.LATE: FAULTS, ReadingOutcome.PAUSED: 3}


@pytest.mark.alone
async def test_who_had_but_a_moment_of_the_box_is_not_blamed() -> None:
    """A slow server with a long queue works: the breaker stays closed."""
    async with answering(completions=CannedReply(GOOD, late_s=0.5)) as platform:
        reader = reader_of(platform.url, second_reader_box_s=0.8, second_reader_at_once=1)
        for n in range(FAULTS + 1):
            first, second = await reader.read([f"甲{n}", f"乙{n}"])
            assert first is not None
            assert second is None
        await reader.aclose()
    assert reader.counts == {ReadingOutcome.READ: FAULTS + 1, ReadingOutcome.NO_TIME: FAULTS + 1}

"""The library in force while patterns are added and retired."""

import threading
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from consumers.live_library import LiveLibrary
from fenghuo.domain import events as e
from fenghuo.domain.alert import AlertId
from patterns.matching import Library
from tests.support.builders import NOON

BAIT = "您的企业法人信息已到期请登录完成认证"


def changed(minutes: int, *, retired: bool = False, pattern_id: str = "p", **more: Any) -> e.PatternChanged:
    return e.PatternChanged(
        event_id=f"x{minutes}{pattern_id}", at=NOON + timedelta(minutes=minutes), pattern_id=pattern_id,
        fraud_type="BIZ", title="t", text=BAIT, retired=retired, **more,
    )  # fmt: skip


def verdict_of(library: LiveLibrary) -> str:
    ((verdict, _),) = library.match([BAIT])
    return verdict.band


async def test_a_pattern_that_comes_late_does_not_bring_a_retired_one_back() -> None:
    library = LiveLibrary([])
    await library.apply([changed(0)])
    assert verdict_of(library) == "known"
    await library.apply([changed(2, retired=True)])
    await library.apply([changed(1)])
    assert verdict_of(library) == "none"


@pytest.mark.parametrize("order", list(permutations((0, 1, 2))))
async def test_of_the_changes_that_come_at_once_the_latest_counts(order: tuple[int, ...]) -> None:
    library = LiveLibrary([])
    changes = [changed(0), changed(1, retired=True), changed(2)]
    await library.apply([changes[n] for n in order])
    assert verdict_of(library) == "known"
    await library.apply([changed(1, retired=True)])
    assert verdict_of(library) == "known"


async def test_a_replay_changes_the_library_once_and_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    library, seen_at, change = LiveLibrary([]), list[tuple[int, int]](), Library.change

    def seen(held: Library, *arguments: Any) -> None:
        change(held, *arguments)
        seen_at.append((len(held), threading.get_ident()))

    monkeypatch.setattr(Library, "change", seen)
    await library.apply([changed(n, pattern_id=f"p{n}") for n in range(300)])
    ((size, thread),) = seen_at
    assert size == 300
    assert thread != threading.get_ident()


async def test_a_pattern_tells_whether_an_alert_or_a_person_taught_it() -> None:
    library = LiveLibrary([])
    await library.apply([changed(0, alert_id=AlertId("a"))])
    ((_, learned),) = library.match([BAIT])
    await library.apply([changed(1)])
    ((_, added),) = library.match([BAIT])
    assert learned is not None and added is not None
    assert (learned.source, learned.alert_id) == ("alert", "a")
    assert (added.source, added.alert_id) == ("manual", None)

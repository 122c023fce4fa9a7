"""The door's count of wrong passwords: it cannot be outrun, and nobody can shut it for another."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from fenghuo.runtime.room import open_desk
from fenghuo.security.passwords import (
    LOGIN_TRIES,
    LOGIN_TRIES_ADDRESS,
    LOGIN_TRIES_PERSON,
    LOGIN_WINDOW_S,
    Auth,
)
from tests.support.builders import settings

HERE, THERE = "192.0.2.1", "198.51.100.7"


@pytest.fixture
async def auth(redis_url: str, namespace: str) -> AsyncIterator[Auth]:
    desk = open_desk(settings(redis_url=redis_url, namespace=namespace))
    yield Auth(desk.client, desk.keys)
    await desk.client.aclose()


async def tries(auth: Auth, person_id: str, address: str, times: int) -> int:
    """How many of so many tries, one after the other, were let through."""
    return sum([await auth.may_try(person_id, address) for _ in range(times)])


async def test_tries_side_by_side_are_counted_each(auth: Auth) -> None:
    let = await asyncio.gather(*(auth.may_try("boss", HERE) for _ in range(5 * LOGIN_TRIES)))
    assert sum(let) == LOGIN_TRIES


async def test_one_address_cannot_shut_a_person_out_elsewhere(auth: Auth) -> None:
    assert await tries(auth, "boss", HERE, 2 * LOGIN_TRIES_PERSON) == LOGIN_TRIES
    assert await auth.may_try("boss", THERE)


async def test_one_address_may_not_go_through_all_people(auth: Auth) -> None:
    let = [await tries(auth, f"person-{n}", HERE, LOGIN_TRIES) for n in range(LOGIN_TRIES_ADDRESS)]
    assert sum(let) == LOGIN_TRIES_ADDRESS
    assert await auth.may_try("person-0", THERE)


async def test_many_addresses_together_may_not_try_one_person_for_ever(auth: Auth) -> None:
    let = [await tries(auth, "boss", f"10.0.0.{n}", LOGIN_TRIES) for n in range(LOGIN_TRIES_PERSON // 4)]
    assert sum(let) == LOGIN_TRIES_PERSON
    assert await auth.may_try("someone-else", THERE)


async def test_the_right_password_counts_nowhere_and_clears_the_way_from_there(auth: Auth) -> None:
    for _ in range(3 * LOGIN_TRIES_PERSON):
        assert await auth.may_try("boss", HERE)
        await auth.forget_tries("boss", HERE)
    assert await tries(auth, "boss", HERE, LOGIN_TRIES + 1) == LOGIN_TRIES


async def test_every_count_ends_with_its_window_however_long_one_goes_on(auth: Auth) -> None:
    for _ in range(2 * LOGIN_TRIES):
        await auth.may_try("boss", HERE)
    await auth.forget_tries("boss", THERE)
    doors = [key async for key in auth._client.scan_iter(match=auth._keys.auth("tries", "*"))]
    assert doors
    for door in doors:
        assert 0 < await auth._client.ttl(door) <= LOGIN_WINDOW_S
    await auth._client.expire(doors[0], 100)
    await auth.may_try("boss", HERE)
    assert await auth._client.ttl(doors[0]) <= 100, "a further try would keep the door shut for ever"


async def test_token_names_counts_what_each_holds(auth: Auth) -> None:
    for name in ("民警甲", "民警甲", "system"):
        await auth.issue_token(name)
    assert await auth.token_names() == Counter({"民警甲": 2, "system": 1})

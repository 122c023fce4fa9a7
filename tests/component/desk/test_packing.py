"""Changes packed together do to the desk what they do one after the other."""

import random

import msgspec

from fenghuo.desk.apply_script import Change, packed
from fenghuo.runtime.room import open_desk
from tests.support.builders import settings


def some_changes(chance: random.Random, namespace: str) -> list[Change]:
    """Changes of few keys and fields, so that many meet."""

    def one() -> Change:
        key, field = chance.choice("ab"), chance.choice(("f", "g", "h"))
        made: list[Change] = [
            ("PUT", f"put:{key}", field, chance.randrange(3), chance.choice((b"x", "y"))),
            ("HSET", f"hash:{key}", field, chance.choice("12")),
            ("HSET", f"hash:{key}", "code", chance.randrange(9), "message", b"m"),
            ("HSETNX", f"hash:{key}", field, chance.choice("12")),
            ("SADD", f"set:{key}", field),
            ("SET", f"text:{key}", field),
            ("ZADD", f"sorted:{key}", "GT", chance.randrange(9), field),
        ]
        command, where, *rest = chance.choice(made)
        return (command, f"{namespace}:{where}", *rest)

    return [one() for _ in range(chance.randrange(1, 60))]


async def test_packed_changes_end_as_changes_made_one_by_one(redis_url: str, namespace: str) -> None:
    desk = open_desk(settings(redis_url=redis_url, namespace=namespace))
    reads = {
        "put": desk.client.hgetall, "hash": desk.client.hgetall, "set": desk.client.smembers,
        "text": desk.client.get, "sorted": desk.client.zscan,
    }  # fmt: skip

    async def everything() -> list[object]:
        keys = {f"{namespace}:{kind}:{key}": read for kind, read in reads.items() for key in "ab"}
        found = [await read(key) for key, read in keys.items()]
        await desk.client.delete(*keys)
        return found

    for seed in range(200):
        changes = some_changes(random.Random(seed), namespace)
        for change in changes:
            await desk.apply([change])
        expected = await everything()
        await desk.apply(changes)
        assert await everything() == expected, changes
    await desk.client.aclose()


def test_thousands_of_groups_that_get_one_row_are_one_change_and_no_call_is_too_long() -> None:
    changes: list[Change] = [("PUT", "ledger", f"g{n}", 1, b"row") for n in range(5000)]
    made = msgspec.msgpack.decode(packed(changes))
    assert [len(x) for x in made] == [2000, 2000, 1012]
    assert [field for x in made for field in x[4:]] == [f"g{n}" for n in range(5000)]

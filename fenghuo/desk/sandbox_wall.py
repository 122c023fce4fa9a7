"""The order in which messages came onto the sandbox walls: broadcast writes it, console reads it."""

from typing import NamedTuple


class WallEntry(NamedTuple):
    """A message on a group's wall. Member ``group|idempotency key`` of a sorted set by time (ms)."""

    group_id: str
    idempotency_key: str

    def encode(self) -> str:
        return f"{self.group_id}|{self.idempotency_key}"

    @classmethod
    def decode(cls, member: bytes) -> "WallEntry":
        group_id, _, idempotency_key = member.decode().partition("|")
        return cls(group_id, idempotency_key)

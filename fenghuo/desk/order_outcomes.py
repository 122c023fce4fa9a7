"""What became of an order (a decision, a correction, an urgent report handled): applied or refused."""

from collections.abc import Sequence
from typing import NamedTuple

from fenghuo.desk import retention
from fenghuo.desk.apply_script import Change, Folds
from fenghuo.desk.keys import Keys
from fenghuo.desk.redis import Reader, reaching_redis
from fenghuo.domain import events as e


class OrderOutcome(NamedTuple):
    """A hash of ``code`` ("ok" when the order was applied, else why it was refused) and ``message``."""

    code: str
    message: str = ""

    def encode(self) -> tuple[str, str, str, str]:
        return "code", self.code, "message", self.message

    @classmethod
    def decode(cls, code: bytes, message: bytes | None) -> "OrderOutcome":
        return cls(code.decode(), (message or b"").decode())


APPLIED = OrderOutcome("ok")


class OrderOutcomes(Reader):
    """Reads what became of orders, by the order's id."""

    async def get(self, order_id: str) -> OrderOutcome | None:
        """The outcome of an order; None while it is under way."""
        async with reaching_redis():
            code, message = await self._client.hmget(self._keys.order_outcome(order_id), "code", "message")
        return None if code is None else OrderOutcome.decode(code, message)

    async def settled(self, order_ids: Sequence[str]) -> set[str]:
        """Those of ``order_ids`` whose outcome is known."""
        async with reaching_redis():
            pipe = self._client.pipeline(transaction=False)
            for order_id in order_ids:
                pipe.exists(self._keys.order_outcome(order_id))
            raw = await pipe.execute() if order_ids else []
        return {order_id for order_id, known in zip(order_ids, raw, strict=True) if known}


def _put(keys: Keys, order_id: str, outcome: OrderOutcome) -> list[Change]:
    key = keys.order_outcome(order_id)
    return [("HSET", key, *outcome.encode()), ("EXPIRE", key, retention.OUTCOME_KEPT_S)]


def _applied(x: e.AlertChanged, keys: Keys) -> list[Change]:
    return _put(keys, x.decision_id, APPLIED)


def _refused(x: e.DecisionRefused, keys: Keys) -> list[Change]:
    return _put(keys, x.decision_id, OrderOutcome(x.code, x.message))


def _corrected(x: e.ClusterRedrawn, keys: Keys) -> list[Change]:
    latest = x.cluster.corrections[-1:]
    return [change for note in latest for change in _put(keys, note.correction_id, APPLIED)]


def _correction_refused(x: e.CorrectionRefused, keys: Keys) -> list[Change]:
    return _put(keys, x.correction_id, OrderOutcome("stale"))


def _handled(x: e.UrgentHandled, keys: Keys) -> list[Change]:
    return _put(keys, x.event_id, APPLIED)


FOLDS: Folds = {
    e.AlertChanged: _applied,
    e.DecisionRefused: _refused,
    e.ClusterRedrawn: _corrected,
    e.CorrectionRefused: _correction_refused,
    e.UrgentHandled: _handled,
}

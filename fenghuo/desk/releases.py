"""Releases: what was released of each alert, what groups are to have now, and frozen audiences."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from fenghuo.desk.alerts import Alerts
from fenghuo.desk.apply_script import APPLY_LUA, Change, Folds, packed
from fenghuo.desk.keys import Keys
from fenghuo.desk.redis import JSON, Reader, decoder, payload, reaching_redis
from fenghuo.domain import events as e
from fenghuo.domain.alert import AlertId
from fenghuo.domain.delivery import CurrentRelease, LatestRelease
from fenghuo.domain.taps import is_current_release

_RELEASE = decoder(e.Release)
_GROUP_IDS = decoder(tuple[str, ...])
_CHANGE_ORDER = {"approved": 0, "updated": 0, "expired": 1, "recalled": 2}
"""Within one version: what prevails."""


def encode_latest(latest: LatestRelease) -> str:
    """Payload ``version:change`` of a PUT hash by alert id."""
    return f"{latest.version}:{latest.change}"


def decode_latest(value: bytes) -> LatestRelease:
    version, change = value.decode().split(":", 1)
    return LatestRelease(int(version), change)


class Releases(Reader):
    """Reads releases; the sender's marks are written here, in one step with its last look."""

    def __init__(self, client: Any, keys: Keys, alerts: Alerts) -> None:
        super().__init__(client, keys)
        self._alerts = alerts
        self._mark = client.register_script(
            APPLY_LUA + "apply(ARGV[1]) return redis.call('HMGET', KEYS[1], unpack(ARGV, 2))"
        )

    async def get(self, alert_id: str, version: int) -> e.Release | None:
        async with reaching_redis():
            raw = await self._client.get(self._keys.release(alert_id, version))
        return _RELEASE.decode(raw) if raw else None

    async def latest(self, alert_ids: Sequence[str]) -> dict[str, LatestRelease]:
        """The latest release of each of ``alert_ids`` that was released."""
        if not alert_ids:
            return {}
        async with reaching_redis():
            raw = await self._client.hmget(self._keys.latest_releases, alert_ids)
        return _latest(alert_ids, raw)

    async def mark_and_look(
        self, marks: Sequence[Change], alert_ids: Sequence[str]
    ) -> dict[str, LatestRelease]:
        """Write ``marks`` (some hundred at most) and then read ``latest``, in one atomic step."""
        if not alert_ids:
            return {}
        async with reaching_redis():
            raw = await self._mark(keys=[self._keys.latest_releases], args=[packed(marks), *alert_ids])
        return _latest(alert_ids, raw)

    async def current(self, recalled_since: datetime) -> list[CurrentRelease]:
        """What groups are to have now: the warnings in force, and the corrections of what was recalled since
        ``recalled_since``."""
        async with reaching_redis():
            raw: Mapping[bytes, bytes] = await self._client.hgetall(self._keys.latest_releases)
        latest = {k.decode(): decode_latest(payload(x)) for k, x in raw.items()}
        recalled = await self._alerts.get_many([k for k, x in latest.items() if x.change == "recalled"])
        kinds: tuple[e.TextKind, ...] = ("warning", "correction")
        return [
            CurrentRelease(AlertId(k), x.version, kind)
            for k, x in latest.items()
            for kind in kinds
            if is_current_release(kind, x.version, x)
            and (kind == "warning" or (k in recalled and recalled[k].changed_at >= recalled_since))
        ]

    async def audience(self, digest: str) -> tuple[str, ...] | None:
        """The ids of the groups that were frozen under ``digest``, sorted; None if they are not known."""
        async with reaching_redis():
            raw = await self._client.get(self._keys.audience(digest))
        return _GROUP_IDS.decode(raw) if raw else None


def _latest(alert_ids: Sequence[str], raw: Sequence[bytes | None]) -> dict[str, LatestRelease]:
    return {k: decode_latest(payload(x)) for k, x in zip(alert_ids, raw, strict=True) if x}


def _released(x: e.AlertReleased, keys: Keys) -> list[Change]:
    r = x.release
    order = r.version * 10 + _CHANGE_ORDER[x.kind]
    latest = encode_latest(LatestRelease(r.version, x.kind))
    return [
        ("SET", keys.release(r.alert_id, r.version), JSON.encode(r)),
        ("PUT", keys.latest_releases, r.alert_id, order, latest),
    ]


def _frozen(x: e.AudienceFrozen, keys: Keys) -> list[Change]:
    return [("SET", keys.audience(x.digest), JSON.encode(x.group_ids))]


FOLDS: Folds = {e.AlertReleased: _released, e.AudienceFrozen: _frozen}

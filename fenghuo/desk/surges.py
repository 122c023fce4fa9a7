"""Surges: the recent matches of one pattern in one district, and the same hours of its last days."""

from collections.abc import Sequence

import msgspec

from fenghuo.clock import to_ms
from fenghuo.desk import retention
from fenghuo.desk.apply_script import Change, Folds
from fenghuo.desk.keys import Keys
from fenghuo.desk.redis import Reader, reaching_redis
from fenghuo.domain import events as e
from fenghuo.domain.calendar import HOUR_MS

SurgeKey = tuple[str, str]
"""A pattern and a district."""


class PatternMatch(msgspec.Struct, frozen=True, gc=False):
    """One report of a pattern. Member ``report|reporter|group|town`` of a sorted set by time (ms)."""

    at_ms: int
    report_id: str
    reporter: str
    group_id: str | None
    town: str

    def encode(self) -> str:
        return f"{self.report_id}|{self.reporter}|{self.group_id or ''}|{self.town}"

    @classmethod
    def decode(cls, member: bytes, at_ms: float) -> "PatternMatch":
        """Members without a group, as an earlier release wrote them, are read too."""
        report_id, reporter, *group, town = member.decode().split("|", 3)
        return cls(int(at_ms), report_id, reporter, group[0] or None if group else None, town)


class Surges(Reader):
    """Reads what a surge is recognised by."""

    async def recent_matches(
        self, surges: Sequence[SurgeKey], since_ms: int
    ) -> dict[SurgeKey, list[PatternMatch]]:
        """The stored matches of each surge since ``since_ms``, the oldest first."""
        async with reaching_redis():
            pipe = self._client.pipeline(transaction=False)
            for surge in surges:
                pipe.zrangebyscore(self._keys.recent_matches(*surge), since_ms, "+inf", withscores=True)
            raw = await pipe.execute() if surges else []
        decode = PatternMatch.decode
        return {
            surge: [decode(x, at_ms) for x, at_ms in found] for surge, found in zip(surges, raw, strict=True)
        }

    async def hourly_reports(self, surges: Sequence[SurgeKey]) -> dict[SurgeKey, list[int]]:
        """Of each surge the hours (their start, ms) in which its pattern was reported in the last days, the
        oldest first, once for each reporter of that hour."""
        async with reaching_redis():
            pipe = self._client.pipeline(transaction=False)
            for surge in surges:
                pipe.zrange(self._keys.hourly_reports(*surge), 0, -1, withscores=True)
            raw = await pipe.execute() if surges else []
        return {
            surge: [int(hour_ms) for _, hour_ms in found] for surge, found in zip(surges, raw, strict=True)
        }


def _matched(x: e.ReportMatched, keys: Keys) -> list[Change]:
    at_ms = to_ms(x.at)
    match = PatternMatch(at_ms, x.report_id, x.reporter, x.place.group_id, x.place.town)
    matches = keys.recent_matches(x.pattern_id, x.place.district)
    hourly = keys.hourly_reports(x.pattern_id, x.place.district)
    hour_ms = at_ms // HOUR_MS * HOUR_MS
    return [
        ("ZADD", matches, at_ms, match.encode()),
        ("ZREMRANGEBYSCORE", matches, "-inf", at_ms - retention.MATCHES_KEPT_S * 1000),
        ("ZREMRANGEBYRANK", matches, 0, -retention.MATCHES_KEPT - 1),
        ("EXPIRE", matches, retention.MATCHES_KEPT_S),
        # the reporter makes the member unique in its hour; reading needs the hour alone, which is the score
        ("ZADD", hourly, hour_ms, f"{hour_ms}|{x.reporter}"),
        ("ZREMRANGEBYSCORE", hourly, "-inf", hour_ms - retention.HOURLY_KEPT_S * 1000),
        ("ZREMRANGEBYRANK", hourly, 0, -retention.HOURLY_KEPT - 1),
        ("EXPIRE", hourly, retention.HOURLY_KEPT_S),
        ("ZADD", keys.matched_patterns, at_ms, x.pattern_id),
    ]


FOLDS: Folds = {e.ReportMatched: _matched}

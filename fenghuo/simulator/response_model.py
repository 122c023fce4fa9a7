"""When people tap: log-normal delays by profile, slower at night, faster after a reminder. Pure."""

import hashlib
from statistics import NormalDist

import msgspec

NIGHT_FROM_S, NIGHT_TO_S = 23 * 3600.0, 7 * 3600.0
DAY_S = 86_400.0
_NORMAL = NormalDist()


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How somebody responds. ``night``: their pace from 23 to 7 o'clock, where 1 is that of the day."""

    median_s: float
    """The median delay by day."""
    sigma: float
    night: float
    taps: float = 1.0
    """The share of messages that they tap without a reminder."""
    heeds: float = 0.5
    """The share of reminders that make them tap, after about a fifth of ``median_s``."""


PROFILES = {
    "quick": Profile(median_s=60, sigma=0.8, night=0.3, heeds=0.9),
    "usual": Profile(median_s=480, sigma=1.2, night=0.1, taps=0.95, heeds=0.6),
    "slow": Profile(median_s=5400, sigma=1.1, night=0.03, taps=0.85, heeds=0.4),
    "never": Profile(median_s=DAY_S, sigma=0.1, night=0.0, taps=0.0, heeds=0.0),
}
"""Invented figures, until districts have measured their own."""


def unit(*parts: object) -> float:
    """A number in [0, 1), uniformly distributed, the same for the same parts."""
    digest = hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=7).digest()
    return int.from_bytes(digest, "big") / (1 << 56)


def log_normal(median: float, sigma: float, drawn: float) -> float:
    """The value at ``drawn`` (0 to 1) of a log-normal with this median and spread."""
    inside = min(max(drawn, 1e-9), 1 - 1e-9)
    return median * float(2.718281828459045 ** (sigma * _NORMAL.inv_cdf(inside)))


def first_tap_s(profile: Profile, will: float, drawn: float, second_of_day: float) -> float | None:
    """Seconds until somebody taps without a reminder; None if never. ``will``, ``drawn``: 0 to 1."""
    if will >= profile.taps:
        return None
    return through_nights(second_of_day, log_normal(profile.median_s, profile.sigma, drawn), profile.night)


def reminded_tap_s(profile: Profile, will: float, drawn: float, second_of_day: float) -> float | None:
    """Seconds from a reminder until the tap; None if it was ignored."""
    if will >= profile.heeds:
        return None
    return through_nights(
        second_of_day, log_normal(profile.median_s / 5, profile.sigma, drawn), profile.night
    )


def through_nights(second_of_day: float, awake_s: float, night: float) -> float:
    """Seconds from ``second_of_day`` until ``awake_s`` seconds at the pace of the day have passed."""
    passed = 0.0
    while True:
        at = (second_of_day + passed) % DAY_S
        asleep = at >= NIGHT_FROM_S or at < NIGHT_TO_S
        rate = night if asleep else 1.0
        until = (NIGHT_TO_S - at) % DAY_S if asleep else NIGHT_FROM_S - at
        if awake_s <= until * rate:
            return passed + (awake_s / rate if awake_s else 0.0)
        awake_s -= until * rate
        passed += until

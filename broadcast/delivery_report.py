"""Sums of an alert's ledger by state, channel, station or town. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fenghuo.domain.ledger import LedgerLine


@dataclass(frozen=True, slots=True)
class DeliverySum:
    """The deliveries of one state, channel, station or town; ``states`` in the order of their size."""

    name: str
    groups: int
    residents: int
    states: dict[str, int]


def sums_by(lines: Sequence[LedgerLine], by: str) -> list[DeliverySum]:
    """Sums of ``lines`` by state, channel, station or town, the largest first."""
    found: dict[str, list[LedgerLine]] = {}
    for line in lines:
        found.setdefault(_name(line, by), []).append(line)
    sums = [
        DeliverySum(
            name, len(part), sum(x.members for x in part),
            dict(Counter(str(x.row.state) for x in part).most_common()),
        )
        for name, part in found.items()
    ]  # fmt: skip
    return sorted(sums, key=lambda x: (-x.groups, x.name))


def _name(line: LedgerLine, by: str) -> str:
    names = {"state": line.row.state, "channel": line.row.channel, "station": line.station, "town": line.town}
    return str(names[by]) or "-"

"""Which indicators of a report people may see: its links, defanged. Pure."""

from collections.abc import Sequence

from patterns.entities.entity import Entity
from patterns.entities.identifiers import is_known_good
from patterns.entities.redact import defang

_SHOWN_KINDS = ("url",)


def shown_indicators(entities: Sequence[Entity]) -> tuple[str, ...]:
    """The links among ``entities`` that are no known-good site, defanged, each once, at most five."""
    links = (x.value for x in entities if x.kind in _SHOWN_KINDS and not is_known_good(x.value))
    return tuple(dict.fromkeys(map(defang, links)))[:5]

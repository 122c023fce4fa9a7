"""A link, number or account found in a text."""

from dataclasses import dataclass
from typing import Literal

from patterns.entities.owners import Owner


@dataclass(frozen=True, slots=True)
class Entity:
    """A link, number, account, name ... in a text.

    `start` and `end` are offsets into the RAW text, `value` is cleaned. For entities
    named by a label (a code after 验证码, an id after 微信) the span covers the value only.
    `shown` is the form that people may see, `treatment` how it was made (`masking.TREATMENTS`). `owner`:
    whose it is, of what is somebody's (`owners.OWNED`).
    """

    kind: str
    start: int
    end: int
    value: str
    shown: str
    treatment: Literal["keep", "mask", "redact"]
    owner: Owner = "unknown"

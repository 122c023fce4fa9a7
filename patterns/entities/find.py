"""Find the things in a text that identify or that can be acted on: links, numbers, codes, sums, names.

They are searched in the normalised text, so full-width, spaced and look-alike forms are found as well.
The regular expressions are in `expressions`, the further checks of a match in `checks`, what people may see
in `masking`, the numbers and sites to trust in `data.trusted`.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from patterns.entities.checks import Span, accept
from patterns.entities.entity import Entity
from patterns.entities.expressions import rules
from patterns.entities.masking import masked_form
from patterns.entities.owners import owners
from patterns.text.literals import Literals, needed
from patterns.text.normalise import Cleaned, Normalised, normalise


@cache
def _digit_runs() -> re.Pattern[str]:
    return re.compile("[0-9]+")


@cache
def _literals() -> Literals:
    return Literals([needed(rule.expression) or rule.needs for rule, _ in rules()])


MOST_OF_A_RULE = 100
"""Matches of one rule that are looked at; a text with more is read up to the last of them."""


class Found(NamedTuple):
    """The entities of a text, and how many raw characters of it were read for them."""

    entities: tuple[Entity, ...]
    read: int


def _spans(text: str) -> tuple[list[Span], int]:
    """(kind, start, end, value) in the normalised text, of two that overlap that of the earlier rule; and how
    far the text was read."""
    longest_run, stop = max(map(len, _digit_runs().findall(text)), default=0), len(text)
    taken, found = bytearray(len(text)), []
    for number in _literals().held(text):
        rule, regex = rules()[number]
        if rule.run > longest_run:
            continue
        for tried, match in enumerate(regex.finditer(text)):
            if tried == MOST_OF_A_RULE:
                stop = min(stop, match.start())
                break
            span = accept(rule.kind, match, text, taken)
            if span is not None and taken.find(1, span[1], span[2]) < 0:
                taken[span[1] : span[2]] = b"\x01" * (span[2] - span[1])
                found.append(span)
    return sorted((span for span in found if span[2] <= stop), key=lambda span: span[1]), stop


def found_in(norm: Normalised) -> Found:
    """As `find_in`, and how far the text was read."""
    entities, last = [], 0
    spans, stop = _spans(norm.text)
    if not spans:
        return Found((), int(norm.offsets[stop]))
    offsets: list[int] = norm.offsets.tolist()
    for (kind, low, high, value), owner in zip(spans, owners(norm.text, spans), strict=True):
        start, end = offsets[low], max(offsets[high - 1] + 1, offsets[high])
        start = max(start, last)  # one raw character may have become the end of one and the start of another
        if start < end:
            entities.append(Entity(kind, start, end, value, *masked_form(kind, value, owner), owner))
            last = end
    return Found(tuple(entities), max(last, offsets[stop]))


def found_in_all(texts: Sequence[str], cleaned: Cleaned) -> list[Found]:
    """`found_in` of each text; `cleaned` is the batch of `texts`."""
    return [found_in(cleaned.normalised(n, len(text))) for n, text in enumerate(texts)]


def find_in(norm: Normalised) -> tuple[Entity, ...]:
    """As `find`, for a normalised text."""
    return found_in(norm).entities


def find(text: str) -> tuple[Entity, ...]:
    """Entities of a raw text in order of place, with raw offsets and cleaned values; they never overlap.

    Kinds: url (a bare IP host too), email, wallet (usdt, btc, eth), card_code, password, birthday,
    verification_code, order (of goods, couriers, contracts), id_number and licence (check character),
    document, bank_card (Luhn, groups or a word before it), handle (@name of an app), wechat, qq_group,
    qq, phone (mobile), virtual_phone, sms_port (106...), service_phone (400, 800), foreign_phone, landline,
    spoofed_short (95xxx of nobody), hotline (known good), plate, invite_code, address, amount, person,
    school (with its class), app. `masking.TREATMENTS` says what people may see of each.
    """
    return find_in(normalise(text))

"""Undo disguises: raw text to normalised text, with a map back, and to the folded form used for comparison.

Normalised text keeps words readable (entities are found in it). Folded text keeps only what survives
evasion: each Han character becomes its toneless syllable; links, accounts and numbers become one mark
each. Both are computed for a whole batch at once (`patterns.kernels.text`), from the tables of
`patterns.characters`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from patterns.arrays import I32, I64, U16, U32, U64, code_points
from patterns.characters.character_facts import is_han, syllables
from patterns.characters.compiled_tables import characters, characters_and_marks
from patterns.data.trusted import DOMAINS
from patterns.kernels import text as text_kernels

NORMALISER = "n4"
"""Version of both forms. Change it with the tables or rules: stored folds become stale."""


@dataclass(frozen=True, slots=True, eq=False)
class Normalised:
    """`text`, and for each character and the end its index in the raw text: len(offsets) == len(text) + 1.

    The last is the length of the raw text, or of what was read of it (`read`).
    """

    text: str
    offsets: I32

    @property
    def read(self) -> int:
        """How many raw characters were read: all, if the text does not become too long."""
        return int(self.offsets[-1])

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Raw span of text[start:end], with what was dropped behind the last character (keycaps, joiners)."""
        if end <= start:
            return int(self.offsets[start]), int(self.offsets[start])
        return int(self.offsets[start]), int(max(self.offsets[end - 1] + 1, self.offsets[end]))


class Cleaned(NamedTuple):
    """A batch of normalised texts: text i is text[starts[i]:starts[i + 1]], as UTF-32, its raw index in
    `offsets`.

    `signs` (int32, texts x SIGNS) counts in columns 1 to 4 the raw characters of each dress, in 0 the Han.
    `read` (int32): how many raw characters were read of each text; fewer than it has if it becomes too long
    (`LONGEST`).
    """

    text: U32
    offsets: I32
    starts: I64
    signs: I32
    read: I32

    def string(self, i: int) -> str:
        """Text i as a str."""
        return _decoded(self.text[self.starts[i] : self.starts[i + 1]])

    def normalised(self, i: int, raw_length: int) -> Normalised:
        """Text i with its map; `raw_length` is the length of the raw text."""
        start, end = int(self.starts[i]), int(self.starts[i + 1])
        offsets = np.empty(end - start + 1, np.int32)
        offsets[:-1], offsets[-1] = self.offsets[start:end], min(raw_length, int(self.read[i]))
        return Normalised(_decoded(self.text[start:end]), offsets)


class Folded(NamedTuple):
    """A batch of folded texts: codes (uint16) of text i are codes[starts[i]:starts[i + 1]], raw indices in
    `offsets`.

    `extras` (uint64, sliced by `extra_starts`) are hashes of what a sender rarely changes and the codes leave
    out: the registered names of links that are not known good, accounts, kinds of invisible
    characters. `signs` as in `Cleaned`, with the links in column 5 and the accounts and long numbers in
    column 6.
    """

    codes: U16
    offsets: I32
    starts: I64
    extras: U64
    extra_starts: I64
    signs: I32

    def string(self, i: int) -> str:
        """Text i as a str."""
        return _string(self.codes[self.starts[i] : self.starts[i + 1]])


def clean_batch(texts: Sequence[str], *, marks: bool = False) -> Cleaned:
    """The normalised form of every text. Accepts any str; `marks` keeps the marks that replace slots."""
    raw = code_points("".join(texts))
    starts = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(text) for text in texts], out=starts[1:])
    tables = characters_and_marks() if marks else characters()
    return Cleaned(*text_kernels.normalise_batch(raw, starts, tables))


def fold_batch(cleaned: Cleaned) -> Folded:
    """The folded form of every text; counts links and accounts into `cleaned.signs` on the way."""
    codes, offsets, starts, extras, extra_starts = text_kernels.fold_batch(
        cleaned.text, cleaned.offsets, cleaned.starts, cleaned.signs, characters(), _good_names()
    )
    return Folded(codes, offsets, starts, extras, extra_starts, cleaned.signs)


@cache
def _good_names() -> U64:
    """Hashes of the registered names of known-good sites, ascending."""
    names = {domain.partition(".")[0] for domain in DOMAINS}
    coded = [np.frombuffer(name.encode("utf-32-le"), np.uint32) for name in names]
    return np.sort(np.array([text_kernels.hashed(name, 0, name.size) for name in coded], np.uint64))


def clean(text: str) -> str:
    """`normalise(text).text`."""
    return clean_batch((text,)).string(0)


def normalise(text: str) -> Normalised:
    """Normalised text with its map into the raw text. Accepts any str; idempotent."""
    return clean_batch((text,)).normalised(0, len(text))


def _decoded(text: U32) -> str:
    return text.tobytes().decode("utf-32-le", "surrogatepass")


def _string(codes: U16) -> str:
    return codes.tobytes().decode("utf-16-le")


def fold(text: str) -> str:
    """The folded form as a str; "" if there is nothing to compare. Accepts any str."""
    return _string(fold_batch(clean_batch((text,))).codes)


def fold_with_offsets(text: str) -> Normalised:
    """`fold(text)` with its map into the raw text: for showing evidence."""
    cleaned = clean_batch((text,))
    folded = fold_batch(cleaned)
    return Normalised(_string(folded.codes), np.append(folded.offsets, cleaned.read))


def sound(norm: str) -> str:
    """Normalised text with each Han character as the first one, by code point, of its toneless syllable."""
    return norm.translate(_first_of_sound())


@cache
def _first_of_sound() -> dict[int, str]:
    first: dict[str, str] = {}
    table = {code: first.setdefault(syllable, chr(code)) for code, syllable in sorted(syllables().items())}
    return {code: char for code, char in table.items() if is_han(chr(code))}


def luhn(digits: str) -> bool:
    """Whether a string of decimal digits passes the Luhn check (ISO/IEC 7812-1 annex B)."""
    values = np.frombuffer(digits.encode("ascii"), np.uint8) - 48
    return bool(text_kernels.passes_luhn(values, 0, values.size))

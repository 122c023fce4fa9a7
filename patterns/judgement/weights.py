"""The learned numbers of the judge, as they are read from and written to a file's bytes.

A file is the mark, the length of the head, the head (JSON), and the zlib-compressed arrays in their order:
keys (uint32), rarity (float32), weights (int8, grams x heads). Everything is checked before it is used.
"""

import json
import zlib
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from patterns.arrays import F32, I32, U32
from patterns.kernels import judge as kernels

MARK = b"FHJUDGE1"
MOST_BYTES = 64 << 20
"""A file's arrays are at most so large."""
I8 = npt.NDArray[np.int8]


class Head(NamedTuple):
    """One question that the judge answers: the labels in the order of its columns.

    `one_of`: the labels exclude each other (softmax); else each is yes or no (logistic).
    """

    name: str
    labels: tuple[str, ...]
    one_of: bool


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """`weights[g, h]` is what gram g adds to column h (float32, scaled); `keys` and `rows` are the table in
    which `kernels.judge` finds a gram; `bias` by column. `damping` is added to the squared length of a
    text's vector: a short text is judged less surely.

    `version` names the weights; `examples` is a hash of what they were learned from; `normaliser` is the
    version of the text's form.
    """

    heads: tuple[Head, ...]
    known: U32
    keys: U32
    rows: I32
    rarity: F32
    weights: F32
    bias: F32
    damping: float
    version: str
    examples: str
    normaliser: str

    def columns(self, name: str) -> slice:
        """Where a head's columns are; KeyError if there is no such head."""
        at = 0
        for head in self.heads:
            if head.name == name:
                return slice(at, at + len(head.labels))
            at += len(head.labels)
        raise KeyError(name)

    def labels(self, name: str) -> tuple[str, ...]:
        """The labels of a head; KeyError if there is no such head."""
        return next((head.labels for head in self.heads if head.name == name), None) or _missing(name)


def _missing(name: str) -> tuple[str, ...]:
    raise KeyError(name)


def of_arrays(head: dict[str, Any], known: U32, rarity: F32, quantised: I8) -> Weights:
    """Weights from a file's parts; ValueError where they do not fit each other."""
    heads = tuple(Head(x["name"], tuple(x["labels"]), bool(x["one_of"])) for x in head["heads"])
    columns = sum(len(x.labels) for x in heads)
    scale, bias = np.array(head["scale"], np.float32), np.array(head["bias"], np.float32)
    if quantised.shape != (known.size, columns) or scale.size != columns or bias.size != columns:
        raise ValueError("the judge's arrays do not fit its heads")
    if rarity.size != known.size or not np.isfinite(rarity).all() or not np.isfinite(scale).all():
        raise ValueError("the judge's numbers are damaged")
    size = 1 << max(4, int(known.size * 2).bit_length())
    keys, rows = np.zeros(size, np.uint32), np.zeros(size, np.int32)
    kernels.fill(keys, rows, known)
    weights = np.ascontiguousarray(quantised.astype(np.float32) * scale)
    return Weights(
        heads, known, keys, rows, rarity, weights, bias, float(head["damping"]),
        head["version"], head["examples"], head["normaliser"],
    )  # fmt: skip


def read(content: bytes) -> Weights:
    """The weights of a file; ValueError if it is none, damaged or of another form."""
    if not content.startswith(MARK):
        raise ValueError("this is no file of the judge's weights")
    try:
        return _unpacked(content)
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise ValueError(f"the file of the judge's weights is damaged: {error}") from None


def _unpacked(content: bytes) -> Weights:
    length = int.from_bytes(content[8:12], "little")
    head = json.loads(content[12 : 12 + length])
    unpack = zlib.decompressobj()
    raw = unpack.decompress(content[12 + length :], MOST_BYTES)
    grams = int(head["grams"])
    columns = sum(len(x["labels"]) for x in head["heads"])
    if not unpack.eof or len(raw) != grams * (4 + 4 + columns):
        raise ValueError("the judge's arrays are cut short or too long")
    known = np.frombuffer(raw, np.uint32, grams)
    rarity = np.frombuffer(raw, np.float32, grams, 4 * grams)
    quantised = np.frombuffer(raw, np.int8, grams * columns, 8 * grams).reshape(grams, columns)
    return of_arrays(head, known, rarity, quantised)


def packed(head: dict[str, Any], known: U32, rarity: F32, quantised: I8) -> bytes:
    """The bytes of a file; the same parts give the same bytes."""
    shown = json.dumps(
        {**head, "grams": int(known.size)}, ensure_ascii=False, sort_keys=True, separators=(",", ":")
    ).encode()
    raw = known.tobytes() + rarity.tobytes() + quantised.tobytes()
    return MARK + len(shown).to_bytes(4, "little") + shown + zlib.compress(raw, 9)

"""A file of weights: what is written is read, and what is damaged is refused."""

from importlib.resources import files

import numpy as np
import pytest

from patterns.judgement.weights import MARK, packed, read

HEAD = {
    "heads": [
        {"name": "voice", "labels": ["bait", "chat"], "one_of": True},
        {"name": "suspicion", "labels": ["fraud"], "one_of": False},
    ],
    "scale": [0.5, 0.5, 0.1], "bias": [0.0, 1.0, -1.0], "damping": 10.0, "version": "v", "examples": "e",
    "normaliser": "n",
}  # fmt: skip
KNOWN, RARITY = np.array([3, 5, 9], np.uint32), np.array([1.0, 2.0, 3.0], np.float32)
WEIGHTS = np.array([[1, -1, 4], [2, 0, -8], [0, 7, 127]], np.int8)


def content() -> bytes:
    return packed(HEAD, KNOWN, RARITY, WEIGHTS)


def test_what_is_packed_is_read() -> None:
    found = read(content())
    assert found.known.tolist() == [3, 5, 9] and found.rarity.tolist() == [1.0, 2.0, 3.0]
    assert np.allclose(found.weights, WEIGHTS * np.array([0.5, 0.5, 0.1]))
    assert found.columns("suspicion") == slice(2, 3) and found.labels("voice") == ("bait", "chat")
    rows = {int(key): int(found.rows[at]) for at, key in enumerate(found.keys) if key}
    assert rows == {3: 0, 5: 1, 9: 2}


def test_the_same_parts_give_the_same_bytes() -> None:
    assert content() == content()


@pytest.mark.parametrize(
    "broken",
    [
        b"", b"PK\x03\x04", MARK, content()[:40], content()[:-5], MARK + b"\xff\xff\xff\x7f{}",
        packed({**HEAD, "scale": [1.0]}, KNOWN, RARITY, WEIGHTS),
        packed({**HEAD, "heads": HEAD["heads"][:1]}, KNOWN, RARITY, WEIGHTS),
        packed(HEAD, KNOWN, np.array([1.0, np.nan, 1.0], np.float32), WEIGHTS),
        packed({key: value for key, value in HEAD.items() if key != "bias"}, KNOWN, RARITY, WEIGHTS),
    ],
    ids=["nothing", "a_zip", "a_mark", "half_a_head", "cut_short", "a_long_head", "scales", "heads", "a_nan",
         "no_bias"],
)  # fmt: skip
def test_what_is_damaged_is_refused_and_says_so(broken: bytes) -> None:
    with pytest.raises(ValueError, match="judge"):
        read(broken)


def test_a_head_that_is_not_there_is_a_key_error() -> None:
    found = read(content())
    with pytest.raises(KeyError):
        found.columns("act")
    with pytest.raises(KeyError):
        found.labels("act")


def test_the_shipped_file_is_small_and_whole() -> None:
    shipped = files("patterns").joinpath("judgement", "shipped.weights").read_bytes()
    assert len(shipped) < 2_500_000
    assert {head.name for head in read(shipped).heads} == {
        "voice", "suspicion", "type", "stage", "matter", "who", "pretext", "act", "way",
    }  # fmt: skip

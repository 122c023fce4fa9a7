"""Training: the same examples give the same file, and what is set aside is not learned from."""

from collections.abc import Sequence

import msgspec
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from consumers.judging import judged_texts
from consumers.learning import training
from consumers.learning.examples import Example, digest, learned_from, read_examples, shipped_texts
from consumers.learning.training import train
from fenghuo.errors import Refused
from patterns.judgement.judge import Judge
from patterns.judgement.weights import read


def some(every: int = 12) -> list[Example]:
    return shipped_texts()[::every]


def judge_from(examples: Sequence[Example]) -> Judge:
    return Judge(read(train(examples)))


def test_the_same_examples_give_the_same_bytes() -> None:
    assert train(some(30)) == train(some(30))


def test_the_version_follows_the_examples() -> None:
    examples = some(30)
    changed = [*examples[1:], msgspec.structs.replace(examples[0], voice="chat", matter="other", type="")]
    assert digest(examples) != digest(changed)
    assert read(train(examples)).version != read(train(changed)).version


def test_what_it_learned_it_knows() -> None:
    examples = some()
    judged = judged_texts(judge_from(examples), [x.text for x in examples])
    right = sum((j.suspicion > 0) == x.is_fraud for x, j in zip(examples, judged, strict=True))
    assert right >= 0.9 * len(examples)


def test_nothing_that_is_set_aside_is_learned_from() -> None:
    texts = shipped_texts()
    aside = {x.id for x in texts if x.set_aside}
    assert aside and not aside & {x.id for x in learned_from(texts)}


def test_nothing_to_learn_from_is_refused() -> None:
    with pytest.raises(Refused, match="no example"):
        train([])


def test_a_line_that_is_no_example_is_named() -> None:
    good = msgspec.json.encode(some()[0])
    with pytest.raises(Refused, match=r"own\.jsonl, line 2"):
        list(read_examples(good + b"\n" + b'{"id": 3}', "own.jsonl"))


def test_every_library_has_one_thread_while_it_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def look(*_: object) -> bytes:
        seen.extend(x["num_threads"] for x in threadpool_info())
        return b""

    monkeypatch.setattr(training, "_trained", look)
    with threadpool_limits(2):
        train(some(200))
    assert seen
    assert set(seen) == {1}

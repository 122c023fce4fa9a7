"""Train the judge: logistic regressions over the grams of labelled texts, made into a small file.

Needs scikit-learn (``pip install 'fenghuo[learn]'``); a judge needs nothing of it. The same examples give the
same bytes on the same machine: nothing is drawn by chance, and the solver runs on one thread.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np

from consumers.learning.examples import PHRASES, Example, digest
from fenghuo.errors import Refused
from patterns.arrays import F32, I64, U32
from patterns.judgement.labels import ACTS, MATTERS, PRETEXTS, STAGES, VOICES, WAYS, WHO
from patterns.judgement.weights import packed
from patterns.kernels import judge as kernels
from patterns.text.normalise import NORMALISER, clean_batch

FORM = "j1"
"""Version of what is learned and how. Change it with the heads or the grams."""
LEAST_TEXTS = 3
"""Texts that a gram is in, at least, to be learned from."""
DAMPING = 1000.0
"""Added to the squared length of a text's vector, about that of a line of 25 characters: a remark is judged
less surely than a message."""
REGULARISATION = 10.0
MOST_STEPS = 200
LEVELS = 31
"""Steps to either side of nought in which a weight is kept: with 127 a file is twice as large and judges
the same."""


@dataclass(frozen=True, slots=True)
class Question:
    """A head to learn: its labels, which examples say something of it, and what they say."""

    name: str
    labels: tuple[str, ...]
    asked: Callable[[Example], bool]
    answer: Callable[[Example], str]
    balanced: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Grams:
    """The grams of all examples: a sparse matrix (examples x known grams) of weighted counts."""

    known: U32
    rarity: F32
    matrix: Any


def train(examples: Sequence[Example], note: str = "") -> bytes:
    """The file of a judge that learned from ``examples``; ``note`` goes into its version."""
    if not examples:
        raise Refused("there is nothing to learn from: no example was given")
    with _on_one_thread():
        return _trained(examples, version_of(examples, note))


def version_of(examples: Sequence[Example], note: str = "") -> str:
    """The version of the judge that learns from ``examples``: the same again for the same ones."""
    return f"{FORM}-{note or 'shipped'}-{digest(examples)[:8]}"


def _on_one_thread() -> AbstractContextManager[Any]:
    """Several threads add up in another order each time. The libraries are loaded first: only those that are
    can be told."""
    try:
        import sklearn.linear_model  # noqa: F401
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise Refused(f"training needs scikit-learn: pip install 'fenghuo[learn]' ({error})") from None
    limits: AbstractContextManager[Any] = threadpool_limits(1)
    return limits


def _trained(examples: Sequence[Example], version: str) -> bytes:
    grams = _grams([x.text for x in examples])
    columns, biases, heads = list[Any](), list[Any](), list[dict[str, Any]]()
    for question in questions(sorted({x.type for x in examples if x.type})):
        weights, bias = _learned(question, examples, grams.matrix)
        columns.append(weights)
        biases.append(bias)
        heads.append({"name": question.name, "labels": question.labels, "one_of": question.name not in MANY})
    weights = np.concatenate(columns, 1)
    scale = np.maximum(np.abs(weights).max(0), 1e-9) / LEVELS
    head = {
        "heads": heads, "scale": scale.tolist(), "bias": np.concatenate(biases).tolist(),
        "damping": DAMPING, "version": version, "examples": digest(examples), "normaliser": NORMALISER,
    }  # fmt: skip
    return packed(head, grams.known, grams.rarity, np.round(weights / scale).astype(np.int8))


MANY = frozenset(("suspicion", "act"))
"""Heads whose labels do not exclude each other."""


def questions(types: Sequence[str]) -> list[Question]:
    """Every head, in the order of the file."""
    fraud = {"bait", "story", "victim"}

    def slot(name: str) -> Callable[[Example], str]:
        return lambda x: str(x.slots.get(name) or "")

    def told(x: Example) -> bool:
        return x.voice in fraud and bool(x.slots)

    def typed(x: Example) -> bool:
        return bool(x.type) and x.voice in {*fraud, "question", "warning"}

    return [
        Question("voice", tuple(VOICES), lambda _: True, lambda x: x.voice),
        Question("suspicion", ("fraud",), lambda _: True, lambda x: "fraud" if x.is_fraud else "", True),
        Question("type", tuple(types), typed, lambda x: x.type),
        Question("stage", tuple(STAGES), lambda x: x.voice != "bait", lambda x: x.stage, True),
        Question("matter", tuple(MATTERS), lambda _: True, lambda x: x.matter, True),
        Question("who", ("", *WHO), told, slot("who")),
        Question("pretext", ("", *PRETEXTS), told, slot("pretext")),
        Question("act", tuple(ACTS), told, lambda _: ""),
        Question("way", ("", *WAYS), told, slot("way")),
    ]


def _grams(texts: Sequence[str]) -> _Grams:
    from scipy import sparse

    cleaned = clean_batch(texts)
    compact, at, _ = kernels.compact(cleaned.text, cleaned.starts)
    keys, counts, starts = kernels.gram_keys(compact, at[:-1], at[1:])
    known, within = _frequent(keys)
    rarity = (np.log((1 + len(texts)) / (1 + within)) + 1).astype(np.float32)
    place = np.searchsorted(known, keys)
    held = (place < known.size) & (known[np.minimum(place, known.size - 1)] == keys)
    rows = np.repeat(np.arange(len(texts)), np.diff(starts))[held]
    values = (1 + np.log(counts[held])) * rarity[place[held]]
    matrix = sparse.csr_matrix((values, (rows, place[held])), (len(texts), known.size), dtype=np.float64)
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(1)).ravel() + DAMPING)
    return _Grams(known, rarity, sparse.diags(1 / lengths) @ matrix)


def _frequent(keys: U32) -> tuple[U32, I64]:
    """The keys that LEAST_TEXTS texts hold, ascending, and how many hold each."""
    known, within = np.unique(keys, return_counts=True)
    often = within >= LEAST_TEXTS
    return known[often], within[often]


def _learned(question: Question, examples: Sequence[Example], matrix: Any) -> tuple[Any, Any]:
    """(weights: grams x labels, bias by label) of one head."""
    asked = np.array(
        [
            n
            for n, x in enumerate(examples)
            if question.asked(x) and (x.kind != PHRASES or question.name == "type")
        ],
        np.int64,
    )
    some = [examples[n] for n in asked]
    weight = np.array([x.weight for x in some])
    if question.name in MANY:
        return _learned_many(question, some, matrix[asked], weight)
    answers = np.array([question.labels.index(question.answer(x)) for x in some])
    fitted = _fitted(matrix[asked], answers, weight, balanced=question.balanced)
    weights = np.zeros((matrix.shape[1], len(question.labels)))
    bias = np.full(len(question.labels), -30.0)
    weights[:, fitted.classes_] = fitted.coef_.T
    bias[fitted.classes_] = fitted.intercept_
    return weights, bias


def _learned_many(question: Question, some: Sequence[Example], matrix: Any, weight: Any) -> tuple[Any, Any]:
    weights = np.zeros((matrix.shape[1], len(question.labels)))
    bias = np.full(len(question.labels), -30.0)
    for n, label in enumerate(question.labels):
        if question.name == "act":
            answers = np.array([label in x.slots.get("act", ()) for x in some])
        else:
            answers = np.array([question.answer(x) == label for x in some])
        if answers.any() and not answers.all():
            fitted = _fitted(matrix, answers, weight, balanced=question.balanced)
            weights[:, n], bias[n] = fitted.coef_[0], fitted.intercept_[0]
    return weights, bias


def _fitted(matrix: Any, answers: Any, weight: Any, *, balanced: bool) -> Any:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(
        C=REGULARISATION, max_iter=MOST_STEPS, class_weight="balanced" if balanced else None
    )
    return model.fit(matrix, answers, sample_weight=weight)

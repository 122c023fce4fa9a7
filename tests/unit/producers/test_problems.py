"""Every problem in both languages."""

import pytest

from producers import problems


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("", "zh"), ("*", "zh"), ("en", "en"), ("en-GB,en;q=0.9", "en"), ("zh-CN,en;q=0.9", "zh"),
        ("zh;q=0.5,en;q=0.8", "en"), ("en;q=x", "zh"), ("fr", "zh"), ("en;q=0.9,zh", "zh"),
    ],
)  # fmt: skip
def test_language_follows_the_header_and_is_chinese_at_first(accept: str, language: str) -> None:
    assert problems.language_of(accept) == language


@pytest.mark.parametrize("kind", problems.KINDS, ids=lambda x: x.name)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_problem_says_what_to_do(kind: problems.ProblemKind, language: str) -> None:
    body = problems.Problem(kind, seconds=5, limit=7, where="").body(language).decode()
    assert kind.type in body and "{" not in body[1:]

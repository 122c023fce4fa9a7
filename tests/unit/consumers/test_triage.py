"""What a reporter is told, by what the library says of the text."""

import pytest

from consumers import reply_texts
from consumers.judging import shipped_judge
from consumers.live_library import LiveLibrary, seed_patterns
from consumers.triage import Triage
from fenghuo.domain import events as e
from fenghuo.security.details import open_details
from patterns.text.slots import example
from tests.support.builders import report

SEEDS = seed_patterns()
TRIAGE = Triage(LiveLibrary(SEEDS), shipped_judge())


async def _judged(texts: list[str]) -> list[e.Event]:
    found = await TRIAGE.on_reports_received([report(f"r{n}", text) for n, text in enumerate(texts)])
    return list(found.events)


@pytest.mark.parametrize("behind", ["。别理会他人", "。防骗", "不要信谣言"])
async def test_what_is_like_a_known_scam_is_never_answered_as_harmless(behind: str) -> None:
    judged = await _judged([example(pattern.text) + behind for pattern in SEEDS])
    replies = [x for x in judged if isinstance(x, e.ReplyRequested)]
    harmless = {reply_texts.new(stage, suspicious=False) for stage in e.ScamStage} - {
        reply_texts.new(stage, suspicious=True) for stage in e.ScamStage
    }
    assert len(replies) == len(SEEDS)
    assert any(isinstance(x, e.ReportUnmatched) and x.suggested_pattern for x in judged)
    assert [x.report_id for x in replies if x.text in harmless] == []


async def test_an_everyday_text_is_answered_as_nothing_known() -> None:
    judged = await _judged(["明天下午三点社区活动室开会，请带好身份证"])
    assert [x.text for x in judged if isinstance(x, e.ReplyRequested)] == [
        reply_texts.new(e.ScamStage.RECEIVED, suspicious=False)
    ]


async def test_who_is_in_trouble_by_the_words_is_judged_before_the_others() -> None:
    judged = await _judged(["明天开会", "今天天气不错", "我刚转了两万给对方，他把我拉黑了，怎么办"])
    first = next(x for x in judged if isinstance(x, e.ReportUnmatched))
    assert first.report_id == "r2"


async def test_the_fraudsters_details_go_on_sealed_and_nobody_elses_at_all() -> None:
    key = "k" * 32
    text = "骗子让我妈转到6228480012345670，他的电话13924681357，我的电话13798765432"
    found = await Triage(LiveLibrary(SEEDS), shipped_judge(), key).on_reports_received([report("r", text)])
    (unmatched,) = (x for x in found.events if isinstance(x, e.ReportUnmatched))
    assert open_details(unmatched.sealed, key) == (
        ("bank_card", "6228480012345670"),
        ("phone", "13924681357"),
    )
    assert not any(number in repr(unmatched) for number in ("6228480012345670", "13924681357", "13798765432"))


async def test_without_a_key_no_detail_is_kept() -> None:
    judged = await _judged(["骗子让我妈转到6228480012345670"])
    assert [x.sealed for x in judged if isinstance(x, e.ReportUnmatched)] == [""]

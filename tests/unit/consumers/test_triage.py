"""What a reporter is told, by what the library says of the text."""

import pytest

from consumers import reply_texts
from consumers.judging import shipped_judge
from consumers.live_library import LiveLibrary, seed_patterns
from consumers.triage import Triage
from fenghuo.domain import events as e
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

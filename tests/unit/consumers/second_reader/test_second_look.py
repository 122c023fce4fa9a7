"""With and without the second reader: drafts are equal, nothing is lowered. It reads only what is unsure."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from consumers import reply_texts
from consumers.credibility import WATCH, WATCH_ONE, tier_of
from consumers.judging import Assessed, Told, shipped_judge
from consumers.learning.backtest import Backtest, ReportLine, Shown
from consumers.live_library import LiveLibrary, seed_patterns
from consumers.second_reader.lifting import Lifted, lifted
from consumers.second_reader.reader import Unsure
from consumers.second_reader.reading import Reading
from consumers.second_reader.second_look import (
    UNSURE_FROM,
    UNSURE_TO,
    SecondLooker,
    is_unsure,
    most_unsure,
)
from consumers.triage import Triage
from fenghuo.domain import events as e
from patterns.judgement.judge import Judgement, StorySlots
from patterns.model import Verdict
from patterns.signals.urgency import CALM, Urgency
from tests.support.builders import NOON, report, settings

TEXTS = [
    "村里来了几个人，说看病不要钱，让大爷大妈去听课，听完还送鸡蛋", "明天下午社区活动室量血压，欢迎参加",
    "有人加我说帮忙给电影票房冲数字，一单返两块，我做了三单", "楼下超市周末鸡蛋特价",
    "说我的分数差一点放不了款，让买个提分包", "果树认养一棵八百八，每年分果子还分钱",
    "消防来电话说要买书，货到付款", "我刚转了两万给对方，他把我拉黑了，怎么办",
    "同学群里在收班费，每人五十", "他让我开共享屏幕，说要退会员费", "今天天气不错",
    "平台说我的订单有问题，要联系专员处理", "收到一个快递不是我买的，里面有刮刮卡",
]  # fmt: skip
LIBRARY, JUDGE = LiveLibrary(seed_patterns()), shipped_judge()
VICTIM = Reading("victim", "KEFU", "paid", "fraud", "customer_service", "refund", ("screen",), "call")
STORY = VICTIM._replace(voice="story")
READINGS = [None, VICTIM, STORY, VICTIM._replace(voice="chat", matter="other", stage="received")]
STAGES = list(e.ScamStage)


class SaidReader:
    """Says the same of every text, and keeps what it was asked."""

    def __init__(self, *said: Reading | None) -> None:
        self._said = said
        self.asked = list[list[Unsure]]()

    async def lift(self, unsure: Sequence[Unsure]) -> list[Lifted]:
        self.asked.append(list(unsure))
        return [
            lifted(x.tier, x.stage, self._said[len(x.masked) % len(self._said)]) for x in unsure
        ]  # fmt: skip


def triage_with(reader: SaidReader | None, most: int = 60) -> Triage:
    look = SecondLooker(reader, most).look if reader else None  # type: ignore[arg-type]
    return Triage(LIBRARY, JUDGE, second_look=look)


async def triaged(reader: SaidReader | None, reports: Sequence[e.ReportReceived]) -> dict[str, e.Event]:
    outcome = await triage_with(reader).on_reports_received(reports)
    return {f"{type(x).__name__} {getattr(x, 'report_id')}": x for x in outcome.events}  # noqa: B009


async def shown(reader: SaidReader | None, lines: Sequence[ReportLine]) -> list[Shown]:
    run = Backtest(triage_with(reader), settings())
    await run.add(lines)
    return run.shown()


def judged(evidence: float, **changes: Any) -> Judgement:
    fields: dict[str, Any] = {
        "voice": "story", "voice_share": 0.5, "suspicion": evidence, "fraud_type": "KEFU", "type_share": 0.5,
        "likely_types": (), "stage": "received", "stage_share": 0.5, "matter": "fraud", "matter_share": 0.5,
        "slots": StorySlots(), "points": 9,
    }  # fmt: skip
    return Judgement(**(fields | changes))


def told(
    evidence: float, *, band: str = "none", said: Urgency = CALM, stage: str = "received", **changes: Any
) -> Told:
    verdict = Verdict(None, 0.0, band, None, (), "", "")  # type: ignore[arg-type]
    seen = Assessed(verdict, None, judged(evidence, **changes), said, [])
    return Told(report("r", "x"), seen, e.ScamStage(stage))


@hypothesis_settings(max_examples=12, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(TEXTS), st.integers(0, 4)), min_size=1, max_size=24),
    st.permutations(READINGS),
)
async def test_with_and_without_it_drafts_are_equal_and_only_what_was_nothing_is_shown_beside(
    sent: list[tuple[str, int]], said: list[Reading | None]
) -> None:
    lines = [
        ReportLine(
            id=f"r{n}", district="d", reporter=f"who-{who}", at=NOON + timedelta(minutes=n), text=text,
            town=f"镇{who % 2}",
        )
        for n, (text, who) in enumerate(sent)
    ]  # fmt: skip
    without, beside = await shown(None, lines), await shown(SaidReader(*said), lines)
    assert [x for x in beside if x.tier == "draft"] == [x for x in without if x.tier == "draft"]
    watched = [x._replace(by_model=()) for x in beside if x.tier == "watch" and not x.only_model]
    assert watched == [x for x in without if x.tier == "watch"]


@hypothesis_settings(max_examples=12, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(TEXTS), st.sampled_from(STAGES)), min_size=1, max_size=12),
    st.permutations(READINGS),
)
async def test_no_stage_is_lowered_and_nothing_else_of_a_report_changes(
    sent: list[tuple[str, e.ScamStage]], said: list[Reading | None]
) -> None:
    reports = [report(f"r{n}", text, stage=stage) for n, (text, stage) in enumerate(sent)]
    without, beside = await triaged(None, reports), await triaged(SaidReader(*said), reports)
    assert without.keys() == beside.keys()
    for name, was in without.items():
        now: Any = beside[name]
        if isinstance(was, e.ReportUnmatched):
            assert STAGES.index(now.stage) >= STAGES.index(was.stage)
            assert now.stage is was.stage or (now.stage is not e.ScamStage.PAID and now.stage_by_model)
            as_was: dict[str, Any] = {"stage": was.stage, "model": (), "stage_by_model": False}
            assert e.ReportUnmatched(**({x: getattr(now, x) for x in now.__struct_fields__} | as_was)) == was
        elif isinstance(was, e.ReplyRequested) and now != was:
            assert reply_texts.STOP_NOW in now.text
            assert beside[f"ReportUnmatched {was.report_id}"].stage_by_model  # type: ignore[attr-defined]
        else:
            assert now == was


async def test_a_lifted_report_is_marked_and_advised_to_call_110() -> None:
    found = await triaged(SaidReader(VICTIM), [report(f"r{n}", x) for n, x in enumerate(TEXTS)])
    raised = [x for x in found.values() if isinstance(x, e.ReportUnmatched) and x.model]
    assert len(raised) >= 3
    for row in raised:
        assert row.stage is e.ScamStage.MONEY_MOVING
        assert row.stage_by_model and not row.stage_by_text and not row.trouble
        assert "110" in found[f"ReplyRequested {row.report_id}"].text  # type: ignore[attr-defined]


async def test_it_is_asked_once_a_batch_about_no_more_than_it_may_be() -> None:
    reader = SaidReader(STORY)
    reports = [report(f"r{n}", x) for n, x in enumerate(TEXTS * 12)]
    await triage_with(reader, 5).on_reports_received(reports)
    assert [len(x) for x in reader.asked] == [5]


async def test_it_is_shown_masked_texts() -> None:
    reader = SaidReader(None)
    text = "有人说果树认养一棵八百八每年分果子，让我打13924681357找他"
    await triage_with(reader).on_reports_received([report("r", text)])
    assert not any("13924681357" in x.masked for asked in reader.asked for x in asked)
    assert [len(x) for x in reader.asked] == [1]


async def test_where_nothing_is_unsure_it_is_not_asked() -> None:
    reader = SaidReader(VICTIM)
    await triage_with(reader).on_reports_received([report("r", "今天天气不错")])
    assert reader.asked == []


def test_only_what_is_unsure_is_read_again() -> None:
    assert is_unsure(told(UNSURE_FROM)) and is_unsure(told(UNSURE_TO - 0.01))
    assert not is_unsure(told(UNSURE_FROM - 0.01)) and not is_unsure(told(UNSURE_TO))
    assert is_unsure(told(5.0, fraud_type=None)) and not is_unsure(told(-5.0, fraud_type=None))
    assert UNSURE_FROM < WATCH < WATCH_ONE < UNSURE_TO


def test_what_is_known_urgent_or_in_trouble_is_not() -> None:
    assert not is_unsure(told(0.0, band="known")) and not is_unsure(told(0.0, band="suggested"))
    assert not is_unsure(told(0.0, stage="paid")) and not is_unsure(told(0.0, stage="money_moving"))
    assert not is_unsure(told(0.0, said=Urgency(trouble=True)))
    assert not is_unsure(told(0.0, said=Urgency(matter="emergency")))


def test_the_most_unsure_come_first() -> None:
    batch = [told(x) for x in (UNSURE_FROM, WATCH_ONE, -5.0, WATCH)] + [told(3.0, fraud_type=None)]
    assert most_unsure(batch) == [1, 3, 0, 4]


def member(suspicion: float, n: int, **changes: Any) -> e.Member:
    return e.Member(report_id=f"r{n}", reporter=f"who{n}", town="镇", at=NOON, suspicion=suspicion, **changes)


@given(st.lists(st.tuples(st.floats(-5, 5), st.booleans()), min_size=1, max_size=8))
def test_what_the_model_found_brings_a_cluster_from_nothing_to_watch_and_no_further(
    seen: list[tuple[float, bool]],
) -> None:
    plain = tier_of([member(x, n) for n, (x, _) in enumerate(seen)], settings())
    lifted_too = [member(x, n, model=("model",) if by else ()) for n, (x, by) in enumerate(seen)]
    found = tier_of(lifted_too, settings())
    by_model = any(by for _, by in seen)
    assert found == ("watch" if plain == "none" and by_model else plain)

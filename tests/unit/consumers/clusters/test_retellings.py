"""Three people tell one trick in words of their own: shown together, and no more than that is claimed."""

from datetime import timedelta

from consumers.clusters.retellings import similarity
from fenghuo.domain import events as e
from tests.support.builders import NOON, place, unmatched
from tests.unit.consumers.clusters.test_clustering import SmallDesk, clustering, drafts

TOLD = (
    "有个自称短视频客服的人说我开了会员每个月要扣钱，叫我开会议给他看屏幕",
    "刚才一个女的来电话，讲免费期过了不关就收费，非要教我在手机上点",
    "我妈说有人让她下个开会的软件，说是帮她取消扣费，她把手机给我看我就挂了",
)
MEMBER = e.ToldTrick(
    voice="story", likely_types=(("MEMBER", 0.7), ("KEFU", 0.2), ("LOAN", 0.05)), clear=True,
    who="customer_service", pretext="membership", acts=("screen",), way="call",
)  # fmt: skip
OTHER = e.ToldTrick(voice="story", likely_types=(("ETC", 0.8), ("OTHER", 0.1), ("BIZ", 0.05)), clear=True)


def retold(n: int, told: e.ToldTrick = MEMBER, minutes: int = 0, **changes: object) -> e.ReportUnmatched:
    fields: dict[str, object] = {
        "suspicion": 1.5, "evidence": 1.5, "told": told, "place": place(f"镇{n}"),
        "at": NOON + timedelta(minutes=minutes),
    } | changes  # fmt: skip
    return unmatched(f"r{n}", TOLD[n % 3], **fields)


def last_clusters(events: list[e.Event]) -> dict[str, e.Cluster]:
    found: dict[str, e.Cluster] = {}
    for x in events:
        if isinstance(x, e.ClusterChanged | e.ClusterRedrawn):
            found[x.cluster.cluster_id] = x.cluster
    return {k: c for k, c in found.items() if c.merged_into is None}


async def test_three_tellings_of_one_trick_are_put_together_and_the_cluster_says_so() -> None:
    outcome = await clustering().on_reports_unmatched([retold(n, minutes=4 * n) for n in range(3)])
    [cluster] = last_clusters(outcome.events).values()
    assert (cluster.reports, cluster.reporters, cluster.told_alike) == (3, 3, True)
    assert cluster.fraud_type == "MEMBER" and cluster.shared == ()
    assert {x.actor for x in cluster.corrections} == {"system"}


async def test_two_tellings_stay_apart() -> None:
    outcome = await clustering().on_reports_unmatched([retold(n, minutes=4 * n) for n in range(2)])
    assert len(last_clusters(outcome.events)) == 2


async def test_tellings_of_other_tricks_stay_apart() -> None:
    reports = [retold(0), retold(1, OTHER, 4), retold(2, minutes=8)]
    outcome = await clustering().on_reports_unmatched(reports)
    assert len(last_clusters(outcome.events)) == 3


async def test_one_person_who_tells_it_three_times_is_not_three() -> None:
    reports = [retold(n, minutes=4 * n, reporter="the same") for n in range(3)]
    outcome = await clustering().on_reports_unmatched(reports)
    assert len(last_clusters(outcome.events)) == 3


async def test_what_is_harmless_is_not_put_together() -> None:
    reports = [retold(n, minutes=4 * n, suspicion=-2.0, evidence=-2.0) for n in range(3)]
    outcome = await clustering().on_reports_unmatched(reports)
    assert len(last_clusters(outcome.events)) == 3


async def test_a_redelivered_telling_changes_nothing_more() -> None:
    stage, reports = clustering(), [retold(n, minutes=4 * n) for n in range(3)]
    await stage.on_reports_unmatched(reports)
    assert (await stage.on_reports_unmatched(reports)).events == []


async def test_a_restart_between_the_tellings_gives_the_same_events() -> None:
    reports = [retold(n, minutes=4 * n) for n in range(3)]
    through = await clustering().on_reports_unmatched(reports)
    before = await clustering().on_reports_unmatched(reports[:2])
    kept = [
        e.Cluster(**{
            **{f: getattr(x.cluster, f) for f in x.cluster.__struct_fields__}, "members": (x.member,),
        })
        for x in before.events if isinstance(x, e.ClusterChanged)
    ]  # fmt: skip
    after = await clustering(SmallDesk(kept)).on_reports_unmatched(reports[2:])
    assert after.events == through.events[len(before.events) :]


async def test_tellings_draft_only_with_a_clear_type_and_more_suspicion_than_copies() -> None:
    sure = await clustering().on_reports_unmatched([retold(n, minutes=4 * n) for n in range(3)])
    unsure = await clustering().on_reports_unmatched(
        [retold(n, minutes=4 * n, suspicion=0.4, evidence=0.4) for n in range(3)]
    )
    assert (len(drafts(sure.events)), len(drafts(unsure.events))) == (1, 0)


def test_similarity_is_symmetric_and_grows_with_what_is_shared() -> None:
    plain = e.ToldTrick(likely_types=MEMBER.likely_types)
    assert similarity(MEMBER, OTHER) == similarity(OTHER, MEMBER) < similarity(plain, MEMBER)
    assert similarity(plain, MEMBER) < similarity(MEMBER, MEMBER)

"""The laws of clustering the unmatched."""

import random
from collections import defaultdict
from collections.abc import Sequence
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Indel

from bench._campaigns import Campaigns
from consumers.judging import judged_texts, shipped_judge
from consumers.live_library import seed_patterns
from patterns.clustering import MARKS_KEPT, ClusterConfig, Clusterer, Placement, marks
from patterns.data.everyday_messages import EVERYDAY
from patterns.text.normalise import fold
from patterns.text.slots import example

VARIANTS = (
    "【工商通知】您的企业法人信息已到期，请于今日24时前登录 gs-nianjian.example.com "
    "完成认证，逾期将列入经营异常名录。",
    "刚收到的，是真的吗？【工商提醒】贵公司法亻人信息到期，请"
    "今日24时前登陆 gs-nj.example.net 完成认証，逾期列入经营异常名录",
    "[市场监管]尊敬的负责人：您企业法人信息已经到期，"
    "请在今日２４时前登录 gsnj.example.org 完成认证，逾期将被列入经营异常名录！退订回T",
)
MESSAGES = tuple(Campaigns(5).sharing(30, 5, 40, 90, 4).texts)
SEEDED = tuple(example(pattern.text) for pattern in seed_patterns())
OTHER = "妈妈我在外地丢了手机，这是新同学的号码，老师让今晚交研学营的费用，你先替我交一下。"


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_three_variants_come_together_in_any_order(order: tuple[int, ...]) -> None:
    clusterer = Clusterer()
    ids = {clusterer.place(str(i), VARIANTS[i]).cluster_id for i in order}
    assert ids == {f"c-{order[0]}"} and len(clusterer) == 1


def test_the_founder_names_the_cluster_and_another_story_founds_its_own() -> None:
    clusterer = Clusterer()
    first = clusterer.place("r1", VARIANTS[0])
    assert (first.cluster_id, first.is_new, first.exemplar) == ("c-r1", True, True)
    assert clusterer.place("r2", OTHER).cluster_id == "c-r2"


def test_everyday_messages_make_no_cluster_of_three_that_would_be_raised() -> None:
    clusterer, members = Clusterer(), defaultdict[str, list[str]](list)
    for n, text in enumerate(EVERYDAY):
        members[clusterer.place(str(n), text).cluster_id].append(text)
    seen = [judged_texts(shipped_judge(), c) for c in members.values() if len(c) >= 3]
    assert [c for c in seen if sum(x.evidence for x in c) >= -0.3 * len(c)] == []


@pytest.mark.parametrize("text", ["收到", "好的，谢谢", "1", "", "😀😀😀", "13800138000", "早上好"])
def test_a_text_that_says_little_stands_alone(text: str) -> None:
    clusterer = Clusterer()
    placed = [clusterer.place(str(n), text) for n in range(3)]
    assert [p.cluster_id for p in placed] == ["c-0", "c-1", "c-2"]
    assert all(p.is_new and not p.exemplar for p in placed)


def test_a_forgotten_cluster_is_joined_no_more() -> None:
    clusterer = Clusterer()
    clusterer.place("a", VARIANTS[0])
    clusterer.forget("c-a")
    clusterer.forget("never held")
    assert len(clusterer) == 0
    assert clusterer.place("b", VARIANTS[0]).cluster_id == "c-b"


def test_a_cluster_has_no_more_exemplars_than_it_may() -> None:
    clusterer = Clusterer(ClusterConfig(further_exemplar=101.0, max_exemplars=2))
    placed = [clusterer.place(str(n), VARIANTS[n % 3] + str(n)) for n in range(6)]
    assert sum(p.exemplar for p in placed) == 2


# ---------------------------------------------------------------- in any way the same


def all_of(clusterer: Clusterer, texts: Sequence[str], first: int = 0) -> list[Placement]:
    return clusterer.place_batch([str(n) for n in range(first, first + len(texts))], texts)


some_messages = st.lists(st.sampled_from(MESSAGES + SEEDED[:20]), max_size=60)


@settings(max_examples=15, deadline=None)
@given(some_messages, st.integers(1, 20))
def test_a_batch_is_placed_as_its_messages_one_by_one(texts: list[str], size: int) -> None:
    singly, batched = Clusterer(), Clusterer()
    one_by_one = [singly.place(str(n), text) for n, text in enumerate(texts)]
    by_batches = [
        placed
        for first in range(0, len(texts), size)
        for placed in all_of(batched, texts[first : first + size], first)
    ]
    assert by_batches == one_by_one


def test_the_same_messages_give_the_same_clusters() -> None:
    assert all_of(Clusterer(), MESSAGES) == all_of(Clusterer(), MESSAGES)


class Keeper:
    """What a caller stores, and gives back after a restart."""

    def __init__(self) -> None:
        self.exemplars = defaultdict[str, list[str]](list)
        self.marks: dict[str, tuple[int, ...]] = {}

    def keep(self, texts: Sequence[str], placed: Sequence[Placement]) -> None:
        for text, placement in zip(texts, placed, strict=True):
            known = self.marks.get(placement.cluster_id, ())
            self.marks[placement.cluster_id] = tuple(dict.fromkeys((*known, *placement.marks)))[:MARKS_KEPT]
            if placement.exemplar:
                self.exemplars[placement.cluster_id].append(text)

    def restored(self, order: random.Random) -> Clusterer:
        clusterer, ids = Clusterer(), sorted(self.exemplars)
        order.shuffle(ids)
        for cluster_id in ids:
            clusterer.restore(cluster_id, self.exemplars[cluster_id], self.marks.get(cluster_id, ()))
        return clusterer


@settings(max_examples=15, deadline=None)
@given(some_messages, some_messages, st.integers(), st.sets(st.integers(0, 59)))
def test_a_restored_clusterer_goes_on_as_if_never_stopped(
    before: list[str], after: list[str], seed: int, forgotten: set[int]
) -> None:
    undisturbed, keeper = Clusterer(), Keeper()
    keeper.keep(before, all_of(undisturbed, before))
    for n in forgotten:
        undisturbed.forget(f"c-{n}")
        keeper.exemplars.pop(f"c-{n}", None)
    restored = keeper.restored(random.Random(seed))
    assert len(restored) == len(undisturbed)
    assert all_of(restored, after, 100) == all_of(undisturbed, after, 100)


def test_a_restored_clusterer_goes_on_as_if_never_stopped_at_length() -> None:
    texts = Campaigns(6).sharing(120, 6, 400, 300, 5).texts
    undisturbed, keeper, half = Clusterer(), Keeper(), len(texts) // 2
    keeper.keep(texts[:half], all_of(undisturbed, texts[:half]))
    restored = keeper.restored(random.Random(1))
    assert all_of(restored, texts[half:], half) == all_of(undisturbed, texts[half:], half)


# ---------------------------------------------------------------- stars


def test_a_member_is_as_close_to_an_exemplar_of_its_cluster_as_its_score_says() -> None:
    clusterer, config, exemplars = Clusterer(), ClusterConfig(), defaultdict[str, list[str]](list)
    joined = 0
    for text, placed in zip(MESSAGES, all_of(clusterer, MESSAGES), strict=True):
        if not placed.is_new:
            joined += 1
            closest = max(
                Indel.normalized_similarity(fold(text), fold(e)) for e in exemplars[placed.cluster_id]
            )
            assert placed.score >= config.join and closest >= 0.3
        if placed.exemplar:
            exemplars[placed.cluster_id].append(text)
    assert joined > 60 and max(map(len, exemplars.values())) <= config.max_exemplars


def test_a_chain_of_likenesses_is_not_one_cluster() -> None:
    """Each text shares two clauses of three with the one before, the last none with the first."""
    clauses = [SEEDED[n][:16] for n in range(0, 320, 8)]
    chain = ["，".join(clauses[n : n + 3]) for n in range(len(clauses) - 2)]
    placed = all_of(Clusterer(), chain)
    assert all(not p.is_new for p in placed[1:2]) and len({p.cluster_id for p in placed}) >= len(chain) // 4


def test_a_message_that_is_close_to_another_cluster_as_well_names_it() -> None:
    clusterer = Clusterer(ClusterConfig(join=40.0))
    clusterer.restore("c-a", [VARIANTS[0]])
    clusterer.restore("c-b", [VARIANTS[2]])
    placed = clusterer.place("x", VARIANTS[0])
    assert (placed.cluster_id, placed.near) == ("c-a", ("c-b",))


# ---------------------------------------------------------------- indicators


def test_a_shared_link_or_account_names_the_other_story() -> None:
    clusterer = Clusterer()
    clusterer.place("story", "您有一份法院传票未领取，请点击 https://fayuan7.example.com/x 查看案件详情。")
    placed = clusterer.place("other", "恭喜获得周年庆手机一台，领奖登录 fayuan7.example.com 填写收货地址。")
    assert (placed.cluster_id, placed.linked) == ("c-other", ("c-story",))
    account = clusterer.place(
        "third", "招聘点赞员，每单五元，一天结一次，添加微信 dianzan_8890 报名，不收费用。"
    )
    again = clusterer.place("fourth", "内部原始股低价认购，名额有限，详情咨询微信 dianzan_8890 老师安排。")
    assert account.linked == () and again.linked == ("c-third",)


def test_what_many_clusters_carry_links_none() -> None:
    config = ClusterConfig(common_indicator=3)
    clusterer = Clusterer(config)
    stories = [SEEDED[n][:40] + " 见 abcd77.example.com" for n in range(0, 80, 10)]
    placed = all_of(clusterer, stories)
    assert len({p.cluster_id for p in placed}) == len(stories)
    assert [len(p.linked) for p in placed] == [0, 1, 2, 3, 0, 0, 0, 0]


def test_known_good_names_and_hidden_signs_link_nothing() -> None:
    clusterer = Clusterer()
    hidden = "\u200b".join(OTHER)
    placed = [
        clusterer.place("a", "您的案件详情请登录 www.gov.cn 查询，逾期影响个人征信记录。" + hidden),
        clusterer.place("b", "\u200b".join("恭喜获得周年庆手机一台，领奖请到 www.gov.cn 填写收货地址")),
    ]
    assert [p.linked for p in placed] == [(), ()]


def test_an_indicator_goes_with_its_cluster() -> None:
    clusterer = Clusterer()
    clusterer.restore("c-a", [VARIANTS[0]], marks(["gone77.example.com"]))
    clusterer.forget("c-a")
    assert clusterer.place("x", OTHER + " gone77.example.com").linked == ()


# ---------------------------------------------------------------- what a person says


@pytest.mark.parametrize("first", [True, False])
def test_a_cluster_that_cannot_be_linked_is_not_named_before_and_after_it_is_loaded(first: bool) -> None:
    clusterer = Clusterer()
    if first:
        clusterer.cannot_link("c-a", "c-d")
    clusterer.restore("c-a", [OTHER], marks(["abcd77.example.com"]))
    clusterer.restore("c-d", [SEEDED[0]], marks(["abcd77.example.com"]))
    if not first:
        clusterer.cannot_link("c-a", "c-d")
    assert clusterer.place("x", OTHER + " abcd77.example.com").linked == ()
    assert clusterer.place("y", SEEDED[0] + " abcd77.example.com").linked == ()
    assert clusterer.place("z", SEEDED[50] + " abcd77.example.com").linked == ("c-a", "c-d")


def test_a_cannot_link_constraint_outlives_forgetting() -> None:
    clusterer = Clusterer()
    clusterer.cannot_link("c-a", "c-d")
    for _ in range(2):
        clusterer.restore("c-a", [OTHER], marks(["abcd77.example.com"]))
        assert clusterer.place("d", SEEDED[0] + " abcd77.example.com").linked == ()
        clusterer.forget("c-a")
        clusterer.forget("c-d")
        assert len(clusterer) == 0


def test_one_cluster_is_not_two() -> None:
    with pytest.raises(ValueError, match="not two"):
        Clusterer().cannot_link("c-b", "c-b")


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(MESSAGES), min_size=4, max_size=60), st.data())
def test_a_cannot_link_constraint_stays_over_a_restart(texts: list[str], data: st.DataObject) -> None:
    undisturbed, keeper, half = Clusterer(), Keeper(), len(texts) // 2
    keeper.keep(texts[:half], all_of(undisturbed, texts[:half]))
    ids = st.sampled_from(sorted(keeper.exemplars))
    pairs = [p for p in data.draw(st.lists(st.tuples(ids, ids), max_size=4)) if p[0] != p[1]]
    restored = keeper.restored(random.Random(0))
    for one, other in pairs:
        undisturbed.cannot_link(one, other)
        restored.cannot_link(one, other)
    assert all_of(restored, texts[half:], half) == all_of(undisturbed, texts[half:], half)


# ---------------------------------------------------------------- any text, for long


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(st.characters(codec=None), max_size=200), max_size=12))
def test_any_text_is_placed(texts: list[str]) -> None:
    clusterer = Clusterer()
    placed = all_of(clusterer, texts)
    for p in placed:
        clusterer.forget(p.cluster_id)
    assert len(placed) == len(texts) and len(clusterer) == 0


def test_very_long_texts_are_placed_by_their_beginning() -> None:
    clusterer, long = Clusterer(), "".join(SEEDED)[:10_000]
    assert len(long) == 10_000
    placed = all_of(
        clusterer, [long, long[:9_990] + "再见", "".join(reversed(long)), "啊" * 10_000, "\u200b" * 10_000]
    )
    assert [p.cluster_id for p in placed[:3]] == ["c-0", "c-0", "c-2"]


def test_an_empty_batch_is_nothing_and_ids_belong_to_texts() -> None:
    assert Clusterer().place_batch([], []) == []
    with pytest.raises(ValueError, match="ids"):
        Clusterer().place_batch(["a"], [])


def test_memory_of_what_is_forgotten_is_used_again() -> None:
    clusterer = Clusterer()
    order, sizes = random.Random(1), []
    for n in range(40):
        ids = sorted({p.cluster_id for p in all_of(clusterer, SEEDED, 1_000 * n)})
        order.shuffle(ids)
        for cluster_id in ids:
            clusterer.forget(cluster_id)
        assert len(clusterer) == 0
        sizes.append(clusterer.nbytes)
    assert sizes[-1] <= 1.5 * sizes[0]


def test_a_masked_account_marks_a_cluster_as_the_account_itself_would() -> None:
    one, two, other = (
        marks([f"加微信{account}领取"]) for account in ("zh****01", "zh****01，今晚截止", "ab****99")
    )
    assert one and one == two
    assert one != other

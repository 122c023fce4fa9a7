"""The laws of clustering the unmatched."""

from collections import defaultdict
from itertools import permutations

import pytest

from patterns.background import EVERYDAY
from patterns.clustering import ClusterConfig, Clusterer
from patterns.triage import assess

VARIANTS = (
    "【工商通知】您的企业法人信息已到期，请于今日24时前登录 gs-nianjian.example.com "
    "完成认证，逾期将列入经营异常名录。",
    "刚收到的，是真的吗？【工商提醒】贵公司法亻人信息到期，请"
    "今日24时前登陆 gs-nj.example.net 完成认証，逾期列入经营异常名录",
    "[市场监管]尊敬的负责人：您企业法人信息已经到期，"
    "请在今日２４时前登录 gsnj.example.org 完成认证，逾期将被列入经营异常名录！退订回T",
)
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
    raised = [c for c in members.values() if len(c) >= 3 and any(assess(text).suspicious for text in c)]
    assert raised == []


@pytest.mark.parametrize("text", ["收到", "好的，谢谢", "1", "", "😀😀😀", "13800138000", "早上好"])
def test_a_text_that_says_little_stands_alone(text: str) -> None:
    clusterer = Clusterer()
    placed = [clusterer.place(str(n), text) for n in range(3)]
    assert [p.cluster_id for p in placed] == ["c-0", "c-1", "c-2"]
    assert all(p.is_new and not p.exemplar for p in placed)


def test_a_restored_clusterer_decides_as_the_one_that_was_stopped() -> None:
    live, again = Clusterer(), Clusterer()
    kept: dict[str, list[str]] = {}
    for n, text in enumerate([*VARIANTS[:2], OTHER, *EVERYDAY]):
        placed = live.place(str(n), text)
        if placed.exemplar:
            kept.setdefault(placed.cluster_id, []).append(text)
    for cluster_id, texts in kept.items():
        again.restore(cluster_id, texts)
    for n, text in enumerate([VARIANTS[2], OTHER + "快一点", EVERYDAY[12]]):
        assert live.place(f"x{n}", text) == again.place(f"x{n}", text)


def test_a_forgotten_cluster_is_joined_no_more() -> None:
    clusterer = Clusterer()
    clusterer.place("a", VARIANTS[0])
    clusterer.forget("c-a")
    clusterer.forget("never held")
    assert len(clusterer) == 0
    assert clusterer.place("b", VARIANTS[0]).cluster_id == "c-b"


def test_a_cluster_has_no_more_exemplars_than_it_may() -> None:
    clusterer = Clusterer(ClusterConfig(join=20.0, further_exemplar=101.0, max_exemplars=2))
    placed = [clusterer.place(str(n), VARIANTS[n % 3] + str(n)) for n in range(6)]
    assert sum(p.exemplar for p in placed) == 2

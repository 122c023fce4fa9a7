"""Whom a warning would not reach, and who never answers."""

from typing import Any

import pytest

from console.directory.coverage import area_of, count_reasons, finding_on, sums_by_area
from console.directory.coverage_survey import owners_who_answered, owners_with_todo
from fenghuo.domain.alert import Role
from fenghuo.domain.delivery import LedgerRow
from fenghuo.domain.events import Binding, DeliveryState, Group, Person
from fenghuo.domain.taps import Tappers
from fenghuo.security.credentials import Credential
from tests.support.builders import DISTRICT, group, place

KEYS = {"district": Credential(name="district", channel="wecom_customer_group", corpid="ww1", secret="x")}

OFFICERS = Tappers({
    x: Person(person_id=x, name=x, role=Role.ANALYST if x == "analyst" else Role.OFFICER, district=DISTRICT)
    for x in ("p1", "p2", "p9", "analyst")
})  # fmt: skip


def whole(n: int = 1, **changes: Any) -> Group:
    return group(n, **({"channel": "relay", "owner": "p1", "deputy": "p2", "members": 100} | changes))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, ""),
        ({"channel": "sandbox"}, "sandbox"),
        ({"channel": "pigeon"}, "unknown"),
        ({"channel": "wecom_customer_group", "credential": "district"}, ""),
        ({"channel": "wecom_customer_group"}, "credential"),
        ({"channel": "wecom_customer_group", "credential": "other"}, "credential"),
        ({"channel": "webhook", "credential": "district"}, "credential"),
        ({"channel": "webhook"}, ""),
        ({"channel": "relay", "owner": "", "deputy": ""}, "nobody"),
        ({"channel": "relay", "owner": ""}, ""),
        ({"channel": "relay", "owner": "analyst", "deputy": ""}, "nobody"),
        ({"channel": "wecom_customer_group", "credential": "district", "owner": "analyst", "deputy": ""}, ""),
        ({"channel": "dingtalk", "owner": "", "deputy": ""}, ""),
        ({"channel": "sandbox", "also": (Binding(channel="pigeon"),)}, "unknown"),
        ({"channel": "pigeon", "also": (Binding(channel="feishu"),)}, ""),
    ],
)  # fmt: skip
def test_a_group_without_a_way_that_reaches_it_is_told_with_the_reason(
    changes: dict[str, Any], why: str
) -> None:
    found = finding_on(whole(**changes), KEYS, (), OFFICERS)
    assert (found.reason, "no_way" in found.problems) == (why, bool(why))


def test_where_the_credentials_cannot_be_read_none_is_called_missing() -> None:
    assert finding_on(whole(channel="webhook", credential="other"), None, (), OFFICERS).reason == ""


def test_the_sums_are_by_problem_and_place_with_the_worst_place_first() -> None:
    groups = [
        whole(1, place=place("东湖镇"), station="a"),
        whole(2, place=place("东湖镇"), station="a", owner="", deputy="p2"),
        whole(3, place=place("南桥镇"), station="b", owner="", deputy="", members=70),
        whole(4, place=place("南桥镇"), station="b", owner="p9", deputy="", members=30),
    ]
    findings = [finding_on(x, KEYS, {"p9"}, OFFICERS) for x in groups]
    total = area_of(findings)
    assert (total.groups, total.residents, total.unreached) == (4, 300, 70)
    assert total.counts == {"no_way": 1, "no_owner": 2, "silent": 1, "no_deputy": 2}
    assert total.residents_by_problem["no_owner"] == 170
    assert count_reasons(findings) == {"nobody": 1}
    assert [(x.town, x.unreached) for x in sums_by_area(findings)] == [("南桥镇", 70), ("东湖镇", 0)]


def test_an_answer_is_the_owners_tap_or_what_the_platform_tells_of_a_group_that_waited() -> None:
    groups = {f"g{n:04d}": group(n, owner=f"p{n}") for n in range(6)}
    ledger = {
        "g0000": LedgerRow(state=DeliveryState.WAITING, at_ms=1),
        "g0001": LedgerRow(state=DeliveryState.SHOWN, at_ms=1, since_ms=1, by="p1"),
        "g0002": LedgerRow(state=DeliveryState.SHOWN, at_ms=1, since_ms=1, by="p1"),
        "g0003": LedgerRow(state=DeliveryState.SHOWN, at_ms=1, since_ms=1),
        "g0004": LedgerRow(state=DeliveryState.SHOWN, at_ms=1),
        "g0005": LedgerRow(state=DeliveryState.SUPERSEDED, at_ms=1, since_ms=1),
        "g0999": LedgerRow(state=DeliveryState.WAITING, at_ms=1),
    }
    assert owners_with_todo(ledger, groups) == {"p0", "p1", "p2", "p3", "p5"}
    assert owners_who_answered(ledger, groups) == {"p1", "p3"}

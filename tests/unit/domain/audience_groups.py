"""Four groups for the tests of audiences."""

from fenghuo.domain.events import Group
from tests.support.builders import group, place


def rows() -> list[Group]:
    return [
        group(1, place=place("东湖镇"), station="东湖一所", tags=("business",), owner="p1"),
        group(2, place=place("东湖镇"), station="东湖二所", tags=("elders", "residents")),
        group(3, place=place("南桥镇"), station="南桥一所", tags=("商户",)),
        group(4, place=place("东湖镇", district="别处"), tags=("business",)),
    ]

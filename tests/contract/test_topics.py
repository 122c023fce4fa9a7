"""Every topic of the registry has a writer that writes, a reader that reads, and its line in the papers."""

import ast
import re
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from fenghuo import commands, topics
from fenghuo.desk.fold import projects
from fenghuo.domain import events
from fenghuo.runtime.room import Room
from fenghuo.settings import Settings
from fenghuo.topics import DESK, TOPICS, Topic

ROOT = Path(__file__).parents[2]
ROOMS = ("producers", "consumers", "broadcast", "console")
BEGIN, END = "<!-- topics -->", "<!-- /topics -->"
SHOWN_BY_THEIR_OUTCOME = {events.ClusterCorrected}
Each = pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)


@pytest.fixture(scope="module")
def rooms() -> dict[str, Room]:
    """Every registered room, built and not started, with servers that do not exist."""
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]
        redis_url="redis://127.0.0.1:1/0",
        secret_key="not a secret: nothing is started here",
        intake_token="nor this",
    )
    return {x.name: x.load()(settings) for x in entry_points(group=commands.ROOMS_GROUP)}


def called_in(folder: str) -> set[str]:
    """The names of everything that the modules of ``folder`` call."""
    found: set[str] = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                found.add(getattr(node.func, "attr", None) or getattr(node.func, "id", ""))
    return found


def read_by(room: Room) -> set[str]:
    """The names of the topics that ``room`` reads, in stages or by following."""
    return {stage.topic.name for stage in room.stages} | {follow.topic.name for follow in room.follows}


def every_kind(base: type[events.Event] = events.Event) -> Iterator[type[events.Event]]:
    for kind in base.__subclasses__():
        yield kind
        yield from every_kind(kind)


def test_every_registered_room_is_one_of_the_house(rooms: dict[str, Room]) -> None:
    assert set(rooms) == set(ROOMS)
    assert {name: room.name for name, room in rooms.items()} == {name: name for name in ROOMS}


def test_every_topic_of_the_module_is_in_the_registry() -> None:
    assert {x.name for x in vars(topics).values() if isinstance(x, Topic)} == {x.name for x in TOPICS}
    assert len({topic.name for topic in TOPICS}) == len(TOPICS)


def test_every_kind_of_event_is_in_exactly_one_topic() -> None:
    carried = [kind.__name__ for topic in TOPICS for kind in topic.kinds]
    assert sorted(carried) == sorted(kind.__name__ for kind in every_kind())


@Each
def test_a_topic_has_writers_and_readers_that_exist(topic: Topic) -> None:
    assert topic.writers
    assert topic.readers
    assert topic.writers <= set(ROOMS)
    assert topic.readers <= {*ROOMS, DESK}


@Each
def test_a_name_is_nouns_and_a_past_participle(topic: Topic) -> None:
    assert re.fullmatch(r"[a-z]+s\.[a-z]+(ed|ade)|people\.changed|deadletters", topic.name)
    assert topic.address("fenghuo") == f"fenghuo.{topic.name}.v1"


@Each
def test_each_declared_writer_makes_one_of_the_topics_events(topic: Topic, rooms: dict[str, Room]) -> None:
    if topic is topics.DEADLETTERS:  # the transport writes them in the name of the room whose stage failed
        assert topic.writers == {name for name, room in rooms.items() if room.stages}
        return
    wanted = {kind.__name__ for kind in topic.kinds}
    assert {room for room in topic.writers if called_in(room) & wanted} == topic.writers


@Each
def test_every_event_of_a_topic_is_made_by_one_of_its_writers(topic: Topic) -> None:
    """An event that nobody makes any more is dead weight in every decoder."""
    if topic is not topics.DEADLETTERS:
        made = set().union(*(called_in(room) for room in topic.writers))
        assert {kind.__name__ for kind in topic.kinds} - made == set()


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_makes_an_event_that_it_may_not_publish(room: str) -> None:
    made = called_in(room)
    may_not = {k.__name__ for topic in TOPICS if room not in topic.writers for k in topic.kinds}
    assert made & may_not == set()


@Each
def test_each_declared_reading_room_reads_the_topic(topic: Topic, rooms: dict[str, Room]) -> None:
    declared = topic.readers - {DESK}
    reading = {name for name, room in rooms.items() if topic.name in read_by(room)}
    if topic is topics.DEADLETTERS:  # read by hand: `fenghuo replay`
        reading |= {
            x.value.partition(".")[0] for x in entry_points(group=commands.COMMANDS_GROUP, name="replay")
        }
    assert reading == declared


@Each
def test_the_desk_is_a_reader_of_exactly_what_is_projected(topic: Topic) -> None:
    shown = {kind for kind in topic.kinds if projects(kind) or kind in SHOWN_BY_THEIR_OUTCOME}
    assert shown == (set(topic.kinds) if DESK in topic.readers else set())


def test_an_event_from_outside_a_stage_reaches_the_desk_all_the_same(rooms: dict[str, Room]) -> None:
    """A stage's outputs are projected as they are committed; what a page or a loop publishes is not."""
    staged = {name for name, room in rooms.items() if room.stages}
    outside = set().union(*(called_in(room) for room in set(ROOMS) - staged))
    for topic in TOPICS:
        made = {kind for kind in topic.kinds if kind.__name__ in outside} - SHOWN_BY_THEIR_OUTCOME
        if not made or DESK not in topic.readers or topic.readers == {DESK}:
            continue
        stages = [s for room in rooms.values() for s in room.stages if s.topic is topic]
        assert [s.group for s in stages if s.fold_input], topic.name


def test_stages_have_names_of_their_own_and_their_rooms(rooms: dict[str, Room]) -> None:
    groups = [stage.group for room in rooms.values() for stage in room.stages]
    assert len(set(groups)) == len(groups)
    assert [s.group for name, room in rooms.items() for s in room.stages if s.room != name] == []


def test_a_followed_topic_has_one_partition_and_is_kept(rooms: dict[str, Room]) -> None:
    """Its readers take it whole and in order at every start."""
    for follow in [follow for room in rooms.values() for follow in room.follows]:
        assert (follow.topic.partitions, follow.topic.retention) == (1, None)


def test_a_compact_topic_has_no_retention_and_a_key_of_its_entity() -> None:
    for topic in TOPICS:
        if topic.compact:
            assert topic.retention is None
            by_name = topic is topics.CHANNELS_CHANGED  # a channel is known by its name alone
            assert key_of(topic).endswith("_id") or by_name


@Each
def test_the_key_is_a_text_that_the_event_has(topic: Topic) -> None:
    assert re.fullmatch(r"[a-z_]+", key_of(topic))


class Asked:
    """Stands for an event, and remembers which field a topic's key asks it for."""

    def __init__(self, field: str = "") -> None:
        self.last_asked = field

    def __getattr__(self, name: str) -> "Asked":
        return Asked(name)


def key_of(topic: Topic) -> str:
    """The field that is ``topic``'s key."""
    asked: Any = topic.key(Asked())
    return str(asked.last_asked)


def kept(topic: Topic) -> str:
    if topic.compact:
        return "the latest of each key"
    return "for ever" if topic.retention is None else f"{topic.retention.days} d"


def in_order(names: frozenset[str]) -> str:
    return ", ".join(x for x in (*ROOMS, DESK) if x in names)


def table() -> str:
    """The registry as the table that stands in ARCHITECTURE.md."""
    rows = [
        f"| `{t.name}` | {', '.join(k.__name__ for k in t.kinds)} | {key_of(t)} | {t.partitions} | "
        f"{in_order(t.writers)} | {in_order(t.readers)} | {kept(t)} |"
        for t in TOPICS
    ]
    head = [
        "| topic | events | key | partitions | writers | readers | kept |",
        "|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *rows])


def test_the_table_in_architecture_md_is_the_registry() -> None:
    """The failure prints the table to put there."""
    paper = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert paper.count(BEGIN) == paper.count(END) == 1
    stands = paper.partition(BEGIN)[2].partition(END)[0].strip()
    if stands != table():
        pytest.fail(f"put this between {BEGIN} and {END} in ARCHITECTURE.md:\n\n{table()}\n", pytrace=False)


def test_each_channel_that_an_audience_may_name_has_an_adapter() -> None:
    from broadcast.app import open_channels
    from fenghuo.domain.channels import CHANNELS
    from fenghuo.runtime.room import open_desk
    from tests.support.builders import settings

    told = settings(redis_url="redis://127.0.0.1:1/0")
    channels = open_channels(told, open_desk(told))
    assert {*channels.direct, *channels.tasks} == set(CHANNELS)

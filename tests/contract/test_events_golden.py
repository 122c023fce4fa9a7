"""Each event as it stands on the wire, held against a sample that is kept: golden/<Kind>.json.

The samples are what another release of ours has written. They change only when an event gains a field (with a
default): then the sample gains it too, and the one before it must still decode.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
import pytest

from fenghuo.domain import events as e
from fenghuo.domain.alert import (
    Action,
    Alert,
    AlertId,
    Audience,
    Clearance,
    Clearing,
    Content,
    Mention,
    Order,
    Origin,
    PersonId,
    Role,
    State,
    Update,
    content_hash,
)
from fenghuo.errors import Poison
from fenghuo.topics import TOPICS, topic_of

GOLDEN = Path(__file__).with_name("golden")
AT = datetime(2026, 3, 5, 12, 34, 56, 789000, tzinfo=UTC)
LATER = AT + timedelta(hours=24)
ALERT = AlertId("0a1b2c3d4e5f60718293a4b5")
PLACE = e.ReportPlace(district="示范区", town="东镇", group_id="g-0007")
MENTION = Mention(kind="school", value="东镇小学", sentence="近日有人冒充东镇小学索要验证码")
CONTENT = Content(
    title="冒充市监局",
    text="【反诈预警】近日有人以法人信息到期为由索要验证码。请拨打96110核实。",
    correction="此前关于法人信息到期的预警已撤回。",
    audience=Audience(
        district="示范区", towns=("东镇", "西镇"), expression="tag:elderly", frozen="5f60718293a4"
    ),
    channels=("sandbox", "webhook"),
    severity="severe",
    expires_at=LATER,
    exercise=True,
    override="正在转账",
    clearances=(
        Clearance(mention=MENTION, reason="已与学校核实", by=PersonId("anna"), at=AT - timedelta(minutes=5)),
    ),
)
ORIGIN = Origin(
    first_report_at=AT - timedelta(minutes=20),
    fraud_type="biz",
    cluster_id="c-0001",
    pattern_id="p-0001",
    reports=5,
    towns=("东镇",),
    examples=("法人信息到期，请点 [链接]",),
    counted=("r-0001",),
    by_town=(("东镇", 4), ("西镇", 1)),
    by_group=(("g-0007", 3),),
    credibility_flags=("new_reporters",),
    window_s=1800,
    reporters=5,
    usual=0.25,
)
ORDER = Order(
    decision_id="d-0001",
    alert_id=ALERT,
    action=Action.APPROVE,
    actor=PersonId("ben"),
    role=Role.APPROVER,
    at=AT,
    content=CONTENT,
    origin=ORIGIN,
    seen_hash=content_hash(CONTENT),
    seen_revision=3,
    version=1,
    reason="核对无误",
    clears=(Clearing(key=MENTION.key, reason="已与学校核实"),),
)
STANDING = Alert(
    alert_id=ALERT,
    revision=4,
    version=1,
    state=State.APPROVED,
    content=CONTENT,
    origin=ORIGIN,
    created_by=PersonId("system"),
    created_at=AT - timedelta(minutes=9),
    changed_at=AT,
    edited_by=PersonId("anna"),
    submitted_by=PersonId("anna"),
    submitted_at=AT - timedelta(minutes=4),
    approved_by=PersonId("ben"),
    approved_at=AT,
    approved_hash=content_hash(CONTENT),
    completed_at=AT + timedelta(minutes=2),
    reason="核对无误",
    findings=("link: hxxp",),
    reach_groups=3162,
    reach_residents=426_000,
    decisions=("d-0000", "d-0001"),
    update=Update(
        content=CONTENT, created_by=PersonId("anna"), edited_by=PersonId("anna"), edited_at=AT,
        submitted_by=PersonId("anna"), submitted_at=AT, findings=("link: hxxp",), reach_groups=3162,
        reach_residents=426_000, mentions=(MENTION,),
    ),
    mentions=(MENTION,),
)  # fmt: skip
MEMBER = e.Member(
    report_id="r-0001",
    reporter="5f60718293a4b5c6d7e8",
    town="东镇",
    at=AT,
    suspicious=True,
    borderline=True,
    suspicion=1.25,
    evidence=1.75,
    cue_points=11,
    group_id="g-0007",
    new=True,
    model=("model.voice.story", "model.matter.fraud"),
)
TOLD = e.ToldTrick(
    voice="story", likely_types=(("biz", 0.75), ("kefu", 0.125)), clear=True, who="customer_service",
    pretext="expired_document", acts=("link", "code"), way="sms",
)  # fmt: skip
CLUSTER = e.Cluster(
    cluster_id="c-0001",
    district="示范区",
    revision=3,
    first_at=AT - timedelta(minutes=20),
    last_at=AT,
    exemplars=("法人信息到期，请点 [链接]",),
    reports=3,
    reporters=3,
    towns=("东镇", "西镇"),
    danger=72,
    suspicious=True,
    tier="draft",
    fraud_type="biz",
    likely_types=("biz", "kefu"),
    told=(TOLD,),
    told_alike=True,
    reasons=("像骗子的话", "要求点链接"),
    alert_id=ALERT,
    indicators=("gov-cn[.]example",),
    shared=("法人信息到期",),
    members=(MEMBER,),
    worst=64,
    counted_reporters=2,
    credibility_flags=("new_reporters",),
    merged_into="c-0002",
    cannot_link=("c-0003",),
    related=("c-0004",),
    marks=(0x9E3779B97F4A7C15,),
    corrections=(
        e.Correction(
            correction_id="k-0001", at=AT, kind="merge", actor="anna", reason="同一套话术",
            other_id="c-0002", reports=2,
        ),
    ),
)  # fmt: skip
RELEASE = e.Release(
    alert_id=ALERT,
    version=1,
    title=CONTENT.title,
    text=CONTENT.text,
    correction=CONTENT.correction,
    audience=CONTENT.audience,
    channels=CONTENT.channels,
    severity="severe",
    expires_at=LATER,
    approved_at=AT,
    exercise=True,
    groups=3162,
    override=CONTENT.override,
    clearances=CONTENT.clearances,
)
BINDING = e.Binding(channel="dingtalk", target="sealed:AAEC", secret="sealed:AwQF", credential="district")
GROUP = e.Group(
    group_id="g-0007",
    name="东镇一村反诈群",
    place=PLACE,
    station="东镇派出所",
    owner="officer-1",
    deputy="officer-2",
    members=187,
    channel="webhook",
    target="https://hooks.example/warn",
    secret="sealed:BgcI",
    credential="property-office",
    also=(BINDING,),
    quota_day=2,
    tags=("elderly",),
    gone=True,
)
PERSON = e.Person(
    person_id="ben", name="本", role=Role.APPROVER, district="示范区", station="东镇派出所", duty=True,
    userid="Ben", notify=BINDING, gone=True,
)  # fmt: skip
TASK = e.OpenTask(
    task_id="t-0001", platform_id="msgid-1", alert_id=ALERT, version=1, kind="warning", owner="officer-1",
    sender="Anna", channel="wecom_customer_group", credential="district", chats=(("g-0007", "wrAAAA"),),
    since=AT, due=AT + timedelta(seconds=4), attempt=2, failures=1, reminded=1, closed=True, revision=201,
)  # fmt: skip
REPORTED: dict[str, Any] = {
    "report_id": "r-0001",
    "place": PLACE,
    "reporter": "5f60718293a4b5c6d7e8",
    "stage": e.ScamStage.MONEY_MOVING,
}
SENT: dict[str, Any] = {
    "delivery_id": "v-0001",
    "alert_id": ALERT,
    "version": 1,
    "kind": "warning",
    "group_id": "g-0007",
    "channel": "webhook",
    "attempt": 2,
    "failures": 1,
}


def sample(kind: type[e.Event], /, **fields: Any) -> e.Event:
    return kind(event_id="e5f60718293a4b5c6d7e8f90", at=AT, **fields)


SAMPLES: dict[str, e.Event] = {
    type(event).__name__: event
    for event in (
        sample(
            e.ReportReceived,
            text="法人信息到期",
            reporter_kind=e.ReporterKind.OFFICER,
            source="wecom",
            **REPORTED,
        ),
        sample(
            e.AlarmReceived,
            text="法人信息到期",
            reporter_kind=e.ReporterKind.OFFICER,
            source="wecom",
            **REPORTED,
        ),
        sample(
            e.ReportMatched,
            masked="法人信息到期",
            pattern_id="p-0001",
            fraud_type="biz",
            title="冒充市监局",
            score=91.5,
            evidence=(4, 10),
            alert_id=ALERT,
            versions=("n1", "l7"),
            stage_by_text=True,
            matter="emergency",
            trouble=True,
            sealed="sealed:CAkK",
            **REPORTED,
        ),
        sample(
            e.ReportUnmatched,
            masked="法人信息到期",
            suspicious=True,
            danger=64,
            borderline=True,
            suspicion=1.25,
            evidence=1.75,
            cue_points=11,
            told=TOLD,
            reasons=("像骗子的话", "要求点链接"),
            fraud_type="biz",
            suggested_pattern="p-0001",
            suggested_title="冒充市监局",
            suggested_score=61.25,
            suggested_reasons=("no_hook",),
            indicators=("gov-cn[.]example",),
            versions=("n1", "l7", "j1"),
            stage_by_text=True,
            matter="emergency",
            trouble=True,
            sealed="sealed:CAkK",
            model=("model.voice.victim", "model.matter.fraud"),
            stage_by_model=True,
            **REPORTED,
        ),
        sample(
            e.UrgentHandled,
            report_id="r-0001",
            person_id="anna",
            outcome=e.UrgentOutcome.STOPPED,
        ),
        sample(e.SightingRecorded, alert_id=ALERT, report_id="r-0001", place=PLACE, reporter="5f60718293a4"),
        sample(e.ClusterChanged, cluster=CLUSTER, member=MEMBER, markers=("09e3779b1",)),
        sample(
            e.ClusterCorrected,
            district="示范区",
            kind="split",
            cluster_id="c-0001",
            actor="anna",
            reason="不是一回事",
            other_id="c-0002",
            report_ids=("r-0001",),
        ),
        sample(e.CorrectionRefused, cluster_id="c-0001", correction_id="k-0001"),
        sample(e.ClusterRedrawn, cluster=CLUSTER, gone=("r-0002",), markers=("09e3779b1",)),
        sample(e.DecisionMade, order=ORDER),
        sample(
            e.AlertChanged,
            alert=STANDING,
            decision_id="d-0001",
            action=Action.APPROVE,
            actor="ben",
            role=Role.APPROVER,
        ),
        sample(
            e.DecisionRefused,
            alert_id=ALERT,
            decision_id="d-0002",
            action=Action.APPROVE,
            actor="anna",
            code="same_person",
            message="whoever wrote or submitted the warning cannot approve it",
        ),
        sample(e.AlertReleased, kind="approved", release=RELEASE),
        sample(e.DeliveryRequested, may_have_arrived=True, **SENT),
        sample(
            e.ReceiptRecorded,
            may_have_arrived=True,
            state=e.DeliveryState.RETRYING,
            reason="45009 api freq out of limit",
            retry_at=AT + timedelta(seconds=4),
            cause="poll",
            by="officer-1",
            word=1,
            since=AT - timedelta(minutes=3),
            held="halted:webhook",
            next_channel="dingtalk",
            tap_id="tap-0001",
            **SENT,
        ),
        sample(
            e.TaskRequested,
            task_id="t-0001",
            alert_id=ALERT,
            version=1,
            kind="warning",
            owner="officer-1",
            channel="wecom_customer_group",
            credential="district",
            group_ids=("g-0007", "g-0008"),
            attempt=2,
            failures=1,
        ),
        sample(e.TaskChanged, task=TASK, cause="reminded"),
        sample(
            e.TapMade,
            tap_id="tap-0001",
            person_id="officer-1",
            alert_id=ALERT,
            version=1,
            kind="warning",
            group_id="g-0007",
            tapped_at=AT - timedelta(seconds=3),
            undo=True,
        ),
        sample(
            e.NoticeRequested,
            person_id="officer-1",
            alert_id=ALERT,
            version=1,
            kind="warning",
            level="remind",
            group_ids=("g-0007",),
            severity="moderate",
        ),
        sample(e.ChannelChanged, name="webhook/district", halted=True, reason="40001 bad secret", by="ben"),
        sample(e.AudienceFrozen, alert_id=ALERT, digest="5f60718293a4", group_ids=("g-0007", "g-0008")),
        sample(
            e.PartPlanned,
            alert_id=ALERT,
            version=1,
            kind="correction",
            group_ids=("g1", "g2"),
            held=(("g1", "day"),),
            came_by=(("g2", "webhook"),),
        ),
        sample(e.DeliveriesPlanned, alert_id=ALERT, version=1, kind="correction", groups=3162),
        sample(
            e.PatternChanged,
            pattern_id="p-0001",
            fraud_type="biz",
            title="冒充市监局",
            text="法人信息到期",
            alert_id=ALERT,
            retired=True,
        ),
        sample(e.GroupChanged, group=GROUP),
        sample(e.PersonChanged, person=PERSON),
        sample(
            e.ReplyRequested,
            report_id="r-0001",
            kind="known",
            text="是诈骗，不要付款。",
            place=PLACE,
            reporter="5f60718293a4b5c6d7e8",
        ),
        sample(
            e.DeadLettered,
            topic="reports.received",
            stage="consumers.triage",
            position="t/0/17",
            reason="Poison: Object missing required field `text`",
            key="r-0001",
            value=b'{"type":"\xff"}',
        ),
    )
}

Named = pytest.mark.parametrize("name", SAMPLES)


def golden(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    return found


def decoded(event: e.Event, wire: Any) -> e.Event:
    return e.decode(topic_of(event).decoder(), json.dumps(wire).encode())


def required(kind: type[msgspec.Struct]) -> list[str]:
    return [field.name for field in msgspec.structs.fields(kind) if field.required]


def without_optional(struct: Any) -> Any:
    """``struct`` on the wire with nothing but what must be there, all the way down."""
    if isinstance(struct, tuple):
        return [without_optional(item) for item in struct]
    if not isinstance(struct, msgspec.Struct):
        return json.loads(msgspec.json.encode(struct))
    kept = {name: without_optional(getattr(struct, name)) for name in required(type(struct))}
    return ({"type": type(struct).__name__} if isinstance(struct, e.Event) else {}) | kept


def structs_in(struct: Any) -> list[msgspec.Struct]:
    """``struct`` and every struct inside it."""
    if isinstance(struct, tuple):
        return [inner for item in struct for inner in structs_in(item)]
    if not isinstance(struct, msgspec.Struct):
        return []
    inside = [x for name in struct.__struct_fields__ for x in structs_in(getattr(struct, name))]
    return [struct, *inside]


def test_every_kind_of_event_has_a_sample_and_a_golden_file() -> None:
    kinds = {kind.__name__ for topic in TOPICS for kind in topic.kinds}
    assert set(SAMPLES) == kinds
    assert {path.stem for path in GOLDEN.glob("*.json")} == kinds


@Named
def test_a_sample_leaves_no_optional_field_at_its_default(name: str) -> None:
    """Else a renamed or retyped optional field would pass unseen."""
    idle = [
        f"{type(struct).__name__}.{field.name}"
        for struct in structs_in(SAMPLES[name])
        for field in msgspec.structs.fields(struct)
        if not field.required and getattr(struct, field.name) == field.default
    ]
    assert idle == []


@Named
def test_the_golden_file_decodes_to_the_event(name: str) -> None:
    assert decoded(SAMPLES[name], golden(name)) == SAMPLES[name]


@Named
def test_the_event_encodes_to_the_golden_file(name: str) -> None:
    assert json.loads(e.encode(SAMPLES[name])) == golden(name)


@Named
def test_fields_of_a_later_release_are_ignored(name: str) -> None:
    wire = golden(name)
    wire["from_the_future"] = {"deep": [1, 2, None]}
    for value in [x for x in wire.values() if isinstance(x, dict)]:
        value["from_the_future"] = "ignored"
    assert decoded(SAMPLES[name], wire) == SAMPLES[name]


@Named
def test_fields_that_an_earlier_release_did_not_write_take_their_defaults(name: str) -> None:
    event = SAMPLES[name]
    found = decoded(event, without_optional(event))
    for struct in structs_in(found):
        for field in msgspec.structs.fields(struct):
            if not field.required:
                assert getattr(struct, field.name) == field.default


@pytest.mark.parametrize(
    ("name", "field"), [(name, field) for name, event in SAMPLES.items() for field in required(type(event))]
)
def test_a_required_field_that_is_missing_is_poison_and_named(name: str, field: str) -> None:
    wire = golden(name)
    del wire[field]
    with pytest.raises(Poison, match=f"missing required field `{field}`"):
        decoded(SAMPLES[name], wire)


def test_a_pattern_without_an_id_is_poison() -> None:
    """The recogniser's "" is no pattern at all."""
    with pytest.raises(Poison, match=r"\$\.pattern_id"):
        decoded(SAMPLES["PatternChanged"], golden("PatternChanged") | {"pattern_id": ""})


def literal_fields() -> list[tuple[str, str]]:
    return [
        (name, field)
        for name, event in SAMPLES.items()
        for field, kind in get_type_hints(type(event)).items()
        if get_origin(kind) is Literal and get_args(kind)
    ]


@pytest.mark.parametrize(("name", "field"), literal_fields())
def test_a_word_that_is_none_of_the_known_ones_is_poison_and_says_where(name: str, field: str) -> None:
    with pytest.raises(Poison, match=rf"\$\.{field}"):
        decoded(SAMPLES[name], golden(name) | {field: "sideways"})


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{",
        b'{"type":"Unheard"}',
        b'{"event_id":"x"}',
        b"[" * 100_000,
    ],
    ids=["no body", "empty", "not utf-8", "null", "a list", "cut off", "unknown type", "no type", "deep"],
)
def test_what_is_no_event_at_all_is_poison_with_a_readable_reason(value: bytes | None) -> None:
    for topic in TOPICS:
        with pytest.raises(Poison) as poison:
            e.decode(topic.decoder(), value)
        assert 10 < len(str(poison.value)) <= 300
        assert str(poison.value).isprintable()


@Named
def test_an_event_of_another_topic_is_poison(name: str) -> None:
    home = topic_of(SAMPLES[name])
    for topic in TOPICS:
        if topic is not home:
            with pytest.raises(Poison, match="type"):
                e.decode(topic.decoder(), e.encode(SAMPLES[name]))

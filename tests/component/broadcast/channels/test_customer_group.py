"""Tasks for the owners of residents' groups, against a server that answers as WeCom's does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from broadcast.channels import access_tokens as tokens_of
from broadcast.channels.access_tokens import RedisTokens
from broadcast.channels.base import Created, Progress, SendResult, SendStatus, Task
from broadcast.channels.http.client import HttpClient
from broadcast.channels.wecom_customer_group import WecomCustomerGroup
from fenghuo import clock
from fenghuo.errors import Unavailable
from tests.support.http_platform import CannedReply, Cut, FakePlatform, RecordedRequest, answering

OK = {"errcode": 0, "errmsg": "ok"}
TASK = Task(
    idempotency_key="k",
    credential="district",
    sender="zhang",
    chats=("wr1", "wr2", "wr3"),
    text="预警：勿转账。",
)
SENT_AT = 1_772_000_000


@dataclass(frozen=True)
class App:
    """A credential as the file of credentials has it."""

    corpid: str = "ww1"
    secret: str = "s3"
    url: str = ""


class Tenant(FakePlatform):
    """A WeCom tenant: gives tokens T1, T2, ... and takes only the latest."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched = 0
        self.secret = "s3"
        self.slow_s = 0.0
        self.told = {"gettoken": [self.token], "add_msg_template": [self.checked(OK | {"msgid": "m1"})]}

    def token(self, asked: RecordedRequest) -> CannedReply:
        if asked.query != {"corpid": "ww1", "corpsecret": self.secret}:
            return CannedReply({"errcode": 40001, "errmsg": "invalid credential"})
        self.fetched += 1
        return CannedReply(OK | {"access_token": f"T{self.fetched}", "expires_in": 7200}, late_s=self.slow_s)

    def checked(self, body: Any) -> Any:
        """``body`` for a call with the latest token, else the code for an old one."""

        def answer(asked: RecordedRequest) -> CannedReply:
            good = asked.query == {"access_token": f"T{self.fetched}"}
            said = body(asked) if callable(body) else body
            return CannedReply(said if good else {"errcode": 40014, "errmsg": "invalid access_token"})

        return answer

    def give(self, part: str, *bodies: Any) -> None:
        self.tell(part, *(x if isinstance(x, CannedReply | Cut) else self.checked(x) for x in bodies))


@asynccontextmanager
async def opened(
    redis_url: str, namespace: str, tenant: Tenant, times: int = 1, timeout_s: float = 2
) -> AsyncIterator[list[WecomCustomerGroup]]:
    """``times`` channels that know nothing of each other but through Redis, as in as many processes."""
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(times):
            client = Redis.from_url(redis_url)
            stack.push_async_callback(client.aclose)
            store = RedisTokens(client, lambda name: f"{namespace}:token:{name}")
            channel = WecomCustomerGroup(HttpClient(timeout_s), {"district": App()}, store, tenant.url)
            stack.push_async_callback(channel.aclose)
            found.append(channel)
        yield found


@pytest.fixture
async def tenant() -> AsyncIterator[Tenant]:
    async with answering(into=Tenant()) as platform:
        assert isinstance(platform, Tenant)
        yield platform


@pytest.fixture
async def channel(redis_url: str, namespace: str, tenant: Tenant) -> AsyncIterator[WecomCustomerGroup]:
    async with opened(redis_url, namespace, tenant, timeout_s=0.6) as (one,):
        yield one


async def test_a_task_is_made_for_the_owner_and_waits_for_the_tap(channel: Any, tenant: Tenant) -> None:
    tenant.give("add_msg_template", OK | {"msgid": "m1", "fail_list": ["wr2", "wr-of-another"]})
    assert await channel.create(TASK) == Created(SendResult(SendStatus.WAITING), "m1", frozenset({"wr2"}))
    (asked,) = tenant.asked_for("add_msg_template")
    assert asked.path == "/cgi-bin/externalcontact/add_msg_template"
    assert asked.body == {
        "chat_type": "group", "sender": "zhang", "chat_id_list": ["wr1", "wr2", "wr3"],
        "text": {"content": "预警：勿转账。"},
    }  # fmt: skip
    assert "预警" in asked.raw.decode() and b"\\u" not in asked.raw


@pytest.mark.parametrize("chats", [(), tuple(f"wr{n}" for n in range(2001))])
async def test_a_task_for_no_group_or_for_too_many_is_not_made(
    channel: Any, tenant: Tenant, chats: tuple[str, ...]
) -> None:
    assert (await channel.create(replace(TASK, chats=chats))).sent.verdict is SendStatus.REFUSED
    assert tenant.asked == []


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ({"errcode": 41048}, SendStatus.REFUSED),
        ({"errcode": 48002}, SendStatus.MISCONFIGURED),
        ({"errcode": 45009}, SendStatus.RETRY),
        ({"errcode": -1}, SendStatus.UNKNOWN),
        ({"errcode": 12345}, SendStatus.UNKNOWN),
        (OK, SendStatus.UNKNOWN),
        (OK | {"msgid": ""}, SendStatus.UNKNOWN),
        (OK | {"msgid": "", "fail_list": ["wr1", "wr2", "wr3"]}, SendStatus.REFUSED),
        (CannedReply(b"", 502), SendStatus.UNKNOWN),
        (CannedReply(b"", 503), SendStatus.RETRY),
        (CannedReply(OK, late_s=2), SendStatus.UNKNOWN),
        (Cut(), SendStatus.UNKNOWN),
    ],
)
async def test_what_may_stand_on_the_platform_is_unknown_and_asked_once(
    channel: Any, tenant: Tenant, answer: Any, verdict: SendStatus
) -> None:
    tenant.give("add_msg_template", answer)
    created = await channel.create(TASK)
    assert (created.sent.verdict, created.task_id) == (verdict, "")
    assert len(tenant.asked_for("add_msg_template")) == 1


def record(task_id: str, **changes: Any) -> dict[str, Any]:
    """A record as the platform has it of a task that came over the interface: without its creator."""
    made = int(clock.now().timestamp())
    return {
        "msgid": task_id, "create_time": str(made), "create_type": 0, "text": {"content": TASK.text},
        "attachments": [],
    } | changes  # fmt: skip


def owners(**by_task: str) -> Any:
    return lambda asked: OK | {"task_list": [{"userid": by_task[asked.body["msgid"]], "status": 0}]}


async def test_the_task_is_found_by_its_text_and_its_owner_on_any_page(channel: Any, tenant: Tenant) -> None:
    first = [
        record("other text", text={"content": "别的"}),
        record("anothers", creator="li"),
        {},
        {"text": 3},
    ]
    tenant.give(
        "get_groupmsg_list_v2", OK | {"group_msg_list": first, "next_cursor": "c1"},
        OK | {"group_msg_list": [record("li's"), record("ours")], "next_cursor": ""},
    )  # fmt: skip
    tenant.give("get_groupmsg_task", owners(**{"li's": "li", "ours": "zhang"}))
    since = clock.now() - timedelta(minutes=5)
    assert await channel.find(TASK, since) == Created(SendResult(SendStatus.WAITING), "ours")
    one, two = tenant.asked_for("get_groupmsg_list_v2")
    assert (one.body["cursor"], two.body["cursor"]) == ("", "c1")
    assert (one.body["chat_type"], "creator" in one.body) == ("group", False)
    assert one.body["start_time"] <= since.timestamp() and one.body["end_time"] >= clock.now().timestamp()
    assert {x.body["msgid"] for x in tenant.asked_for("get_groupmsg_task")} == {"li's", "ours"}


async def test_a_task_from_before_is_another_task(channel: Any, tenant: Tenant) -> None:
    old = int((clock.now() - timedelta(hours=1)).timestamp())
    tenant.give("get_groupmsg_list_v2", OK | {"group_msg_list": [record("old", create_time=old)]})
    found = await channel.find(TASK, clock.now() - timedelta(minutes=5))
    assert found.sent.verdict is SendStatus.REFUSED


async def test_records_are_asked_for_over_a_month_at_most(channel: Any, tenant: Tenant) -> None:
    tenant.give("get_groupmsg_list_v2", OK | {"group_msg_list": []})
    await channel.find(TASK, clock.now() - timedelta(days=90))
    body = tenant.asked_for("get_groupmsg_list_v2")[0].body
    assert body["end_time"] - body["start_time"] <= 31 * 86_400


async def test_two_tasks_that_are_alike_are_for_a_person_to_tell_apart(channel: Any, tenant: Tenant) -> None:
    tenant.give("get_groupmsg_list_v2", OK | {"group_msg_list": [record("m1"), record("m2")]})
    tenant.give("get_groupmsg_task", owners(m1="zhang", m2="zhang"))
    found = await channel.find(TASK, clock.now())
    assert (found.sent.verdict, found.task_id) == (SendStatus.UNKNOWN, "")


@pytest.mark.parametrize("part", ["get_groupmsg_list_v2", "get_groupmsg_task"])
@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ({"errcode": 41063}, SendStatus.RETRY),
        ({"errcode": -1}, SendStatus.RETRY),
        ({"errcode": 45009}, SendStatus.RETRY),
        ({"errcode": 40035}, SendStatus.UNKNOWN),
        ({"errcode": 48002}, SendStatus.MISCONFIGURED),
        (CannedReply(b"", 404), SendStatus.UNKNOWN),
        (CannedReply(b"", 502), SendStatus.UNKNOWN),
        (Cut(), SendStatus.UNKNOWN),
    ],
)
async def test_a_platform_that_could_not_be_asked_never_reads_as_if_it_had_none(
    channel: Any, tenant: Tenant, part: str, answer: Any, verdict: SendStatus
) -> None:
    tenant.give("get_groupmsg_list_v2", OK | {"group_msg_list": [record("m1")]})
    tenant.give(part, answer)
    assert (await channel.find(TASK, clock.now())).sent.verdict is verdict


async def test_a_list_that_never_ends_is_given_up(channel: Any, tenant: Tenant) -> None:
    tenant.give("get_groupmsg_list_v2", OK | {"group_msg_list": [], "next_cursor": "again"})
    assert (await channel.find(TASK, clock.now())).sent.verdict is SendStatus.UNKNOWN
    assert len(tenant.asked_for("get_groupmsg_list_v2")) == 200


async def test_progress_tells_each_groups_outcome_with_the_platforms_time(
    channel: Any, tenant: Tenant
) -> None:
    tenant.give(
        "get_groupmsg_task",
        OK | {"task_list": [{"userid": "li", "status": 0}], "next_cursor": "c"},
        OK | {"task_list": [{"userid": "zhang", "status": 2, "send_time": SENT_AT}], "next_cursor": ""},
    )
    tenant.give(
        "get_groupmsg_send_result",
        OK | {"send_list": [{"chat_id": "wr1", "status": 1, "send_time": SENT_AT + 1}], "next_cursor": "c"},
        OK
        | {
            "send_list": [
                {"chat_id": "wr2", "status": 3},
                {"chat_id": "else", "status": 1},
                {"chat_id": "wr3", "status": 0},
            ]
        },
    )
    at = datetime.fromtimestamp(SENT_AT, UTC)
    assert await channel.progress(TASK, "m1") == Progress(
        True,
        {
            "wr1": (SendResult(SendStatus.SHOWN), at + timedelta(seconds=1)),
            "wr2": (SendResult(SendStatus.REFUSED, "the group's quota is used up"), at),
        },
        tapped=True,
    )
    bodies = [x.body for x in tenant.asked_for("get_groupmsg_send_result")]
    assert [(x["msgid"], x["userid"], x["cursor"]) for x in bodies] == [
        ("m1", "zhang", ""),
        ("m1", "zhang", "c"),
    ]


async def test_before_the_tap_nothing_has_an_outcome(channel: Any, tenant: Tenant) -> None:
    tenant.give("get_groupmsg_task", OK | {"task_list": [{"userid": "zhang", "status": 0}]})
    tenant.give("get_groupmsg_send_result", OK | {"send_list": []})
    assert await channel.progress(TASK, "m1") == Progress(True, {}, tapped=False)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"errcode": 41063}, "41063"),
        ({"errcode": 40035}, "40035"),
        (OK | {"task_list": [{"userid": "li", "status": 2}]}, "does not know"),
        (Cut(), "no answer"),
        (CannedReply(b"", 503), "HTTP 503"),
    ],
)
async def test_a_platform_that_could_not_be_asked_tells_no_progress(
    channel: Any, tenant: Tenant, answer: Any, why: str
) -> None:
    tenant.give("get_groupmsg_task", answer)
    progress = await channel.progress(TASK, "m1")
    assert (progress.known, progress.chats, progress.tapped) == (False, {}, False)
    assert why in progress.why


@pytest.mark.parametrize(
    ("part", "call"), [("remind_groupmsg_send", "remind"), ("cancel_groupmsg_send", "cancel")]
)
@pytest.mark.parametrize(
    ("answer", "verdict"),
    [(OK, SendStatus.SHOWN), ({"errcode": 40035}, SendStatus.REFUSED), (Cut(), SendStatus.UNKNOWN)],
)
async def test_an_owner_is_reminded_and_a_task_stopped(
    channel: Any, tenant: Tenant, part: str, call: str, answer: Any, verdict: SendStatus
) -> None:
    tenant.give(part, answer)
    assert (await getattr(channel, call)(TASK, "m1")).verdict is verdict
    assert [x.body for x in tenant.asked_for(part)] == [{"msgid": "m1"}]


async def test_processes_and_calls_share_one_token(redis_url: str, namespace: str, tenant: Tenant) -> None:
    tenant.slow_s = 0.1
    async with opened(redis_url, namespace, tenant, times=3) as channels:
        made = await asyncio.gather(*[x.create(TASK) for x in channels for _ in range(5)])
    assert {x.sent.verdict for x in made} == {SendStatus.WAITING}
    assert tenant.fetched == 1


async def test_a_token_that_died_early_is_fetched_once_and_the_call_repeated(
    redis_url: str, namespace: str, tenant: Tenant
) -> None:
    async with opened(redis_url, namespace, tenant, times=2) as channels:
        await channels[0].create(TASK)
        tenant.fetched += 1  # somebody else fetched: ours is no longer good
        made = await asyncio.gather(*[x.create(TASK) for x in channels for _ in range(4)])
    assert {x.sent.verdict for x in made} == {SendStatus.WAITING}
    assert len(tenant.asked_for("gettoken")) == 2


async def test_a_token_that_is_refused_twice_is_not_asked_for_for_ever(channel: Any, tenant: Tenant) -> None:
    tenant.tell("add_msg_template", {"errcode": 42001})
    made = await channel.create(TASK)
    assert (made.sent.verdict, len(tenant.asked_for("add_msg_template")), tenant.fetched) == (
        SendStatus.RETRY,
        2,
        2,
    )


async def test_a_token_is_given_up_five_minutes_early(
    redis_url: str, namespace: str, channel: Any, tenant: Tenant
) -> None:
    await channel.create(TASK)
    async with Redis.from_url(redis_url) as client:
        left_ms = await client.pttl(f"{namespace}:token:district")
    assert 6_890_000 < left_ms <= 6_900_000


async def test_a_wrong_secret_is_not_tried_again_at_once(channel: Any, tenant: Tenant) -> None:
    tenant.secret = "another"
    sent = [(await channel.create(TASK)).sent for _ in range(3)]
    assert {x.verdict for x in sent} == {SendStatus.MISCONFIGURED} and "40001" in sent[0].reason
    assert sent[0].retry_after_s == 60
    assert len(tenant.asked_for("gettoken")) == 1


async def test_a_secret_that_was_mended_is_taken_after_its_rest(
    channel: Any, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens_of, "REST_S", 0.0)
    tenant.secret = "another"
    assert (await channel.create(TASK)).sent.verdict is SendStatus.MISCONFIGURED
    tenant.secret = "s3"
    assert (await channel.create(TASK)).sent.verdict is SendStatus.WAITING


@pytest.mark.parametrize(
    "answer",
    [
        Cut(),
        CannedReply(b"", 502),
        CannedReply(b""),
        CannedReply(OK),
        CannedReply({"errcode": -1}),
        CannedReply({"errcode": 45009}),
    ],
)
async def test_without_a_token_nothing_has_left(channel: Any, tenant: Tenant, answer: Any) -> None:
    tenant.tell("gettoken", answer)
    assert (await channel.create(TASK)).sent.verdict is SendStatus.RETRY
    assert tenant.asked_for("add_msg_template") == []


async def test_a_credential_that_is_not_there_is_named(channel: Any, tenant: Tenant) -> None:
    made = await channel.create(replace(TASK, credential="north"))
    assert (made.sent.verdict, "north" in made.sent.reason, tenant.asked) == (
        SendStatus.MISCONFIGURED,
        True,
        [],
    )


class Store:
    """Tokens in memory; counts how often its lock was asked for."""

    def __init__(self, *, away: bool = False) -> None:
        self.held: dict[str, str] = {}
        self.locked = 0
        self.away = away

    async def get(self, name: str) -> str | None:
        if self.away:
            raise Unavailable("Redis does not answer")
        return self.held.get(name)

    async def set(self, name: str, token: str, lasts_s: float) -> None:
        self.held[name] = token

    @asynccontextmanager
    async def lock(self, name: str) -> AsyncIterator[None]:
        self.locked += 1
        yield


async def test_a_store_that_is_away_is_an_outcome(tenant: Tenant) -> None:
    channel = WecomCustomerGroup(HttpClient(1), {"district": App()}, Store(away=True), tenant.url)
    made = await channel.create(TASK)
    await channel.aclose()
    assert (made.sent.verdict, tenant.asked) == (SendStatus.RETRY, [])


async def test_one_call_of_a_process_asks_for_the_lock_and_the_others_wait_for_it(tenant: Tenant) -> None:
    store = Store()
    channel = WecomCustomerGroup(HttpClient(20), {"district": App()}, store, tenant.url)
    made = await asyncio.gather(*[channel.create(TASK) for _ in range(5)])
    await channel.aclose()
    assert {x.sent.verdict for x in made} == {SendStatus.WAITING}
    assert (store.locked, tenant.fetched) == (1, 1)


async def test_the_lock_is_held_by_one_and_outlives_no_dead_process(redis_url: str, namespace: str) -> None:
    async with Redis.from_url(redis_url) as client:
        store = RedisTokens(client, lambda name: f"{namespace}:{name}")
        inside: list[int] = []

        async def enter() -> None:
            async with store.lock("a"):
                inside.append(1)
                assert len(inside) == 1
                await asyncio.sleep(0.01)
                inside.pop()

        await asyncio.gather(*[enter() for _ in range(5)])
        assert not await client.exists(f"{namespace}:a:lock")
        await client.set(f"{namespace}:a:lock", "a dead one", px=100)
        await asyncio.wait_for(enter(), 2)

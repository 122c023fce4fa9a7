"""The intake over HTTP against a real Redis: every status it promises, each as problem+json."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from fenghuo.domain import events as e
from fenghuo.errors import Crowded, Refused, Unavailable
from fenghuo.runtime.logs import JsonFormatter
from fenghuo.runtime.room import Room
from fenghuo.security.passwords import Auth, pseudonym
from fenghuo.settings import Settings
from fenghuo.topics import ALARMS_RECEIVED, REPORTS_RECEIVED, Topic
from producers import routes
from producers.app import build

SECRET = "pseudonym-secret-of-at-least-32-characters"
TOKEN = "the-token-of-our-own-systems"
TEXT = "您的法人信息到期，请点击链接更新"
URL = "/api/v1/reports"
Send = Callable[..., Awaitable[httpx.Response]]


class RunningIntake:
    """A started room and what a test asks of it."""

    def __init__(self, room: Room, http: httpx.AsyncClient) -> None:
        self.room = room
        self.http = http
        self.stream = room.desk.keys.stream(REPORTS_RECEIVED.address(room.settings.namespace))

    async def send(self, body: object = None, token: str = TOKEN, **headers: str) -> httpx.Response:
        given = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        given |= {k.replace("_", "-"): v for k, v in headers.items()}
        content = (
            body if isinstance(body, bytes) else json.dumps({"text": TEXT} if body is None else body).encode()
        )
        return await self.http.post(URL, content=content, headers=given)

    async def get(self, path: str, token: str = TOKEN) -> httpx.Response:
        return await self.http.get(path, headers={"Authorization": f"Bearer {token}"})

    async def received(self) -> list[e.ReportReceived]:
        return [*await self._kept(REPORTS_RECEIVED), *await self._kept(ALARMS_RECEIVED)]

    async def _kept(self, topic: Topic) -> list[e.ReportReceived]:
        stream = self.room.desk.keys.stream(topic.address(self.room.settings.namespace))
        rows = await self.room.desk.client.xrange(stream)
        found = [topic.decoder().decode(row[b"v"]) for _, row in rows]
        return [x for x in found if isinstance(x, e.ReportReceived)]


def settings_of(url: str, namespace: str, **more: Any) -> Settings:
    return Settings(
        _env_file=None, redis_url=url, namespace=namespace, secret_key=SecretStr(SECRET),
        intake_token=SecretStr(TOKEN), district="示范区", publish_timeout_s=2, **more,
    )  # type: ignore[call-arg]  # fmt: skip


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[RunningIntake]:
    room = build(settings)
    await room.transport.start()
    room.started = True
    transport = httpx.ASGITransport(app=room.asgi)  # type: ignore[arg-type]
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://intake") as http:
            yield RunningIntake(room, http)
    finally:
        await room.transport.stop()
        await room.desk.client.aclose()


@pytest.fixture
async def intake(redis_url: str, namespace: str) -> AsyncIterator[RunningIntake]:
    async with opened(settings_of(redis_url, namespace)) as intake:
        yield intake


def problem(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    """The problem, after checking that it is one of ``status`` and ``kind``."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    body: dict[str, Any] = answer.json()
    assert body["type"] == f"urn:fenghuo:problem:{kind}"
    assert body["status"] == status and body["title"] and body["detail"]
    return body


async def test_report_is_accepted_and_stands_in_the_stream(intake: RunningIntake) -> None:
    answer = await intake.send(
        {"text": f" {TEXT}\u200b\n", "town": "东关", "reporter": "13800001111", "stage": "paid"}
    )
    assert answer.status_code == 202
    body = answer.json()
    assert body == {
        "report_id": body["report_id"], "status": "accepted", "answer_url": f"{URL}/{body['report_id']}",
    }  # fmt: skip
    assert re.fullmatch("[0-9a-f]{24}", body["report_id"])
    (event,) = await intake.received()
    assert event.report_id == body["report_id"]
    assert event.text == f"{TEXT}\u200b"
    assert event.place == e.ReportPlace(district="示范区", town="东关")
    assert (event.reporter, event.stage, event.source) == (
        pseudonym(SECRET, "13800001111"),
        e.ScamStage.PAID,
        "api",
    )


async def test_202_comes_only_after_the_stream_has_it(
    intake: RunningIntake, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish, gate = intake.room.transport.publish, asyncio.Event()

    async def held(events: Any) -> None:
        await gate.wait()
        await publish(events)

    monkeypatch.setattr(intake.room.transport, "publish", held)
    sending = asyncio.create_task(intake.send())
    done, _ = await asyncio.wait({sending}, timeout=0.2)
    assert not done and not await intake.room.desk.client.exists(intake.stream)
    gate.set()
    assert (await sending).status_code == 202
    assert len(await intake.received()) == 1


async def test_same_key_twice_is_one_report(intake: RunningIntake) -> None:
    first, second = [await intake.send(Idempotency_Key="k1") for _ in range(2)]
    assert first.json() == second.json() and second.status_code == 202
    assert len(await intake.received()) == 1


async def test_same_key_at_the_same_moment_is_one_report(intake: RunningIntake) -> None:
    answers = await asyncio.gather(*(intake.send(Idempotency_Key="k1") for _ in range(8)))
    assert {x.status_code for x in answers} == {202}
    assert len({x.json()["report_id"] for x in answers}) == 1
    assert len({(x.report_id, x.event_id) for x in await intake.received()}) == 1


async def test_same_key_in_another_spelling_of_the_same_report_is_a_repeat(intake: RunningIntake) -> None:
    first = await intake.send({"text": TEXT, "town": "东关"}, Idempotency_Key="k1")
    second = await intake.send({"town": "东关 ", "text": TEXT, "stage": "received"}, Idempotency_Key="k1")
    assert first.json() == second.json()


async def test_same_key_with_another_body_is_a_conflict(intake: RunningIntake) -> None:
    await intake.send(Idempotency_Key="k1")
    problem(await intake.send({"text": "另一条"}, Idempotency_Key="k1"), 409, "conflict")
    assert len(await intake.received()) == 1


async def test_same_key_of_two_senders_is_two_reports(intake: RunningIntake) -> None:
    token = await Auth(intake.room.desk.client, intake.room.desk.keys).issue_token("民警甲")
    first, second = (
        await intake.send(Idempotency_Key="k1"),
        await intake.send(token=token, Idempotency_Key="k1"),
    )
    assert first.json()["report_id"] != second.json()["report_id"]


async def test_without_a_key_each_is_a_report(intake: RunningIntake) -> None:
    answers = [await intake.send() for _ in range(2)]
    assert len({x.json()["report_id"] for x in answers}) == 2


async def test_key_whose_first_try_failed_may_be_used_again(
    intake: RunningIntake, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away:
        away.setattr(intake.room.transport, "publish", raising(Unavailable("away")))
        first = await intake.send(Idempotency_Key="k1")
        problem(first, 503, "unavailable")
    assert (await intake.send(Idempotency_Key="k1")).status_code == 202
    assert len(await intake.received()) == 1


@pytest.mark.parametrize("key", ["", "a b", "k" * 201, "\x7f"])
async def test_unusable_key_is_refused(intake: RunningIntake, key: str) -> None:
    problem(await intake.send(Idempotency_Key=key), 400, "idempotency-key")


async def test_officers_token_stands_for_the_reporter(intake: RunningIntake) -> None:
    auth = Auth(intake.room.desk.client, intake.room.desk.keys)
    token = await auth.issue_token("民警甲")
    assert (await intake.send(token=token)).status_code == 202
    assert (await intake.received())[0].reporter == pseudonym(SECRET, "民警甲")
    await auth.revoke_tokens("民警甲")
    problem(await intake.send(token=token), 401, "unauthorized")


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", "Bearer " + "x" * 5000]
)
async def test_without_a_valid_token_is_401(intake: RunningIntake, value: str) -> None:
    for answer in (
        await intake.http.post(URL, headers={"Authorization": value}),
        await intake.http.get(f"{URL}/x"),
    ):
        problem(answer, 401, "unauthorized")
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_empty_token_in_the_settings_opens_no_door(redis_url: str, namespace: str) -> None:
    settings = settings_of(redis_url, namespace).model_copy(update={"intake_token": SecretStr("")})
    async with opened(settings) as intake:
        problem(await intake.send(token=""), 401, "unauthorized")


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"null", b'"x"', b'{"text":"\xff"}', b'{"a":' * 9_000])
async def test_malformed_json_is_400(intake: RunningIntake, body: bytes) -> None:
    problem(await intake.send(body), 400, "malformed")


async def test_wrong_fields_are_listed_in_the_readers_language(intake: RunningIntake) -> None:
    sent = {"txet": "x", "text": "", "stage": "gone"}
    zh = problem(await intake.send(sent), 422, "fields")
    answer = await intake.send(sent, Accept_Language="en")
    en = problem(answer, 422, "fields")
    assert [x["field"] for x in zh["errors"]] == ["txet", "text", "stage"]
    assert "did you mean 'text'?" in en["errors"][0]["detail"]
    assert zh["title"] == "有字段不正确" and en["title"] == "Some fields are not right"
    assert answer.headers["content-language"] == "en" and answer.headers["vary"] == "Accept-Language"


@pytest.mark.parametrize("media_type", ["", "text/plain", "application/x-www-form-urlencoded"])
async def test_other_media_types_are_415(intake: RunningIntake, media_type: str) -> None:
    problem(await intake.send(Content_Type=media_type), 415, "media-type")


async def test_compressed_body_is_415(intake: RunningIntake) -> None:
    problem(await intake.send(Content_Encoding="gzip"), 415, "media-type")


async def test_charset_beside_the_media_type_is_taken(intake: RunningIntake) -> None:
    assert (await intake.send(Content_Type="Application/JSON; charset=utf-8")).status_code == 202


async def test_body_above_64_kib_is_413(intake: RunningIntake) -> None:
    problem(await intake.send({"text": "x" * routes.LARGEST_BODY}), 413, "too-large")


async def test_longest_text_fits_into_the_body_even_escaped(intake: RunningIntake) -> None:
    assert (await intake.send({"text": "转" * 10_000})).status_code == 202


async def test_unknown_paths_are_404_and_other_methods_405(intake: RunningIntake) -> None:
    problem(await intake.get("/"), 404, "not-found")
    problem(await intake.get("/api/v1/nothing"), 404, "not-found")
    answer = await intake.http.delete(URL)
    problem(answer, 405, "method-not-allowed")
    assert "POST" in answer.headers["allow"]


async def test_too_many_reports_of_one_token_are_429(redis_url: str, namespace: str) -> None:
    async with opened(settings_of(redis_url, namespace, reports_per_minute=2)) as intake:
        token = await Auth(intake.room.desk.client, intake.room.desk.keys).issue_token("甲")
        assert [(await intake.send()).status_code for _ in range(2)] == [202, 202]
        answer = await intake.send()
        problem(answer, 429, "too-many")
        assert 1 <= int(answer.headers["retry-after"]) <= 30
        assert (await intake.send(token=token)).status_code == 202
        assert len(await intake.received()) == 3


def raising(error: Exception) -> Callable[..., Awaitable[None]]:
    async def publish(_events: Any) -> None:
        raise error

    return publish


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (Unavailable("away"), 503, "unavailable"),
        (Crowded("behind"), 503, "crowded"),
        (Refused("no writer"), 500, "fault"),
        (RuntimeError(TEXT), 500, "fault"),
    ],
)
async def test_what_the_transport_raises_is_told(
    intake: RunningIntake, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, kind: str
) -> None:
    monkeypatch.setattr(intake.room.transport, "publish", raising(error))
    answer = await intake.send()
    problem(answer, status, kind)
    assert ("retry-after" in answer.headers) == (status == 503)


async def test_room_that_is_starting_is_503(intake: RunningIntake) -> None:
    intake.room.started = False
    answer = await intake.send()
    problem(answer, 503, "unavailable")
    assert answer.headers["retry-after"] == "5"


async def test_stopped_redis_is_503_and_nothing_accepted_is_lost(
    private_redis: Callable[..., Any], namespace: str
) -> None:
    server = private_redis(fsync="always")
    async with opened(settings_of(server.url, namespace)) as intake:
        assert (await intake.send()).status_code == 202
        server.kill()
        for answer in (
            await intake.send(Idempotency_Key="k1"),
            await intake.send(),
            await intake.get(f"{URL}/{'0' * 24}"),
        ):
            problem(answer, 503, "unavailable")
            assert answer.headers["retry-after"] == "5"
        private_redis(server.folder, fsync="always")
        assert (await intake.send(Idempotency_Key="k1")).status_code == 202
        assert len(await intake.received()) == 2


async def test_with_kafka_a_lost_desk_does_not_stop_reports(
    private_redis: Callable[..., Any],
    namespace: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The transport stands for Kafka here: what is tried is the intake's way around its lost marks."""
    server = private_redis()
    async with opened(settings_of(server.url, namespace)) as intake:
        taken: list[Any] = []

        async def publish(events: Any) -> None:
            taken.extend(events)

        monkeypatch.setattr(intake.room.transport, "publish", publish)
        object.__setattr__(intake.room.settings, "broker", "kafka")
        server.kill()
        answers = [await intake.send(Idempotency_Key="k1") for _ in range(2)]
        assert [x.status_code for x in answers] == [202, 202]
        assert len({x.event_id for x in taken}) == 1
        assert "accepted without a check for repeats" in caplog.text


async def test_answer_follows_the_report(intake: RunningIntake) -> None:
    report_id = (await intake.send()).json()["report_id"]
    url = f"{URL}/{report_id}"
    assert (await intake.get(url)).json() == {"report_id": report_id, "state": "accepted", "answer": None}
    (event,) = await intake.received()
    seen: dict[str, Any] = {"event_id": "1", "at": event.at, "report_id": report_id, "place": event.place}
    new = e.ReportUnmatched(
        **seen, reporter=event.reporter, stage=event.stage, masked=TEXT, suspicious=True, danger=5
    )
    await intake.room.desk.project([new])
    assert (await intake.get(url)).json()["state"] == "new"
    reply = e.ReplyRequested(**seen, kind="new", text="正在核实，请勿转账。", reporter=event.reporter)
    await intake.room.desk.project([reply])
    assert (await intake.get(url)).json() == {
        "report_id": report_id,
        "state": "new",
        "answer": "正在核实，请勿转账。",
    }


@pytest.mark.parametrize("report_id", ["0" * 24, "x", "*", "0" * 25, "..%2F..%2Fhealth"])
async def test_unknown_report_is_404(intake: RunningIntake, report_id: str) -> None:
    problem(await intake.get(f"{URL}/{report_id}"), 404, "not-found")


async def test_report_that_was_never_accepted_is_404(
    intake: RunningIntake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake.room.transport, "publish", raising(Unavailable("away")))
    await intake.send(Idempotency_Key="k1")
    report_id = e.derive_id("report", ":intake", "k1")
    problem(await intake.get(f"{URL}/{report_id}"), 404, "not-found")


async def test_logs_hold_no_text_reporter_or_token(
    intake: RunningIntake, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    token = await Auth(intake.room.desk.client, intake.room.desk.keys).issue_token("民警甲")
    sent = {"text": TEXT, "reporter": "张三-13800001111"}
    await intake.send(sent, token=token)
    await intake.send(sent | {"stage": "x"}, token=token)
    await intake.send(json.dumps(sent).encode()[:-1], token=token)
    await intake.send(sent, token="wrong-token")
    for error in (Unavailable("away"), RuntimeError(f"{TEXT} 张三-13800001111 {token}")):
        monkeypatch.setattr(intake.room.transport, "publish", raising(error))
        await intake.send(sent, token=token)
    assert [x.message for x in caplog.records if x.name.startswith("producers")] == ["not accepted", "fault"]
    said = "\n".join(JsonFormatter("producers").format(x) + repr(x.__dict__) for x in caplog.records)
    for secret in (TEXT, "法人信息", "张三", "13800001111", token, TOKEN, "wrong-token", SECRET):
        assert secret not in said


async def test_contract_is_told_as_openapi(intake: RunningIntake) -> None:
    answer = await intake.http.get("/api/v1/schema")
    schema = answer.json()
    assert schema["openapi"].startswith("3.1")
    post = schema["paths"][URL]["post"]
    assert sorted(post["responses"]) == [
        "202",
        "400",
        "401",
        "408",
        "409",
        "413",
        "415",
        "422",
        "429",
        "500",
        "503",
    ]
    assert post["requestBody"]["content"]["application/json"]["schema"]["additionalProperties"] is False
    assert post["security"] == [{"bearer": []}]
    assert sorted(schema["paths"][URL + "/{report_id}"]["get"]["responses"]) == [
        "200",
        "401",
        "404",
        "500",
        "503",
    ]
    assert "http://" not in answer.text and "https://" not in answer.text


async def test_room_without_a_secret_is_refused(redis_url: str) -> None:
    with pytest.raises(Refused, match="FENGHUO_SECRET_KEY"):
        build(Settings(_env_file=None, redis_url=redis_url))  # type: ignore[call-arg]

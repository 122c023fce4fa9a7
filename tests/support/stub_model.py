"""A language model for tests: what the server of one answers, and 30 texts that give it orders."""

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from consumers.second_reader.prompt import quoted
from consumers.second_reader.reader import SecondReader
from fenghuo.settings import Settings
from tests.support.builders import settings
from tests.support.http_platform import CannedReply, RecordedRequest

KEY = "sk-not-for-any-log"


class MachineOrder(NamedTuple):
    """A text that gives the model orders, and what a model that obeys them answers."""

    text: str
    obeyed: str


@cache
def machine_orders() -> tuple[MachineOrder, ...]:
    lines = Path(__file__).with_name("machine_orders.jsonl").read_text("utf-8").splitlines()
    return tuple(MachineOrder(**json.loads(line)) for line in lines)


def answer(**changes: Any) -> str:
    """What a model says of a report that it takes for a story of refund fraud."""
    said = {
        "voice": "story", "matter": "fraud", "who": "customer_service", "pretext": "refund",
        "act_1": "screen", "act_2": "money", "act_3": "none", "way": "call", "stage": "in_contact",
        "fraud_type": "KEFU",
    }  # fmt: skip
    return json.dumps(said | changes, ensure_ascii=False)


def completion(content: str | None, **changes: Any) -> dict[str, Any]:
    """A chat completion that says ``content``, as vLLM and Ollama form it."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
    return {
        "id": "c1", "object": "chat.completion", "model": "stub", "created": 1, "choices": [choice | changes],
        "usage": {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18},
    }  # fmt: skip


def report_in(asked: RecordedRequest) -> str:
    """The report that a request shows to the model."""
    report = json.loads(asked.body["messages"][-1]["content"])["report"]
    assert isinstance(report, str)
    return report


def obedient(asked: RecordedRequest) -> CannedReply:
    """Does whatever the report orders."""
    obeyed = {json.loads(quoted(order.text))["report"]: order.obeyed for order in machine_orders()}
    return CannedReply(completion(obeyed[report_in(asked)]))


def reader_settings(url: str, **changes: Any) -> Settings:
    fields = {
        "second_reader_url": f"{url}/v1", "second_reader_model": "stub", "second_reader_key": KEY,
        "second_reader_a_minute": 1000, "second_reader_box_s": 5,
    }  # fmt: skip
    return settings(**(fields | changes))


def reader_of(url: str, *, parts: dict[str, Any] | None = None, **changes: Any) -> SecondReader:
    """A second reader of the server at ``url``; ``parts`` are its clock and what it skips."""
    reader = SecondReader.of(reader_settings(url, **changes), **(parts or {}))
    assert reader is not None
    return reader

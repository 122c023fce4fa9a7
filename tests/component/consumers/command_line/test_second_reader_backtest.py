"""``fenghuo backtest --second-reader``: what a model would have added, before it is switched on."""

import asyncio
import json
import os
import sys
from typing import Any

from tests.support.http_platform import answering
from tests.support.stub_model import answer, completion

UNSURE = "消防来电话说要买书，货到付款"
LINES = [
    {"id": f"r{n}", "district": "d", "town": "镇", "reporter": f"who{n}", "at": f"2026-03-05T0{n}:00:00Z",
     "text": text}
    for n, text in enumerate((UNSURE, "楼下超市周末鸡蛋特价", "果树认养一棵八百八，每年分果子还分钱"))
]  # fmt: skip


async def backtested(*options: str, **more: str) -> tuple[int, list[dict[str, Any]], str]:
    """(exit code, rows, what was said beside) of going through LINES."""
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from fenghuo.commands import main; main()", "backtest", *options,
        stdin=-1, stdout=-1, stderr=-1, env={**os.environ, "FENGHUO_SECRET_KEY": "s" * 40, **more},
    )  # fmt: skip
    out, beside = await running.communicate("\n".join(map(json.dumps, LINES)).encode())
    return running.returncode or 0, [json.loads(x) for x in out.splitlines()], beside.decode()


async def test_a_district_sees_what_a_second_reader_would_add() -> None:
    async with answering(completions=completion(answer())) as platform:
        where = {
            "FENGHUO_SECOND_READER_URL": f"{platform.url}/v1", "FENGHUO_SECOND_READER_MODEL": "m",
            "FENGHUO_SECOND_READER_BOX_S": "20",
        }  # fmt: skip
        _, without, nothing = await backtested(**where)
        assert platform.asked == []
        code, rows, beside = await backtested("--second-reader", **where)
    assert code == 0 and nothing == ""
    assert [x for x in rows if not x.get("only_model")] == without
    added = [x for x in rows if x.get("only_model")]
    assert added and all("model.voice.story" in codes for x in added for codes in x["by_model"].values())
    assert f"{len(added)} rows shown because of it alone" in beside


async def test_without_a_server_to_ask_it_says_which_setting_names_one() -> None:
    code, _, beside = await backtested("--second-reader")
    assert code != 0 and "FENGHUO_SECOND_READER_URL" in beside

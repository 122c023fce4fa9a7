"""``fenghuo library`` and ``fenghuo match`` as people use them; what is published reaches a real follower."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from consumers.command_line.commands import cluster, match
from consumers.command_line.library_commands import library
from consumers.live_library import LiveLibrary, seed_patterns
from fenghuo.domain import events as e
from fenghuo.errors import Refused
from fenghuo.runtime.room import open_desk, open_transport
from fenghuo.topics import PATTERNS_CHANGED
from fenghuo.transport.stage import Follow
from patterns.text.slots import example
from tests.browser.console_page import settings_at
from tests.support.waiting import until

SCAM = (
    "宠物殡葬中心通知：您寄养的爱犬突发急病去世，火化费与骨灰盒须当日结清，"
    "请添加值班经理{wechat}转账，逾期按无主处理。"
)
GIVEN = ("add", "--type", "other", "--title", "宠物殡葬收费")
SEED = seed_patterns()[0]


def run(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(library, list(arguments), input=text, catch_exceptions=False)


def matched(*arguments: str, text: str = "") -> str:
    result = CliRunner().invoke(match, list(arguments), input=text, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


# ---------------------------------------------------------------- adding and retiring


@pytest.fixture
def following(
    redis_url: str, namespace: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[LiveLibrary]:
    """The library of a room that runs, in its own thread; the settings point to its Redis."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FENGHUO_REDIS_URL", redis_url)
    monkeypatch.setenv("FENGHUO_NAMESPACE", namespace)
    live, ready, halt = LiveLibrary(seed_patterns()), threading.Event(), threading.Event()

    async def room() -> None:
        settings = settings_at(redis_url, namespace)
        desk = open_desk(settings)
        transport = open_transport(settings, "consumers", desk)
        await transport.start(follows=[Follow(topic=PATTERNS_CHANGED, apply=live.apply)])
        ready.set()
        await asyncio.to_thread(halt.wait)
        await transport.stop()
        await desk.client.aclose()

    thread = threading.Thread(target=lambda: asyncio.run(room()))
    thread.start()
    assert ready.wait(20)
    yield live
    halt.set()
    thread.join()


@pytest.fixture
def on_desk(redis_url: str, namespace: str) -> Callable[[], dict[str, e.PatternChanged]]:
    async def look() -> dict[str, e.PatternChanged]:
        desk = open_desk(settings_at(redis_url, namespace))
        found = await desk.alerts.patterns()
        await desk.client.aclose()
        return found

    return lambda: asyncio.run(look())


def becomes(live: LiveLibrary, text: str, verdict: str) -> bool:
    async def look() -> bool:
        return live.match([example(text)])[0][0].band == verdict

    return asyncio.run(until(look, what=verdict))


def test_an_added_pattern_is_known_to_a_running_matcher_until_it_is_retired(
    following: LiveLibrary, on_desk: Callable[[], dict[str, e.PatternChanged]]
) -> None:
    assert following.match([example(SCAM)])[0][0].band == "none"
    added = run(*GIVEN, "--text", SCAM, "--yes")
    (pattern_id,) = on_desk()
    assert added.exit_code == 0
    assert f"{pattern_id} is in" in added.stdout
    assert pattern_id.startswith("manual-")
    assert becomes(following, SCAM, "known")
    assert "in already" in run(*GIVEN, "--text", SCAM, "--yes").stdout
    assert run("retire", pattern_id, text="y\n").exit_code == 0
    assert becomes(following, SCAM, "none")
    assert on_desk()[pattern_id].retired
    assert "out already" in run("retire", pattern_id, "--yes").stdout
    assert run(*GIVEN, "--yes", text=SCAM).exit_code == 0
    assert becomes(following, SCAM, "known")


def test_a_seed_can_be_retired_and_a_wrong_id_is_told_the_near_ones(following: LiveLibrary) -> None:
    assert run("retire", SEED.pattern_id, "--yes").exit_code == 0
    assert becomes(following, SEED.text, "none")
    with pytest.raises(Refused, match=f"near it: .*{SEED.pattern_id[:-1]}"):
        run("retire", SEED.pattern_id + "9", "--yes")


@pytest.mark.usefixtures("following")
def test_an_error_refuses_a_pattern_force_outweighs_it_and_never_a_bad_slot(
    on_desk: Callable[[], dict[str, e.PatternChanged]],
) -> None:
    with pytest.raises(Refused, match="--force"):
        run(*GIVEN, "--text", SEED.text, "--yes")
    with pytest.raises(Refused, match="mend the text"):
        run(*GIVEN, "--text", "请添加{weixin}", "--yes", "--force")
    assert on_desk() == {}
    assert run(*GIVEN, "--text", SEED.text, "--yes", "--force").exit_code == 0
    assert [x.text for x in on_desk().values()] == [SEED.text]


@pytest.mark.usefixtures("following")
def test_nothing_is_published_without_a_yes(on_desk: Callable[[], dict[str, e.PatternChanged]]) -> None:
    assert run(*GIVEN, "--text", SCAM, text="n\n").exit_code == 1
    with pytest.raises(Refused, match="add --yes"):
        run(*GIVEN, text=SCAM)
    assert run("retire", SEED.pattern_id, text="n\n").exit_code == 1
    assert on_desk() == {}


@pytest.mark.usefixtures("following")
def test_what_is_kept_of_an_added_pattern_names_no_person_and_no_live_link(
    on_desk: Callable[[], dict[str, e.PatternChanged]],
) -> None:
    text = SCAM.replace("{wechat}", "13812345678") + "详情 http://pets.example.com/pay"
    assert "hidden" in run(*GIVEN, "--text", text, "--yes").stderr
    (kept,) = on_desk().values()
    assert "13812345678" not in kept.text
    assert "http://" not in kept.text


def test_without_a_house_it_is_told_how_to_start_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FENGHUO_REDIS_URL", raising=False)
    for arguments in ((*GIVEN, "--text", SCAM, "--yes"), ("retire", SEED.pattern_id, "--yes")):
        with pytest.raises(Refused, match="fenghuo up"):
            run(*arguments)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("add", "--type", "BIZZ", "--title", "t", "--text", SCAM), "did you mean 'BIZ'"),
        (("add", "--type", "BIZ", "--title", " ", "--text", SCAM), "--title"),
        (("add", "--type", "BIZ", "--title", "t", "--text", " "), "--text"),
    ],
)
def test_what_is_missing_is_told_before_anything_is_reached(arguments: tuple[str, ...], told: str) -> None:
    with pytest.raises(Refused, match=told):
        run(*arguments)


# ---------------------------------------------------------------- looking and checking


def test_the_shipped_seeds_pass_the_check() -> None:
    result = run("check")
    assert result.exit_code == 0, result.stdout
    assert result.stdout.splitlines()[-1].startswith(f"{len(seed_patterns())} patterns of ")


def test_the_check_lists_each_fault_and_fails(tmp_path: Path) -> None:
    broken, benign = tmp_path / "broken.toml", tmp_path / "benign.jsonl"
    broken.write_text("not toml", "utf-8")
    thin = tmp_path / "thin.toml"
    thin.write_text(seed_file(SCAM), "utf-8")
    benign.write_text(json.dumps({"id": "b", "text": example(SCAM)}, ensure_ascii=False), "utf-8")
    result = run("check", str(broken), str(thin), "--benign", str(benign))
    assert result.exit_code == 1
    told = {line.split()[1] for line in result.stdout.splitlines()[:-1]}
    assert {"unreadable", "few-patterns", "no-voice", "few-cues", "benign-hit"} <= told
    assert "1 patterns of 1 types against 1 honest texts" in result.stdout


def seed_file(text: str) -> str:
    return f"""[type]
code = "PET"
label_zh = "宠物骗局"
label_en = "Pets"
happening = "近期有人。"
how = "骗子。"
tell = ["一"]
advice = "先核实。"
severity = "moderate"
cues = ["宠物"]
[[pattern]]
pattern_id = "pet-01"
title = "宠物殡葬"
voice = "sms"
text = "{text}"
"""


def test_a_listing_is_a_library_that_match_reads(tmp_path: Path) -> None:
    listed = run("list", "--type", SEED.fraud_type.lower(), "--json").stdout
    rows = [json.loads(line) for line in listed.splitlines()]
    assert {row["type"] for row in rows} == {SEED.fraud_type}
    file = tmp_path / "library.jsonl"
    file.write_text(listed, "utf-8")
    message = json.dumps({"id": "m", "text": example(SEED.text)}, ensure_ascii=False)
    answer = json.loads(matched("--library", str(file), text=message))
    assert (answer["id"], answer["pattern"], answer["verdict"]) == ("m", SEED.pattern_id, "known")


def test_a_library_line_without_an_id_is_refused_and_a_message_s_may_be_empty(tmp_path: Path) -> None:
    line = json.dumps({"id": "", "text": example(SEED.text)})
    file = tmp_path / "library.jsonl"
    file.write_text(line, "utf-8")
    with pytest.raises(Refused, match=r"line 1: .*id"):
        matched("--library", str(file), text=line)
    assert json.loads(matched(text=line))["pattern"] == SEED.pattern_id


def test_a_listing_for_people_groups_by_type_and_other_files_can_be_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "pet.toml"
    file.write_text(seed_file(SCAM), "utf-8")
    lines = run("list", "--file", str(file)).stdout.splitlines()
    assert lines[0] == "PET  宠物骗局  Pets  (1)"
    assert "pet-01" in lines[1]
    shown = run("show", "pet-01", "--file", str(file)).stdout
    assert all(x in shown for x in ("PET", "sms", "account", "wechat", SCAM, example(SCAM), "先核实。"))


def test_an_unknown_id_is_told_the_near_ones() -> None:
    with pytest.raises(Refused, match=r"near it: .*seed-biz-0"):
        run("show", "seed-biz-0")


# ---------------------------------------------------------------- match


ADVICE = f"【警方提醒】骗子称：{example(SEED.text)}这是诈骗，切勿相信！"


def test_json_lines_are_answered_in_order_with_or_without_arguments() -> None:
    texts = ["今天停水，请储水", example(SEED.text), "好的收到"]
    lines = "\n".join(json.dumps({"id": f"m{n}", "text": x}) for n, x in enumerate(texts))
    rows = [json.loads(x) for x in matched(text=lines).splitlines()]
    assert [x["id"] for x in rows] == ["m0", "m1", "m2"]
    assert [x["verdict"] for x in rows] == ["none", "known", "none"]
    assert all(x.keys() == {"id", "pattern", "score", "verdict"} for x in rows)
    given = [json.loads(x) for x in matched(*texts).splitlines()]
    assert [x | {"id": ""} for x in given] == [x | {"id": ""} for x in rows]


def test_a_plain_line_is_refused_where_json_is_written() -> None:
    with pytest.raises(Refused, match="line 1"):
        matched(text="今天停水\n")


def test_pretty_takes_plain_lines_and_json_and_says_why_with_the_evidence_marked() -> None:
    lines = f"{ADVICE}\n\n" + json.dumps({"id": "j1", "text": "{link} 明天开会"})
    first, second, versions = matched("--pretty", text=lines).strip().split("\n\n")
    assert first.startswith("疑似，请人看")
    assert SEED.pattern_id in first
    assert SEED.title in first
    assert "防骗提醒" in first
    assert example(SEED.text)[5:20] in first[first.index("«") : first.index("»")]
    assert second.splitlines()[0].endswith("j1")
    assert second.startswith("没有匹配")
    assert "模式库版本" in versions


def test_pretty_speaks_english_and_shows_indicators_as_people_may_see_them() -> None:
    said = matched(
        "--pretty", "--lang", "en", example(SEED.text) + "电话13812345678，http://k3.example.com/a9"
    )
    assert said.startswith("Known scam")
    assert "mobile number 138****5678" in said
    assert "link hxxp://k3[.]example[.]com/a9" in said


def test_pretty_lets_no_message_command_the_terminal() -> None:
    assert "\x1b" not in matched("--pretty", "停水\x1b[31m通知\u202e")
    assert "\u202e" not in matched("--pretty", "停水\x1b[31m通知\u202e")


# ---------------------------------------------------------------- cluster


def test_a_cluster_is_raised_at_three_messages_one_of_them_suspicious_or_all_just_short_of_it() -> None:
    short = "您好，本公司长期代开各行业正规发票，验后付款，需要的请拨打 13800138000，打扰见谅"
    calm = "今天下午三点在社区活动室有义诊，请带上医保卡，家里老人行动不便的请提前说一声"
    texts = {"scam": [SCAM.replace("{wechat}", "zhang_1987")] * 3, "short": [short] * 3, "calm": [calm] * 3}
    texts["pair"] = [example(SEED.text)] * 2
    lines = "".join(
        json.dumps({"id": f"{name}-{n}", "text": text}) + "\n"
        for name, same in texts.items()
        for n, text in enumerate(same)
    )
    result = CliRunner().invoke(cluster, input=lines, catch_exceptions=False)
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert {row["id"]: row["cluster"] for row in rows} == {
        f"{name}-{n}": f"c-{name}-0" for name, same in texts.items() for n in range(len(same))
    }
    raised = {row["id"].partition("-")[0] for row in rows if row["raised"]}
    assert raised == {"scam", "short"}

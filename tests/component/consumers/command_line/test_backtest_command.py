"""``fenghuo backtest`` as people use it: lines, a table, and two judges side by side."""

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from consumers.command_line.assess_commands import assess, backtest
from consumers.judge_folder import ACTIVE, activate
from consumers.judging import shipped_judge
from consumers.learning.examples import Example
from consumers.learning.training import train
from fenghuo.errors import Refused

SCAM = (
    "您好，我是商城客服，您误开了百万保障会员，每月自动扣费八百元，不取消会影响征信，"
    "请下载会议软件打开屏幕共享，我指导您关闭"
)


def line(number: int, district: str, text: str) -> str:
    row = {
        "id": f"{district}-{number}", "district": district, "town": f"镇{number}", "text": text,
        "reporter": f"{district}-p{number}", "at": f"2026-03-09T0{number}:30:00Z",
    }  # fmt: skip
    return msgspec.json.encode(row).decode() + "\n"


LINES = "".join(line(n, "甲区", SCAM) for n in (1, 2, 3)) + line(
    4, "乙区", "今天下午小区停水，请大家提前储水"
)


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: str, text: str = LINES) -> str:
    result = CliRunner().invoke(backtest, list(arguments), input=text, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def blind() -> bytes:
    """A judge that takes everything for everyday talk."""
    rows = [
        Example(id=f"{n}", kind=f"{n}", voice=voice, matter=matter, text=text, weight=weight)
        for n, (voice, matter, text, weight) in enumerate(
            [("chat", "other", SCAM, 1.0)] * 6 + [("chat", "other", "今天停水请储水", 1.0)] * 6
            + [("bait", "fraud", "验证码发我一下好吗谢谢", 0.01)] * 3
        )
    ]  # fmt: skip
    rows += [
        Example(id=f"t{n}", kind=f"t{n}", voice="bait", type=kind, text="验证码发我一下好吗谢谢", weight=0.01)
        for n, kind in enumerate(("KEFU", "LEADER"))
    ]
    rows.append(
        Example(
            id="s", kind="s", voice="story", text="验证码发我一下好吗谢谢", weight=0.01, stage="paid",
            slots={"who": "bank", "pretext": "refund", "way": "sms"},
        )
    )  # fmt: skip
    rows.append(
        Example(
            id="u", kind="u", voice="story", text="验证码发我一下好吗谢谢", weight=0.01,
            slots={"who": "police", "pretext": "tax", "way": "call"},
        )
    )  # fmt: skip
    return train(rows, "blind")


def test_lines_say_when_the_first_report_came() -> None:
    (row,) = [msgspec.json.decode(x) for x in run().splitlines()]
    assert (row["tier"], row["district"], row["type"]) == ("draft", "甲区", "KEFU")
    assert row["first_at"] == "2026-03-09T01:30:00Z"
    assert row["reports"] == ["甲区-1", "甲区-2", "甲区-3"]


def test_a_table_for_people_has_day_type_tier_and_the_time_of_the_first_in_china() -> None:
    head, row, sums = run("--pretty").splitlines()
    assert head.split() == ["日期", "类型", "层级", "数量", "举报", "最早一件"]
    assert row.split()[0] == "2026-03-09"
    assert row.split()[2:] == ["草稿", "1", "3", "09:30"]
    assert sums == "合计：草稿 1，待看 0"


def test_side_by_side_shows_what_only_one_judge_shows(tmp_path: Path) -> None:
    other = tmp_path / "other.weights"
    other.write_bytes(blind())
    (row,) = [msgspec.json.decode(x) for x in run("--compare", str(other)).splitlines()]
    assert (row["judge"], row["district"], row["tier"]) == (shipped_judge().version, "甲区", "draft")
    said = run("--compare", str(other), "--pretty")
    assert f"只有 {shipped_judge().version} 显示：1" in said
    assert "09:30  草稿" in said
    assert "只有 j1-blind-" in said


def test_a_file_that_is_no_judge_is_refused_by_its_name(tmp_path: Path) -> None:
    bad = tmp_path / "bad.weights"
    bad.write_bytes(b"nothing")
    with pytest.raises(Refused, match=r"bad\.weights"):
        run("--compare", str(bad))


def test_the_districts_own_judge_is_the_one_that_is_asked(tmp_path: Path) -> None:
    folder = tmp_path / ".fenghuo" / "judge"
    activate(folder, blind())
    assert '"draft"' not in run()
    message = msgspec.json.encode({"id": "m", "text": SCAM}).decode()
    said = CliRunner().invoke(assess, input=message, catch_exceptions=False).stdout
    assert msgspec.json.decode(said)["voice"] == "chat"
    (folder / ACTIVE).unlink()
    assert '"draft"' in run()


def test_a_line_that_is_no_report_is_named() -> None:
    with pytest.raises(Refused, match="standard input, line 2"):
        run(text=line(1, "甲区", SCAM) + "{}\n")

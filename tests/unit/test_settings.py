"""Settings: .env.example tells the truth about them, and a wrong one is told in words that name it."""

import stat
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from fenghuo.errors import Refused
from fenghuo.settings import GIVEN_SECRETS, SECRETS, Settings, ensure_secrets, load_settings

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / ".env.example"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the environment nor a .env of the machine may answer for the defaults."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"FENGHUO_{name.upper()}", raising=False)
    monkeypatch.chdir(tmp_path)


def example_lines() -> list[tuple[str, str, str]]:
    """(name, value, the line before it) of each variable in .env.example, in order."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    return [
        (*line.split("=", 1), before)  # type: ignore[misc]
        for before, line in zip(["", *lines], lines, strict=False)
        if line and not line.startswith("#")
    ]


def test_the_example_names_every_setting_once_and_no_other() -> None:
    names = [name for name, _, _ in example_lines()]
    assert names == [f"FENGHUO_{name.upper()}" for name in Settings.model_fields]


def test_each_line_of_the_example_stands_below_its_comment() -> None:
    assert [name for name, _, before in example_lines() if not before.startswith("# ")] == []


def test_the_examples_values_are_the_defaults() -> None:
    assert Settings(_env_file=EXAMPLE) == Settings(_env_file=None)  # type: ignore[call-arg]


def test_no_secret_stands_in_the_example_or_has_a_default() -> None:
    kept_secret = {name for name, kind in Settings.__annotations__.items() if kind is SecretStr}
    assert kept_secret == {*SECRETS, *GIVEN_SECRETS}
    values = {name: value for name, value, _ in example_lines()}
    assert {values[f"FENGHUO_{name.upper()}"] for name in kept_secret} == {""}


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("FENGHUO_DISTRICT=文件区\nFENGHUO_LOG_LEVEL=DEBUG\n", encoding="utf-8")
    monkeypatch.setenv("FENGHUO_DISTRICT", "环境区")
    settings = load_settings()
    assert (settings.district, settings.log_level) == ("环境区", "DEBUG")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BROKER", "rabbit"),
        ("NAMESPACE", "Upper Case"),
        ("CONSOLE_PORT", "80000"),
        ("CLUSTER_REPORTERS", "1"),
        ("KAFKA_SESSION_TIMEOUT_S", "soon"),
        ("LOG_LEVEL", ""),
    ],
)
def test_a_wrong_value_is_refused_in_one_line_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"FENGHUO_{name}", value)
    with pytest.raises(Refused) as refused:
        load_settings()
    said = str(refused.value)
    assert said.count("FENGHUO_") == 1
    assert f"FENGHUO_{name}: " in said
    assert "\n" not in said


def test_every_wrong_value_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FENGHUO_BROKER", "rabbit")
    monkeypatch.setenv("FENGHUO_INTAKE_PORT", "-1")
    with pytest.raises(Refused, match=r"FENGHUO_BROKER: .*FENGHUO_INTAKE_PORT: "):
        load_settings()


def test_a_refusal_does_not_repeat_what_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FENGHUO_KAFKA_REPLICATION", "hunter2-hunter2")
    with pytest.raises(Refused) as refused:
        load_settings()
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"remind_s": (0, 600, 900)}, "FENGHUO_REMIND_S"),
        ({"remind_moderate_s": (1800, 900, 7200)}, "FENGHUO_REMIND_MODERATE_S"),
        ({"remind_s": (300, 600, -1)}, "FENGHUO_REMIND_S"),
        ({"customer_group_month": 6, "customer_group_reserve": 6}, "FENGHUO_CUSTOMER_GROUP_RESERVE"),
    ],
)
def test_what_makes_no_sense_together_is_refused(wrong: dict[str, object], named: str) -> None:
    with pytest.raises(Refused, match=named):
        load_settings(**wrong)


def test_secrets_do_not_show_when_settings_are_printed() -> None:
    settings = load_settings(secret_key="s" * 40, webhook_secret="w" * 40, intake_token="t" * 40)
    assert not {"s" * 40, "w" * 40, "t" * 40} & set(repr(settings).split("'"))


def test_settings_cannot_be_changed_once_made() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().broker = "kafka"  # type: ignore[misc]


def test_made_secrets_are_long_differ_and_stay_the_same(tmp_path: Path) -> None:
    first = ensure_secrets(tmp_path / "data")
    assert set(first) == set(SECRETS)
    assert len(set(first.values())) == len(SECRETS)
    assert min(map(len, first.values())) >= 32
    assert ensure_secrets(tmp_path / "data") == first


def test_made_secrets_are_their_owners_alone(tmp_path: Path) -> None:
    ensure_secrets(tmp_path / "data")
    ensure_secrets(tmp_path / "data")
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "data/secrets").stat().st_mode) == 0o600


def test_a_secret_that_is_new_is_added_and_the_others_are_kept(tmp_path: Path) -> None:
    (tmp_path / "secrets").write_text("secret_key=kept=as-it-is\n")
    made = ensure_secrets(tmp_path)
    assert made["secret_key"] == "kept=as-it-is"
    assert set(made) == set(SECRETS)
    assert ensure_secrets(tmp_path) == made


@pytest.mark.parametrize("url", ["", "http://proxy.example:3128", "http://u:p%40@[::1]:8080/"])
def test_a_proxy_is_an_http_address_with_a_port(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("FENGHUO_HTTP_PROXY", url)
    assert load_settings().http_proxy == url


@pytest.mark.parametrize(
    "url",
    [
        "proxy.example:3128", "https://proxy.example:3128", "socks5://KEY@h:1", "http://h", "http://h:KEY",
        "http://KEY@:3128", "http://h:3128/KEY", "http://h:3128?KEY",
    ],
)  # fmt: skip
def test_anything_else_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("FENGHUO_HTTP_PROXY", url)
    with pytest.raises(Refused, match="FENGHUO_HTTP_PROXY: ") as refused:
        load_settings()
    assert "KEY" not in str(refused.value)


def test_the_proxys_credentials_are_not_shown_with_the_settings() -> None:
    settings = Settings(_env_file=None, http_proxy="http://clerk:KEY@proxy.example:3128")  # type: ignore[call-arg]
    assert "KEY" not in repr(settings) and "KEY" not in str(settings)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("URL", "http://10.0.0.5/v1", "FENGHUO_SECOND_READER_MODEL"),
        ("URL", "http://user:word@10.0.0.5/v1", "FENGHUO_SECOND_READER_URL"),
        ("URL", "10.0.0.5:8000", "FENGHUO_SECOND_READER_URL"),
        ("NETWORKS", "10.0.0.0/8, intranet", "FENGHUO_SECOND_READER_NETWORKS"),
        ("NETWORKS", "", "FENGHUO_SECOND_READER_NETWORKS"),
        ("OPTIONS", "thinking=off", "FENGHUO_SECOND_READER_OPTIONS"),
        ("OPTIONS", "[1]", "FENGHUO_SECOND_READER_OPTIONS"),
        ("BOX_S", "0", "FENGHUO_SECOND_READER_BOX_S"),
    ],
)
def test_a_wrong_setting_of_the_second_reader_is_told_in_words_that_name_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, why: str
) -> None:
    monkeypatch.setenv(f"FENGHUO_SECOND_READER_{name}", value)
    with pytest.raises(Refused, match=why):
        load_settings()

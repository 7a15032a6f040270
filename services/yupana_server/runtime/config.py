"""Configuration, read once from the environment and checked before anything starts."""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

DEFAULT_PORT = 7447
DEFAULT_FEED_PORT = 7448
DEFAULT_WORKER_PORT = 7449
DEFAULT_ACCESS_PORT = 7450

HASH_KEY_LENGTH_MIN = 32
PORT_MAX = 65_535


class ConfigError(Exception):
    """A variable is missing or wrong; the message says which, and what is allowed."""


class TlsConfig(BaseSettings):
    """Who a process is and whom it trusts; without any of it, plain text."""

    model_config = SettingsConfigDict(
        env_prefix="YUPANA_", extra="ignore", use_attribute_docstrings=True
    )

    tls_certificate: Path | None = None
    """The certificate that a service shows, with those between it and its authority, in PEM. Read
    again when the file changes."""

    tls_key: Path | None = None
    """Its private key, in PEM."""

    tls_ca: Path | None = None
    """The certificates of the authorities that are trusted, in PEM. Commands that call a service
    use TLS when this is set."""

    tls_clients: Literal["any", "known"] = "any"
    """Whether callers have to show a certificate of a trusted authority too: mutual TLS."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key belong together")
        if self.tls_clients == "known" and (self.tls_ca is None or self.tls_key is None):
            raise ValueError("tls_clients=known needs tls_certificate, tls_key and tls_ca")
        return self


class CallerConfig(TlsConfig):
    """What a command reads that calls a service."""

    key: SecretStr | None = None
    """The token of a key, for services that ask for one."""


class ServiceConfig(TlsConfig):
    """What every service reads from `YUPANA_*`."""

    database_url: SecretStr
    """The primary database, such as postgresql://yupana_ledger@db/yupana. A direct connection:
    no transaction pooler between. The ledger logs in as `yupana_ledger`, who may only append; the
    feed as `yupana_feed` and the worker as `yupana_worker`, who may only read the journal."""

    listen: str = f"127.0.0.1:{DEFAULT_PORT}"
    """The address to serve gRPC at, host:port. Port 0 takes a free one and prints it."""

    drain_wait_s: float = Field(default=1.0, ge=0, le=60)
    """After SIGTERM: how long to go on serving while health says NOT_SERVING, so that callers
    notice before connections close, in seconds."""

    drain_grace_s: float = Field(default=20.0, gt=0, le=300)
    """After that: how long calls in flight may take to end, in seconds."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe level that is logged."""

    log_format: Literal["json", "console"] = "json"
    """JSON for machines, console for people."""

    metrics_listen: str | None = None
    """host:port to be scraped at by Prometheus, such as 127.0.0.1:9464; nowhere without it. OTLP is
    set up by OpenTelemetry's own variables."""

    admin: bool = False
    """Whether to serve `yupana.admin.v1.AdminService` and channelz beside the service: for
    operators, where callers cannot reach it or may know."""

    @field_validator("listen", "metrics_listen")
    @classmethod
    def _host_and_port(cls, value: str | None) -> str | None:
        if value is None:
            return None
        host, _, port = value.rpartition(":")
        if not host or not port.isdigit() or int(port) > PORT_MAX:
            raise ValueError("host:port, such as 0.0.0.0:7447")
        return value

    @field_validator("database_url")
    @classmethod
    def _postgres_url(cls, value: SecretStr) -> SecretStr:
        check_postgres_url(value.get_secret_value())
        return value


class _UsesRedis(ServiceConfig):
    """What the services read that use Redis."""

    redis_url: SecretStr | None = None
    """Redis or Valkey, such as redis://redis:6379/0, rediss:// for TLS. Never the truth:
    without it, and while it is away, all answers are the same, some of them slower."""

    @field_validator("redis_url")
    @classmethod
    def _redis_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or value.get_secret_value() == "":
            return None
        if not value.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("a URL such as redis://redis:6379/0")
        return value


class ChecksAccess(_UsesRedis):
    """What the services read that look at who calls."""

    access: Literal["open", "keys"] = "open"
    """Whether callers need a key, or `open`: whoever reaches the service may do everything."""

    access_hash_key: SecretStr = SecretStr("")
    """The secret by which tokens of keys are hashed, the same for all processes: 32 characters or
    more, such as `openssl rand -hex 32` prints. Several with spaces between: the first one is for
    new tokens, all are for those that there are."""

    access_fresh_s: float = Field(default=2.0, ge=0, le=4)
    """For how long it is remembered what a key may do, in seconds: so long it takes until a key
    that is revoked works no more."""

    @property
    def hash_keys(self) -> list[bytes]:
        """The secrets by which tokens are hashed, that for new ones first."""
        return [each.encode() for each in self.access_hash_key.get_secret_value().split()]

    @field_validator("access_hash_key")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if any(len(each) < HASH_KEY_LENGTH_MIN for each in value.get_secret_value().split()):
            raise ValueError(f"at least {HASH_KEY_LENGTH_MIN} characters")
        return value

    @model_validator(mode="after")
    def _has_hash_key(self) -> Self:
        if self.access == "keys" and not self.hash_keys:
            raise ValueError(
                "YUPANA_ACCESS=keys needs YUPANA_ACCESS_HASH_KEY, such as "
                "`openssl rand -hex 32` prints"
            )
        return self


class _ReadsReplicas(ChecksAccess):
    """What the services read that may read from replicas of the database."""

    replica_url: SecretStr = SecretStr("")
    """Replicas of the database, such as postgresql://yupana_ledger@replica/yupana, with spaces
    between several; each must lead to one server. Reads that need not be strong are served from
    one that has got far enough; none without it."""

    @property
    def replica_urls(self) -> list[str]:
        """The URL of each replica."""
        return self.replica_url.get_secret_value().split()

    @field_validator("replica_url")
    @classmethod
    def _replica_urls(cls, value: SecretStr) -> SecretStr:
        for url in value.get_secret_value().split():
            check_postgres_url(url)
        return value


class LedgerConfig(_ReadsReplicas):
    """What `yupana serve ledger` reads from `YUPANA_*`."""

    read_connections: int = Field(default=8, ge=2, le=200)
    """How many connections serve reads; several processes share them, with at least two each.
    Writers of a process share four more, and each book that is written adds one."""

    default_deadline_s: float = Field(default=15.0, gt=0, le=300)
    """The deadline of calls that come without one, in seconds."""

    rpcs_max: int = Field(default=2048, ge=1)
    """How many calls may be in flight; the next one gets RESOURCE_EXHAUSTED. Of each process."""

    processes: int = Field(default=1, ge=1, le=64)
    """How many processes serve at the port, each book by one of them where that is possible. Needs
    Linux if there are several."""

    @model_validator(mode="after")
    def _has_ports(self) -> Self:
        metrics = int((self.metrics_listen or ":0").rpartition(":")[2])
        if metrics and metrics + self.processes - 1 > PORT_MAX:
            raise ValueError(
                f"YUPANA_METRICS_LISTEN leaves no ports for {self.processes} processes"
            )
        return self


class _DeliversWebhooks(_ReadsReplicas):
    """What the feed reads that concerns webhooks."""

    webhook_connections: int = Field(default=4, ge=2, le=64)
    """How many further connections to the database webhooks use."""

    webhook_allow_private: str = ""
    """Networks that are not public and that webhooks may yet reach, such as 10.1.0.0/16,fd00::/8.
    Whoever may create endpoints can then have the feed talk to everything in them."""

    webhook_allow_http: bool = False
    """Whether webhooks may go to http:// too, so that everybody on the way can read them."""

    webhook_timeout_s: float = Field(default=15.0, gt=0, le=120)
    """How long an attempt to deliver may take in all, in seconds."""

    webhook_in_flight_max: int = Field(default=256, ge=1, le=10_000)
    """How many attempts may be under way at a time, of all endpoints."""

    webhook_attempts_max: int = Field(default=12, ge=1, le=100)
    """After how many attempts a delivery is given up and becomes a dead letter."""

    webhook_retry_base_s: float = Field(default=5.0, gt=0, le=3_600)
    """The pause after the first attempt that failed, in seconds; each that follows is four times as
    long as the one before. With the other defaults the last attempt comes after about four days."""

    webhook_retry_max_s: float = Field(default=86_400.0, gt=0, le=604_800)
    """The longest pause between two attempts, in seconds."""

    webhook_pause_failures: int = Field(default=20, ge=1, le=100_000)
    """After how many attempts in a row that failed an endpoint counts as failing: its backlog waits
    and one event is tried now and then."""

    webhook_pause_after_s: float = Field(default=300.0, ge=0, le=604_800)
    """For how long they must have failed by then, in seconds."""

    webhook_probe_s: float = Field(default=60.0, gt=0, le=3_600)
    """When a failing endpoint is tried for the first time, in seconds; each pause that follows is
    twice as long, up to an hour."""

    webhook_keep_s: float = Field(default=604_800.0, ge=0)
    """For how long the list of deliveries tells of those that were made, in seconds; at most of the
    newest 10,000 of each endpoint. Dead letters stay."""

    @property
    def webhook_networks(self) -> list[IPv4Network | IPv6Network]:
        """The networks of `webhook_allow_private`."""
        texts = (text.strip() for text in self.webhook_allow_private.split(","))
        return [ip_network(text) for text in texts if text]

    @field_validator("webhook_allow_private")
    @classmethod
    def _networks(cls, value: str) -> str:
        for text in filter(None, (text.strip() for text in value.split(","))):
            try:
                ip_network(text)
            except ValueError:
                raise ValueError(f"{text} is not a network, such as 10.1.0.0/16") from None
        return value


class FeedConfig(_DeliversWebhooks):
    """What `yupana serve feed` reads from `YUPANA_*`."""

    listen: str = f"127.0.0.1:{DEFAULT_FEED_PORT}"
    """The address to serve gRPC at, host:port. Port 0 takes a free one and prints it."""

    feed_connections: int = Field(default=4, ge=2, le=64)
    """How many connections to the database it uses; so many projections are folded at a time, less
    one."""

    feed_poll_s: float = Field(default=0.1, gt=0, le=10)
    """How often it looks for new entries while there is nothing to do, in seconds."""

    feed_read_connections: int = Field(default=4, ge=2, le=64)
    """How many further connections to the database it reads entries through."""

    feed_ring_entries: int = Field(default=20_000, ge=1_000, le=1_000_000)
    """How many of the newest events it keeps in memory of each book that is subscribed to, about
    1 kB each. Subscribers further behind are served from the database."""

    feed_stream_entries: int = Field(default=0, ge=0, le=100_000_000)
    """About how many of the newest events of each book are kept in a Redis Stream, about 1 kB each;
    0 for no streams. Needs YUPANA_REDIS_URL."""

    feed_take_timeout_s: float = Field(default=20.0, ge=0.1, le=600)
    """How long a subscriber may leave a response lying before it is cut off, in seconds."""

    default_deadline_s: float = Field(default=15.0, gt=0, le=300)
    """The deadline of calls that come without one, in seconds; subscriptions need none."""

    rpcs_max: int = Field(default=8_192, ge=1)
    """How many calls may be in flight, subscriptions among them; the next one gets
    RESOURCE_EXHAUSTED."""

    @field_validator("feed_stream_entries")
    @classmethod
    def _streams_need_redis(cls, value: int, info: ValidationInfo) -> int:
        if value and info.data.get("redis_url") is None:
            raise ValueError("streams need YUPANA_REDIS_URL")
        return value


class AccessConfig(ChecksAccess):
    """What `yupana serve access` reads from `YUPANA_*`."""

    listen: str = f"127.0.0.1:{DEFAULT_ACCESS_PORT}"
    """The address to serve gRPC at, host:port. Port 0 takes a free one and prints it."""

    access: Literal["open", "keys"] = "keys"
    """Callers always need a key here."""

    default_deadline_s: float = Field(default=15.0, gt=0, le=300)
    """The deadline of calls that come without one, in seconds."""

    rpcs_max: int = Field(default=2048, ge=1)
    """How many calls may be in flight; the next one gets RESOURCE_EXHAUSTED."""

    @field_validator("access")
    @classmethod
    def _never_open(cls, value: str) -> str:
        if value != "keys":
            raise ValueError("whoever makes keys has to be known: leave it out")
        return value


class WorkerConfig(_UsesRedis):
    """What `yupana serve worker` reads from `YUPANA_*`."""

    listen: str = f"127.0.0.1:{DEFAULT_WORKER_PORT}"
    """The address to serve gRPC at, host:port. Port 0 takes a free one and prints it."""

    audit_share: float = Field(default=0.2, ge=0.01, le=1)
    """How much of a core the audit may take, by the process's CPU time."""

    audit_facts: int = Field(default=50_000, ge=0)
    """How many accounts and holds the audit keeps in memory; others it reads when it needs them."""

    audit_poll_s: float = Field(default=1.0, gt=0, le=60)
    """How often it looks for new entries while there is nothing to do, in seconds."""

    audit_lag_max: int = Field(default=1_000_000, ge=0)
    """How many entries of a book may wait for their audit before the health of
    `yupana.audit.lag` falls."""

    audit_again_s: float = Field(default=86_400.0, ge=0)
    """How long after the begin of one audit of a book's whole past the next one begins, in seconds;
    0 for never."""


C = TypeVar("C", bound=TlsConfig)


def check_postgres_url(url: str) -> None:
    """Check the form of a URL without connecting.

    Raises:
        ValueError: It is none. Quotes nothing of it, as libpq would, be it the password.
    """
    # Takes 0.2 s, which commands that call a service can do without.
    from psycopg import ProgrammingError  # noqa: PLC0415
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415

    if not url.startswith(("postgresql://", "postgres://")):
        raise ValueError("a URL such as postgresql://yupana_ledger@db:5432/yupana")
    try:
        conninfo_to_dict(url)
    except ProgrammingError:
        raise ValueError(
            "libpq cannot read this URL: special characters of a password are written as %XX, "
            "parameters as libpq calls them"
        ) from None


def caller_config() -> CallerConfig:
    """Read what a command needs that calls a service.

    Raises:
        ConfigError: A variable is missing or wrong.
    """
    return _read(CallerConfig, {})


def ledger_config(**overrides: object) -> LedgerConfig:
    """Read the ledger's configuration; `overrides` come from the command line and win.

    Raises:
        ConfigError: A variable is missing or wrong.
    """
    return _read(LedgerConfig, overrides)


def feed_config(**overrides: object) -> FeedConfig:
    """Read the feed's configuration; `overrides` come from the command line and win.

    Raises:
        ConfigError: A variable is missing or wrong.
    """
    return _read(FeedConfig, overrides)


def worker_config(**overrides: object) -> WorkerConfig:
    """Read the worker's configuration; `overrides` come from the command line and win.

    Raises:
        ConfigError: A variable is missing or wrong.
    """
    return _read(WorkerConfig, overrides)


def access_config(**overrides: object) -> AccessConfig:
    """Read the configuration of access; `overrides` come from the command line and win.

    Raises:
        ConfigError: A variable is missing or wrong.
    """
    return _read(AccessConfig, overrides)


def _read(config: type[C], overrides: Mapping[str, object]) -> C:
    given: dict[str, Any] = {name: value for name, value in overrides.items() if value is not None}
    try:
        return config(**given)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        raise ConfigError("\n".join(_explain(config, each) for each in errors)) from error


def _explain(config: type[TlsConfig], error: object) -> str:
    details: dict[str, object] = error  # type: ignore[assignment]
    location = details["loc"]
    if not location:
        return str(details["msg"]).removeprefix("Value error, ")  # Of several variables together.
    name = str(location[0]) if isinstance(location, tuple) else "?"
    variable = f"YUPANA_{name.upper()}"
    field = config.model_fields.get(name)
    meaning = " ".join((field.description or "").split()) if field is not None else ""
    if details["type"] == "missing":
        return f"{variable} is not set. {meaning}"
    secret = field is not None and "SecretStr" in str(field.annotation)
    value = "***" if secret else details["input"]
    return f"{variable}={value}: {details['msg']}. {meaning}"

"""Configuration, read once from the environment and checked before anything starts."""

from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

DEFAULT_PORT = 7447


class ConfigError(Exception):
    """A variable is missing or wrong; the message says which, and what is allowed."""


class LedgerConfig(BaseSettings):
    """What `yupana serve ledger` reads from `YUPANA_*`."""

    model_config = SettingsConfigDict(
        env_prefix="YUPANA_", extra="ignore", use_attribute_docstrings=True
    )

    database_url: SecretStr
    """The primary database, such as postgresql://yupana_ledger@db/yupana. A direct connection:
    no transaction pooler between. Log in as `yupana_ledger`, who may only append."""

    listen: str = f"127.0.0.1:{DEFAULT_PORT}"
    """The address to serve gRPC at, host:port. Port 0 takes a free one and prints it."""

    read_connections: int = Field(default=8, ge=2, le=200)
    """How many connections serve reads. Writers share four more, and each book that is written
    adds one."""

    default_deadline_s: float = Field(default=15.0, gt=0, le=300)
    """The deadline of calls that come without one, in seconds."""

    rpcs_max: int = Field(default=4096, ge=1)
    """How many calls may be in flight; the next one gets RESOURCE_EXHAUSTED."""

    drain_wait_s: float = Field(default=1.0, ge=0, le=60)
    """After SIGTERM: how long to go on serving while health says NOT_SERVING, so that callers
    notice before connections close, in seconds."""

    drain_grace_s: float = Field(default=20.0, gt=0, le=300)
    """After that: how long calls in flight may take to end, in seconds."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe level that is logged."""

    log_format: Literal["json", "console"] = "json"
    """JSON for machines, console for people."""

    @field_validator("listen")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            raise ValueError("host:port, such as 0.0.0.0:7447")
        return value

    @field_validator("database_url")
    @classmethod
    def _postgres_url(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("a URL such as postgresql://yupana_ledger@db:5432/yupana")
        return value


def ledger_config(**overrides: object) -> LedgerConfig:
    """Read the configuration; `overrides` come from the command line and win.

    Raises:
        ConfigError: A variable is missing or wrong.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return LedgerConfig(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        raise ConfigError("\n".join(map(_explain, error.errors(include_url=False)))) from error


def _explain(error: object) -> str:
    details: dict[str, object] = error  # type: ignore[assignment]
    location = details["loc"]
    name = str(location[0]) if isinstance(location, tuple) and location else "?"
    variable = f"YUPANA_{name.upper()}"
    field = LedgerConfig.model_fields.get(name)
    meaning = " ".join((field.description or "").split()) if field is not None else ""
    if details["type"] == "missing":
        return f"{variable} is not set. {meaning}"
    value = "***" if field is not None and field.annotation is SecretStr else details["input"]
    return f"{variable}={value}: {details['msg']}. {meaning}"

"""Every setting of mimo, read once from the environment and frozen: `MIMO_` and the field's name in capitals.

It must not know what the settings are used for. Only entry points call `load_settings`; they hand the object over.
"""

from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from events.errors import CannotStart

PREFIX = "MIMO_"


class Switch(StrEnum):
    """On or off."""

    ON = "on"
    OFF = "off"


class CourseCreators(StrEnum):
    """Who may create courses."""

    ANYONE = "anyone"
    INSTRUCTORS = "instructors"


class LogLevel(StrEnum):
    """The least severe log lines that are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How log lines look; auto means text on a terminal and JSON elsewhere."""

    AUTO = "auto"
    JSON = "json"
    TEXT = "text"


class KafkaSecurity(StrEnum):
    """How a Kafka cluster is reached; the names are Kafka's own."""

    PLAINTEXT = "PLAINTEXT"
    SSL = "SSL"
    SASL_PLAINTEXT = "SASL_PLAINTEXT"
    SASL_SSL = "SASL_SSL"


class SaslMechanism(StrEnum):
    """How a client proves who it is; the names are Kafka's own."""

    PLAIN = "PLAIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_512 = "SCRAM-SHA-512"


Port = Annotated[int, Field(ge=0, le=65535)]
Words = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """All settings; the descriptions are the documentation (`mimo settings` prints them as a table)."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    data: Path = Field(Path("data"), description="Folder of the embedded database and of the keys.")
    database_url: str | None = Field(
        None,
        repr=False,
        description="An external PostgreSQL (17 or newer); without it one is started in the data folder.",
    )
    host: str = Field("127.0.0.1", description="Address that both APIs listen on.")
    command_port: Port = Field(8001, description="Port of the command API.")
    query_port: Port = Field(8002, description="Port of the query API.")
    projector_port: Port = Field(8003, description="Port on which the projector process tells its health and metrics.")
    relay_port: Port = Field(8004, description="Port on which the relay tells its health and metrics (Kafka mode).")
    operations_port: Port = Field(8005, description="Port on which the operations worker tells its health and metrics.")
    workers: int = Field(1, ge=1, le=64, description="Processes of each API.")
    projector_workers: int = Field(
        1, ge=1, le=64, description="Processes of the projector; they share the partitions of each topic."
    )
    partitions: int = Field(12, ge=1, le=1000, description="Partitions of each topic; fixed when the database is made.")
    kafka_bootstrap: str | None = Field(
        None,
        description="Kafka mode: brokers to begin with, `host:port`, separated by commas; without it everything "
        "follows the log in PostgreSQL.",
    )
    kafka_prefix: str = Field(
        "",
        pattern=r"^[a-zA-Z0-9._-]{0,100}$",
        description="Put before the names of topics, so that several installations can share a cluster.",
    )
    kafka_replication: int = Field(
        1, ge=1, le=10, description="Copies of each topic that the relay makes; with 3, two must have every event."
    )
    kafka_security: KafkaSecurity = Field(
        KafkaSecurity.PLAINTEXT, description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."
    )
    kafka_ca_file: Path | None = Field(
        None, description="PEM file with the authorities to trust, instead of the system's (SSL)."
    )
    kafka_cert_file: Path | None = Field(None, description="PEM file with the client's certificate (SSL).")
    kafka_key_file: Path | None = Field(None, description="PEM file with the key of the client's certificate (SSL).")
    kafka_sasl_mechanism: SaslMechanism = Field(
        SaslMechanism.SCRAM_SHA_512, description="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512 (SASL)."
    )
    kafka_username: str | None = Field(None, description="Name to log in with (SASL).")
    kafka_password: SecretStr | None = Field(None, description="Password to log in with (SASL).")
    allowed_origins: Words = Field((), description="Web origins that may call the APIs, separated by commas.")
    command_url: str | None = Field(
        None,
        pattern=r"^(/|https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/?)$",
        description="Where browsers reach the command API, such as `https://api.example.org`; `/`: at the address that "
        "the page came from; without it, at the page's host and the command API's port.",
    )
    trusted_proxies: Words = Field(
        (),
        description="Addresses or networks (`10.0.0.0/8`) of reverse proxies whose `X-Forwarded-For` is believed, "
        "separated by commas.",
    )
    rate_limits: Switch = Field(
        Switch.ON,
        description="Limits on registering, signing in, refreshing, sending and reacting; off for load tests only.",
    )
    course_creators: CourseCreators = Field(
        CourseCreators.ANYONE, description="Who may create courses: anyone, or instructors (and admins)."
    )
    secret_key: SecretStr | None = Field(
        None,
        description="Key of all HMACs, at least 64 hex digits; without it one is made in the data folder. "
        "Losing it locks everybody out.",
    )
    signing_keys: Words = Field(
        (),
        description="PEM files with the P-256 keys of access tokens, separated by commas; the first signs, all verify. "
        "Without it one is made in the data folder.",
    )
    public_keys: Path | None = Field(
        None,
        description="JWKS file with the public keys of access tokens (`mimo keys public`); with it the query API needs "
        "no private key.",
    )
    token_issuer: str = Field("mimo", description="`iss` of access tokens.")
    token_audience: str = Field("mimo", description="`aud` of access tokens.")
    access_token_seconds: int = Field(900, ge=10, le=900, description="Life of an access token.")
    refresh_token_days: int = Field(30, ge=1, le=365, description="Life of a session that is not used.")
    bcrypt_rounds: int = Field(
        12, ge=4, le=16, description="Cost of hashing a password (powers of two); below 12 for tests only."
    )
    log_level: LogLevel = Field(
        LogLevel.INFO, description="Least severe log lines written: debug, info, warning, error."
    )
    log_format: LogFormat = Field(
        LogFormat.AUTO, description="json, text, or auto: text on a terminal, JSON elsewhere."
    )

    @field_validator("allowed_origins", "signing_keys", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(word.strip().rstrip("/") for word in value.split(",") if word.strip())
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for word in value:
            ip_network(word)  # raises ValueError; uvicorn would take a slip for the name of a host
        return value

    @field_validator("secret_key")
    @classmethod
    def _is_hex(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(bytes.fromhex(value.get_secret_value())) < 32:
            raise ValueError("at least 64 hex digits are needed")
        return value

    @property
    def require_database_url(self) -> str:
        """The database's address.

        Raises:
            CannotStart: none is set; processes that `mimo up` starts always get one.
        """
        if self.database_url is None:
            raise CannotStart(
                "MIMO_DATABASE_URL is not set: say which PostgreSQL to use, or start it all with `mimo up`."
            )
        return self.database_url

    @property
    def keys_folder(self) -> Path:
        """Where keys are kept that do not come from settings."""
        return self.data / "keys"


def load_settings(**given: object) -> Settings:
    """Read the settings.

    Args:
        given: values that go before the environment (from the command line); None means not given.

    Raises:
        CannotStart: a value is not allowed; the text names the variable, never a secret.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = PREFIX + "_".join(str(part) for part in first["loc"][:1]).upper()
        raise CannotStart(f"The setting {name} is wrong: {first['msg']}.") from None


def settings_table() -> str:
    """All settings as a Markdown table, for `mimo settings` and the documentation."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, ()) else f"`{field.default}`"
        lines.append(f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |")
    return "\n".join(lines)

"""The parts of the command API, put together once per process. It must not have behaviour of its own."""

from __future__ import annotations

from dataclasses import dataclass

from command_api.channels import Channels
from command_api.write import WritePath
from infra.event_store import PostgresEventStore
from infra.passwords import Passwords
from infra.secrets import Secrets
from infra.sessions import SessionWatch
from infra.settings import Settings
from infra.tokens import Tokens
from infra.web.limits import RateLimits


@dataclass(frozen=True, slots=True)
class CommandApi:
    """What commands are carried out with."""

    settings: Settings
    secrets: Secrets
    store: PostgresEventStore
    write: WritePath
    channels: Channels
    passwords: Passwords
    tokens: Tokens
    limits: RateLimits
    watch: SessionWatch

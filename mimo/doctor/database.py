"""Looks at the database and at the keys that belong to it.

It must not know Kafka, nor any running process.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import asyncpg

from events.errors import CannotStart
from infra.migrations.revision import Revision, read_revision
from infra.secrets import HMAC_FILE, SIGNING_PATTERN, Secrets, load_secrets
from infra.settings import Settings
from mimo.doctor.finding import Finding, fine, note, wrong

_LOG = """
select current_setting('server_version') as server, i.log_id, i.partitions,
  coalesce((select e.position from log.event e order by e.position desc limit 1), 0) as position
from log.installation i
"""
_USERS_ARE_BUILT = "select to_regclass('read.users_v1') is not null"
_SOMEBODY = """
select u.email, e.data ->> 'email_hmac' as email_hmac
from (select user_id, email from read.users_v1 where email is not null limit 1) u
join log.event e on e.stream = 'user-' || u.user_id and e.version = 1
"""


@dataclass(frozen=True)
class Log:
    """The log of a migrated database.

    Attributes:
        server: PostgreSQL's version.
        log_id: this history's id.
        partitions: of each topic.
        position: of the last event.
    """

    server: str
    log_id: UUID
    partitions: int
    position: int


async def read_log(connection: asyncpg.Connection) -> Log:
    """Asks a migrated database for its log."""
    return Log(**await connection.fetchrow(_LOG))


async def revision_findings(connection: asyncpg.Connection) -> list[Finding]:
    """What is wrong with the database's revision; nothing when it is the newest."""
    return judge_revision(await read_revision(connection))


def judge_revision(revision: Revision) -> list[Finding]:
    """What is wrong with a revision; nothing when it is the newest."""
    if not revision.known:
        sentence = f"It was made by a newer version of mimo (revision {revision.present})."
        return [wrong("database", sentence, "Install that version of mimo.")]
    if revision.present is None:
        return [wrong("database", "It is not migrated yet.", "Run `mimo migrate`, or `mimo up`.")]
    if revision.present != revision.newest:
        sentence = f"It is at revision {revision.present}; this version of mimo needs {revision.newest}."
        return [wrong("database", sentence, "Run `mimo migrate`, or restart `mimo up`.")]
    return []


def judge_log(log: Log) -> Finding:
    """Says what the log is."""
    return fine("database", f"PostgreSQL {log.server} holds {log.position} events of history {log.log_id}.")


async def key_findings(connection: asyncpg.Connection, settings: Settings, log: Log) -> list[Finding]:
    """Whether the keys are there and belong to this database."""
    if missing := judge_missing_keys(settings, log):
        return missing
    try:
        secrets = load_secrets(settings)
    except CannotStart as error:
        return [wrong("keys", str(error), "Restore the file from the backup, or mend it as the sentence says.")]
    if not await _belong(connection, secrets):
        sentence = "The secret key is not the one that this database was made with: nobody can sign in."
        return [wrong("keys", sentence, f"Restore {HMAC_FILE} (or MIMO_SECRET_KEY) that belongs to the database.")]
    return [fine("keys", "The secret key belongs to the database, and the signing keys can be read.")]


def judge_missing_keys(settings: Settings, log: Log) -> list[Finding]:
    """What is wrong with the files of keys; nothing when all are there."""
    secret = settings.keys_folder / HMAC_FILE
    if settings.secret_key is None and not secret.exists():
        if log.position > 0:
            sentence = f"{secret} is missing, but the log has events: with another key nobody can sign in."
            return [wrong("keys", sentence, "Restore it from the backup before the next start makes a new one.")]
        return [note("keys", f"There is no {secret} yet; the first start makes it.")]
    if not settings.signing_keys and not any(settings.keys_folder.glob(SIGNING_PATTERN)):
        return [note("keys", "There is no signing key yet; the next start makes it, and people sign in again.")]
    return []


async def _belong(connection: asyncpg.Connection, secrets: Secrets) -> bool:
    """Whether these secrets made the hash of somebody's address; True when there is nobody to ask."""
    if not await connection.fetchval(_USERS_ARE_BUILT):
        return True
    somebody = await connection.fetchrow(_SOMEBODY)
    return somebody is None or secrets.email_hmac(somebody["email"]) == somebody["email_hmac"]

"""The `EventStore` port on PostgreSQL: seals and encodes events, hands them to the appender, reads streams and claims.

It must not know deciders, HTTP or what any event means.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import structlog

from events.catalog import encode
from events.claims import Claim
from events.errors import InvalidRequest, Overloaded, Refused
from events.ports import Append, Appended, AppendedEvent, Idempotency
from events.recorded import Recorded
from infra.append_batch import Prepared, Replayed
from infra.appender import Appender
from infra.postgres import AWAY, Role, connect, pool
from infra.sealing import KeyRing

READ_TIMEOUT_SECONDS = 5.0
HOUSEKEEPING_SECONDS = 3600.0
log = structlog.get_logger(__name__)

APPLICATION = "mimo-command"

_STREAM = """
    select position, id, stream, version, topic, partition, "offset", key, type, schema, data, meta, at
    from log.event where stream = $1 and version > $2 order by version"""
_FIRST = """
    select position, id, stream, version, topic, partition, "offset", key, type, schema, data, meta, at
    from log.event where stream = $1 and version = 1"""
_LAST_VERSION = "select coalesce(max(version), 0) as version from log.event where stream = $1"
_EVENT = """
    select position, id, stream, version, topic, partition, "offset", key, type, schema, data, meta, at
    from log.event where id = $1"""
_HOLDER = """
    select e.position, e.id, e.stream, e.version, e.topic, e.partition, e."offset", e.key, e.type, e.schema, e.data,
      e.meta, e.at
    from log.claim c join log.event e on e.id = c.event_id where c.scope = $1 and c.key = $2"""
_PLACES = """
    select id, type, stream, version, topic, partition, "offset", position
    from log.event where id = any ($1) order by position"""
_OUTCOME = "select fingerprint, event_ids from log.outcome($1, $2)"


@dataclass(frozen=True, slots=True)
class Login:
    """What signing in needs of a person."""

    user_id: UUID
    password_hash: bytes
    password_version: int
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RefreshState:
    """A session's refresh family, as the command API stored it, with the version of that private value."""

    user_id: UUID
    value: bytes
    version: int
    roles: tuple[str, ...]


class PostgresEventStore:
    """Implements `events.ports.EventStore`, and the few questions that signing in asks.

    Args:
        reads: a pool in the command role.
        appender: a running appender.
        log_id: this history's id.
        partitions: how many partitions each topic has.
    """

    def __init__(self, reads: asyncpg.Pool, appender: Appender, log_id: UUID, partitions: int) -> None:
        self._reads = reads
        self.appender = appender
        self.ring = KeyRing(self._data_keys)
        self.log_id = log_id
        self.partitions = partitions

    async def append(self, command: Append) -> Appended:
        """See `EventStore.append`."""
        await self.ring.load(subject for new in command.events if (subject := new.event.subject) is not None)
        try:
            data = tuple(encode(new.event, new.id, self.ring) for new in command.events)
        except UnicodeEncodeError as error:  # a lone surrogate, which is not text
            raise InvalidRequest("The text holds characters that are not valid Unicode.") from error
        outcome = await self.appender.submit(Prepared(command, data))
        if isinstance(outcome, Refused):
            raise outcome
        if isinstance(outcome, Replayed):
            own = tuple([new.id for new in command.events])  # stored by a call of ours whose answer was lost
            return Appended(await self._placed(outcome.event_ids), replayed=not own or outcome.event_ids != own)
        return Appended(outcome)

    async def outcome(self, idempotency: Idempotency) -> Appended | None:
        """See `EventStore.outcome`."""
        row = await self._row(_OUTCOME, idempotency.actor, idempotency.key)
        if row is None:
            return None
        if row["fingerprint"] != idempotency.fingerprint:
            raise Refused("reused_key", key=idempotency.key)
        return Appended(await self._placed(row["event_ids"]), replayed=True)

    async def read_stream(self, stream: str, after_version: int = 0) -> list[Recorded]:
        """See `EventStore.read_stream`."""
        return [Recorded(*row) for row in await self._rows(_STREAM, stream, after_version)]

    async def first(self, stream: str) -> Recorded | None:
        """A stream's first event, however long the stream is; None when there is no such stream."""
        row = await self._row(_FIRST, stream)
        return None if row is None else Recorded(*row)

    async def last_version(self, stream: str) -> int:
        """The version of a stream's last event; 0 when there is no such stream."""
        row = await self._row(_LAST_VERSION, stream)
        assert row is not None, "an aggregate answers one row"
        return int(row["version"])

    async def find(self, event_id: UUID) -> Recorded | None:
        """See `EventStore.find`."""
        row = await self._row(_EVENT, event_id)
        return None if row is None else Recorded(*row)

    async def holder(self, claim: Claim) -> Recorded | None:
        """The event that took a claim; None when nobody holds it."""
        row = await self._row(_HOLDER, *claim)
        return None if row is None else Recorded(*row)

    async def login(self, email_hmac: str) -> Login | None:
        """Who has this address; None when nobody has."""
        row = await self._row("select * from log.login($1)", email_hmac)
        return (
            None
            if row is None
            else Login(row["user_id"], row["password_hash"], row["password_version"], tuple(row["roles"]))
        )

    async def password(self, user_id: UUID) -> tuple[bytes, int] | None:
        """A person's password hash and its version."""
        row = await self._row("select * from log.password($1)", user_id)
        return None if row is None else (row["password_hash"], row["password_version"])

    async def refresh_state(self, session_id: UUID) -> RefreshState | None:
        """A session's refresh family; None when there never was such a session, or it is over."""
        row = await self._row("select * from log.refresh_state($1)", session_id)
        return None if row is None else RefreshState(row["user_id"], row["value"], row["version"], tuple(row["roles"]))

    async def sessions(self, user_id: UUID) -> list[UUID]:
        """A person's sessions that go on."""
        rows = await self._rows("select key from log.claim where scope = $1", f"session/{user_id}")
        return [UUID(row["key"]) for row in rows]

    async def keep_house(self) -> None:
        """Empties the slot of idempotency keys that is used next, and forgets what is left of ended sessions."""
        await self._row("select log.forget_old_keys()")
        await self._row("select log.forget_ended_sessions()")

    async def _placed(self, event_ids: Collection[UUID]) -> tuple[AppendedEvent, ...]:
        if not event_ids:
            return ()
        return tuple(AppendedEvent(*row) for row in await self._rows(_PLACES, list(event_ids)))

    async def _data_keys(self, subjects: Collection[UUID]) -> Mapping[UUID, bytes]:
        rows = await self._rows("select user_id, key from log.data_keys($1)", list(subjects))
        return {row["user_id"]: row["key"] for row in rows}

    async def _row(self, statement: str, *values: object) -> asyncpg.Record | None:
        rows = await self._rows(statement, *values)
        return rows[0] if rows else None

    async def _rows(self, statement: str, *values: object) -> list[asyncpg.Record]:
        try:
            async with asyncio.timeout(READ_TIMEOUT_SECONDS):
                rows: list[asyncpg.Record] = await self._reads.fetch(statement, *values)
                return rows
        except AWAY as error:
            raise Overloaded("The database is away; try again shortly.") from error


@contextlib.asynccontextmanager
async def open_event_store(
    url: str, *, application: str = APPLICATION, pool_size: int = 4
) -> AsyncIterator[PostgresEventStore]:
    """Opens the log for writing: a pool for reads, a connection of its own for appends, hourly housekeeping.

    Raises:
        CannotStart: the database cannot be reached or is not migrated.
    """

    async def connection() -> asyncpg.Connection:
        return await connect(url, application=f"{application}-append", role=Role.COMMAND)

    async with pool(url, application=application, role=Role.COMMAND, max_size=pool_size) as reads:
        log_id, partitions = await reads.fetchrow("select log_id, partitions from log.installation")
        appender = Appender(connection, partitions)
        store = PostgresEventStore(reads, appender, log_id, partitions)
        async with appender.running():
            housekeeping = asyncio.create_task(_keep_house(store), name="housekeeping")
            try:
                yield store
            finally:
                housekeeping.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await housekeeping


async def _keep_house(store: PostgresEventStore) -> None:
    while True:
        try:
            await store.keep_house()
        except (Overloaded, asyncpg.PostgresError) as error:
            log.warning("housekeeping_failed", error=type(error).__name__)  # there is an hour's time to do it again
        await asyncio.sleep(HOUSEKEEPING_SECONDS)

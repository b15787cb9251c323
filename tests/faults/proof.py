"""The proof that nothing was lost, doubled or shuffled: what was acknowledged, log, topics and views, compared.

It asks the database itself, with no process of the product between, and only while nothing is on its way. Comparing the
topics is `tests.topics`' part.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from events.recorded import Recorded
from infra.sealing import KeyRing
from projectors.generations import Status, bear
from projectors.opening import Opener
from projectors.projection import Projection
from projectors.views import PROJECTIONS

Fact = tuple[str, ...]
BATCH_EVENTS = 2000

_KEYS = "select user_id, key from log.data_keys($1::uuid[])"
_INSTALLATION = "select log_id, partitions from log.installation"
_LIVE = """
    select format('%s_v%s_g%s', projection, version, generation) from projection.generation
    where projection = $1 and status = 'live'"""
_TABLES = "select tablename from pg_tables where schemaname = current_schema() order by 1"
_SET_ASIDE = """
    select (select count(*) from projection.parked) + (select count(*) from projection.dead_letter)
         + (select count(*) from projection.checkpoint where stopped is not null)"""
_DIFFERENT = """
    select count(*) from (
        (select * from {mine} except all select * from {live}) union all
        (select * from {live} except all select * from {mine})) d"""


@dataclass(frozen=True)
class Commands:
    """What the log holds of what was acknowledged.

    Attributes:
        acknowledged: commands.
        lost: acknowledged ones that are not in the log.
        doubled: ones, acknowledged or not, that took effect more than once.
    """

    acknowledged: int
    lost: int
    doubled: int


def count_commands(entries: Iterable[dict[str, Any]], events: Iterable[Recorded]) -> Commands:
    """Compare a demo's journal with the log."""
    promised = [fact for entry in entries for fact in _promised(entry)]
    happened = Counter(fact for event in events for fact in _happened(event))
    lost = sum(happened[fact] == 0 for fact in promised)
    return Commands(len(promised), lost, sum(times - 1 for times in happened.values()))


def _promised(entry: dict[str, Any]) -> list[Fact]:
    """The facts that an acknowledgement stands for."""
    match entry["command"]:
        case "RegisterUser":
            return [("registered", entry["user_id"])]
        case "CreateCourse":
            return [("created", entry["course_id"]), ("opened", entry["course_id"], entry["channel_id"])]
        case "PublishCourse":
            return [("published", entry["course_id"])]
        case "Enroll":
            return [("enrolled", entry["course_id"], entry["user_id"])]
        case "SendMessage":
            return [("sent", entry["channel_id"], entry["message_id"], str(entry["seq"]))]
        case command:
            raise AssertionError(f"add what {command} promises")


def _happened(event: Recorded) -> list[Fact]:
    """The facts that an event stands for; each may be there once in the whole log."""
    data = json.loads(event.data)
    match event.type:
        case "UserRegistered":
            return [("registered", event.key), ("address", data["email_hmac"])]
        case "CourseCreated":
            return [("created", event.key)]
        case "ChannelOpened":
            return [("opened", data["course_id"], event.key)]
        case "CoursePublished":
            return [("published", event.key)]
        case "Enrolled":
            return [("enrolled", event.key, data["user_id"])]
        case "MessageSent":
            called = ("called", data["author_id"], data["client_message_id"])  # one name, one message
            return [("sent", event.key, str(event.id), str(event.version)), called]
        case _:
            return []


def flaws_of_log(events: Iterable[Recorded]) -> list[str]:
    """Where positions, offsets or versions are not dense."""
    flaws: list[str] = []
    offsets: Counter[tuple[str, int]] = Counter()
    versions: Counter[str] = Counter()
    for position, event in enumerate(events, start=1):
        offsets[event.topic, event.partition] += 1
        versions[event.stream] += 1
        numbers = (event.position, event.offset, event.version)
        if numbers != (position, offsets[event.topic, event.partition], versions[event.stream]):
            flaws.append(f"{event.topic}.{event.partition}: position, offset, version {numbers} out of line")
    return flaws


async def rows_that_differ(url: str, events: list[Recorded]) -> dict[str, int]:
    """Build every view anew from the log, in a transaction that is taken back, and compare with what readers see.

    Returns:
        By table, how many rows are only here or only there; nothing for tables that are equal.
    """
    connection = await asyncpg.connect(url)
    try:
        found: dict[str, int] = {}
        for projection in PROJECTIONS:
            transaction = connection.transaction()
            await transaction.start()
            try:
                found |= await _compared(connection, projection, events)
            finally:
                await transaction.rollback()
        if aside := await connection.fetchval(_SET_ASIDE):
            found["parked, dead or stopped"] = aside
        return found
    finally:
        await connection.close()


async def _compared(connection: asyncpg.Connection, projection: Projection, events: list[Recorded]) -> dict[str, int]:
    async def keys(people: Collection[UUID]) -> dict[UUID, bytes]:
        return {row["user_id"]: row["key"] for row in await connection.fetch(_KEYS, list(people))}

    opener = Opener(projection, KeyRing(keys))
    log_id, partitions = await connection.fetchrow(_INSTALLATION)
    live = await connection.fetchval(_LIVE, projection.name)
    mine = await bear(connection, projection, log_id, partitions, Status.BUILDING)
    followed = [event for event in events if event.topic in projection.topics]
    for start in range(0, len(followed), BATCH_EVENTS):
        if delivered := await opener.open(followed[start : start + BATCH_EVENTS]):
            await projection.apply(connection, delivered)
    different = {}
    for row in await connection.fetch(_TABLES):
        table = row["tablename"]
        statement = _DIFFERENT.format(mine=f"{mine.schema}.{table}", live=f"{live}.{table}")
        if count := await connection.fetchval(statement):
            different[f"{projection.name}.{table}"] = count
    return different

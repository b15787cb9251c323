"""What the doctor says of the books: nothing of whole ones, also while they move, and something of each damage."""

from __future__ import annotations

import random
import socket
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from events.operations import OperationEnded, OperationRequested
from events.ports import Append, NewEvent
from events.recorded import Meta
from infra.event_store import PostgresEventStore, open_event_store
from infra.ids import new_id
from mimo.doctor import books
from mimo.doctor.books import book_findings
from mimo.doctor.finding import Finding, Verdict, is_healthy
from mimo.doctor.flaws import Kind
from projectors.views import PROJECTIONS
from tests.beside import beside, projecting
from tests.property.test_projections import School
from tests.until import until_answer

WANTED = [(each.name, each.version, each.topics) for each in PROJECTIONS]
LIVE = "select count(*)::int from projection.generation where status = 'live'"
META = Meta(actor="operator:test")
MESSAGES = "projection = 'messages' and generation = 1"
OF_MESSAGES = f"{MESSAGES} and topic = 'mimo.messages' and partition = 3"
PARKED = (
    "insert into projection.parked select 'messages', 1, topic, partition, {}, key, {}, type, 'why' from log.event"
    " where topic = 'mimo.messages' limit 1"
)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def owner(shared_database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Of a database with some events and all their views."""
    school = School(random.Random(5), partitions=12)
    for _ in range(60):
        school.happen()
    await school.log.store(shared_database_url)
    connection = await asyncpg.connect(shared_database_url)
    try:
        async with projecting(shared_database_url):
            await until_answer(connection, LIVE, len(PROJECTIONS))
        yield connection
    finally:
        await connection.close()


async def found(owner: asyncpg.Connection, *statements: str) -> list[Finding]:
    """What is said after some damage, which is taken back."""
    transaction = owner.transaction(isolation="repeatable_read")
    await transaction.start()
    try:
        for statement in statements:
            assert not (await owner.execute(statement)).endswith(" 0"), "it damages nothing"
        return await book_findings(owner, WANTED)
    finally:
        await transaction.rollback()


async def test_whole_books_have_no_flaw(owner: asyncpg.Connection) -> None:
    (finding,) = await found(owner)
    assert finding.verdict is Verdict.FINE


@pytest.mark.parametrize(
    ("damage", "wanted", "place"),
    [
        (
            f"delete from projection.checkpoint where {OF_MESSAGES}",
            books.PLACES,
            "messages_v1_g1: mimo.messages.3 is missing",
        ),
        (
            "insert into projection.checkpoint values ('users', 1, 'mimo.courses', 0, 0)",
            books.PLACES,
            "users_v1_g1: mimo.courses.0 is too many",
        ),
        (
            f'update projection.checkpoint set "offset" = 900 where {OF_MESSAGES}',
            books.BEYOND,
            "messages_v1_g1: mimo.messages.3 is at 900, the log at ",
        ),
        (
            f"update projection.generation set log_id = gen_random_uuid() where {MESSAGES}",
            books.FOREIGN,
            "messages_v1_g1",
        ),
        (
            f"update projection.generation set status = 'standby' where {MESSAGES}",
            books.NOT_SHOWN,
            "messages version 1",
        ),
        (PARKED.format('"offset" + 900', "id"), books.PARKED, "messages_v1_g1: mimo.messages."),
        (PARKED.format('"offset"', "gen_random_uuid()"), books.PARKED, "messages_v1_g1: mimo.messages."),
        ("create schema messages_v1_g7", books.STRANGERS, "messages_v1_g7"),
        ("drop schema messages_v1_g1 cascade", books.WITHOUT_TABLES, "messages_v1_g1"),
    ],
)
async def test_damage_is_found(owner: asyncpg.Connection, damage: str, wanted: Kind, place: str) -> None:
    (finding,) = await found(owner, damage)
    assert finding.verdict is Verdict.WRONG
    assert finding.sentence.startswith(f"{wanted.what}: 1 ({place}")
    assert finding.remedy == wanted.remedy


@pytest.mark.parametrize(
    ("status", "lock"),
    [("aside", "mimo aside messages_v1_g2"), ("building", "mimo replay of messages")],
)
async def test_what_nobody_goes_on_with_is_found_unless_its_maker_is_at_work(
    owner: asyncpg.Connection, shared_database_url: str, status: str, lock: str
) -> None:
    columns = "'messages', 1, 2, $1, log_id, now(), null"
    begun = f"insert into projection.generation select {columns} from log.installation".replace("$1", f"'{status}'")
    checkpoints = (
        "insert into projection.checkpoint select projection, 2, topic, partition, 0 from projection.checkpoint"
        f" where {MESSAGES}"
    )
    (finding,) = await found(owner, begun, checkpoints, "create schema messages_v1_g2")
    assert finding.sentence == f"{books.ABANDONED.what}: 1 (messages_v1_g2)."
    maker = await asyncpg.connect(shared_database_url)
    try:
        await maker.execute("select pg_advisory_lock(hashtextextended($1, 0))", lock)
        (finding,) = await found(owner, begun, checkpoints, "create schema messages_v1_g2")
        assert finding.verdict is Verdict.FINE
    finally:
        await maker.close()


async def test_what_was_dropped_and_is_still_there_is_only_noted(owner: asyncpg.Connection) -> None:
    retired = "insert into projection.generation select 'messages', 1, 8, 'retired', log_id from log.installation"
    findings = await found(owner, retired, "create schema messages_v1_g8")
    assert [finding.verdict for finding in findings] == [Verdict.FINE, Verdict.NOTE]
    assert "messages_v1_g8" in findings[1].sentence


async def test_scratch_schemas_follow_nothing_and_are_fine(owner: asyncpg.Connection) -> None:
    kept = "insert into projection.generation select 'messages', 1, 9, 'scratch', log_id from log.installation"
    (finding,) = await found(owner, kept, "create schema messages_v1_g9", "create schema scratch_old_v1_g2")
    assert finding.verdict is Verdict.FINE


async def ask(store: PostgresEventStore, via: str, *, end: bool = False) -> None:
    """An operation that begins, and perhaps ends."""
    told: dict[str, Any] = {"operation_id": new_id(), "action": "verify", "target": "users", "via": via}
    await store.append(Append((NewEvent(new_id(), OperationRequested(**told, options={})),), META))
    if end:
        await store.append(Append((NewEvent(new_id(), OperationEnded(**told, outcome="done", said="")),), META))


async def test_operations_that_do_not_end_are_said(database_url: str) -> None:
    async with open_event_store(database_url) as store:
        await ask(store, "command_line", end=True)
        await ask(store, "command_line")
        await ask(store, "desk")
    connection = await asyncpg.connect(database_url)
    try:
        (finding,) = await found(connection)
        assert finding.verdict is Verdict.FINE, "they have time"
        overdue, killed = await found(connection, "update log.event set at = at - interval '25 hours'")
        assert overdue.sentence.startswith(f"{books.OVERDUE.what}: 1 (verify users, asked for at ")
        assert killed.verdict is Verdict.NOTE
        assert "in the last week and killed: 1," in killed.sentence
    finally:
        await connection.close()


PROCESS = "insert into operations.process values (gen_random_uuid(), 'relay', {}, 17, '1', now(), {}, {})"
UNREADY = '\'[{"name": "relay", "reason": "Kafka is away"}]\''


async def test_a_silent_process_is_noted_and_one_that_is_not_ready_elsewhere_is_wrong(
    owner: asyncpg.Connection,
) -> None:
    (_, finding) = await found(owner, PROCESS.format("'desk-3'", "now() - interval '20 seconds'", UNREADY))
    assert finding == Finding("relay", Verdict.NOTE, "Process 17 on desk-3 was killed or is cut off: silent for 20 s.")
    (_, finding) = await found(owner, PROCESS.format("'desk-3'", "now()", UNREADY))
    assert finding.verdict is Verdict.WRONG
    assert finding.sentence == "Process 17 on desk-3 is not ready: relay: Kafka is away."
    for here in (PROCESS.format(f"'{socket.gethostname()}'", "now()", UNREADY), PROCESS.format("'x'", "now()", "'[]'")):
        assert is_healthy(await found(owner, here)), "this machine's own are asked, and ready ones are fine"


async def test_books_that_move_have_no_flaw(database_url: str) -> None:
    school = School(random.Random(6), partitions=12)

    async def writing() -> None:
        while True:
            school.happen()
            await school.log.store(database_url)

    connection = await asyncpg.connect(database_url)
    try:
        async with projecting(database_url):
            await until_answer(connection, LIVE, len(PROJECTIONS))
            async with beside(writing()) as task:
                for _ in range(30):
                    findings = await book_findings(connection, WANTED)
                    assert is_healthy(findings), findings
                    assert not task.done()
    finally:
        await connection.close()

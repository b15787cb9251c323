"""`mimo doctor --deep` finds whatever is changed in the log, the claims or the private values, and nothing else.

Damage is done in a transaction that is rolled back, so that all tests share one school.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
import pytest_asyncio

from events.courses import CourseCreated, CoursePublished
from events.enrollments import Enrolled, Unenrolled
from events.event import Event
from events.messages import MessageDeleted
from events.ports import Append, NewEvent, PrivateWrite
from events.users import PasswordChanged, RoleGranted, SessionStarted, UserErased
from infra.event_store import PostgresEventStore, open_event_store
from infra.ids import new_id
from mimo.doctor import claims, scan
from mimo.doctor.claims import KEPT, KEYLESS, SEATS
from mimo.doctor.deep import deep_findings, log_findings
from mimo.doctor.finding import Finding, Verdict, is_healthy
from mimo.doctor.flaws import Kind
from mimo.doctor.scan import OFFSETS, PARTITIONS, PLACES, POSITIONS, TIMES, UNREADABLE, VERSIONS
from tests.beside import beside
from tests.integration.log_commands import META, message, open_channel, register
from tests.until import until_answer

OF_TYPE = "(select min(position) from log.event where type = '{}')"
MIDDLE = "position = 7"
LAST = "position = (select max(position) from log.event)"


async def happen(store: PostgresEventStore, *events: Event, private: tuple[PrivateWrite, ...] = ()) -> None:
    await store.append(Append(tuple(NewEvent(new_id(), event) for event in events), META, private=private))


async def term(store: PostgresEventStore) -> None:
    """All that changes claims, private values or neither."""
    ada, bob, eve = [await register(store, name) for name in ("ada", "bob", "eve")]
    course, sessions = new_id(), [new_id() for _ in range(3)]
    await happen(store, RoleGranted(user_id=ada, role="admin"))
    for session in sessions:
        await happen(store, SessionStarted(user_id=bob, session_id=session))
    await happen(store, PasswordChanged(user_id=bob, session_id=sessions[0]))
    await happen(store, CourseCreated(course_id=course, owner_id=ada, title="t", description="d", capacity=2))
    await happen(store, CoursePublished(course_id=course))
    for person in (bob, eve):
        await happen(store, Enrolled(course_id=course, user_id=person))
    await happen(store, Unenrolled(course_id=course, user_id=bob))
    channel = await open_channel(store, ada)
    for number in range(20):
        await store.append(message(channel, (ada, bob, eve)[number % 3], "hello", client_message_id=str(number)))
    await happen(store, MessageDeleted(channel_id=channel, message_id=new_id(), deleted_by=ada))
    gone = tuple(PrivateWrite("delete", f"{kind}/{eve}") for kind in ("data_key", "password"))
    await happen(store, UserErased(user_id=eve, email_hmac=eve.hex, destroyed=()), private=gone)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def owner(shared_database_url: str) -> AsyncIterator[asyncpg.Connection]:
    async with open_event_store(shared_database_url) as store:
        await term(store)
    connection = await asyncpg.connect(shared_database_url)
    try:
        yield connection
    finally:
        await connection.close()


def tell(*_: object) -> None:
    """Nobody listens."""


@asynccontextmanager
async def damaged(owner: asyncpg.Connection, *statements: str) -> AsyncIterator[None]:
    transaction = owner.transaction(isolation="repeatable_read")
    await transaction.start()
    try:
        for statement in statements:
            assert not (await owner.execute(statement)).endswith(" 0"), "it damages nothing"
        yield
    finally:
        await transaction.rollback()


async def found(owner: asyncpg.Connection, *statements: str) -> list[Finding]:
    """What is said to be wrong after some damage."""
    async with damaged(owner, *statements):
        return [finding for finding in await log_findings(owner, tell) if finding.verdict is Verdict.WRONG]


def kinds(findings: list[Finding]) -> set[str]:
    return {finding.sentence.partition(":")[0] for finding in findings}


def named(*wanted: Kind) -> set[str]:
    return {kind.what.partition(":")[0] for kind in wanted}


async def test_a_whole_log_has_no_flaw_and_what_was_looked_at_is_said(owner: asyncpg.Connection) -> None:
    told: list[tuple[str, int, int]] = []
    async with damaged(owner):
        findings = await log_findings(owner, lambda *how: told.append(how))
    assert [finding.verdict for finding in findings] == [Verdict.FINE] * 3
    assert [finding.subject for finding in findings] == ["log", "claims", "private values"]
    last = await owner.fetchval("select max(position) from log.event")
    assert f"All {last} events" in findings[0].sentence
    assert told[-1] == ("events", last, last)


@pytest.mark.parametrize(
    ("damage", "wanted"),
    [
        (f"update log.event set position = position + 9 where {LAST}", POSITIONS),
        (f"update log.event set position = 0 where {MIDDLE}", POSITIONS),
        (f"update log.event set at = at - interval '1 hour' where {MIDDLE}", TIMES),
        (f"update log.event set at = at + interval '1 hour' where {MIDDLE}", TIMES),
        (f'update log.event set "offset" = "offset" + 1 where {LAST}', OFFSETS),
        (f"update log.event set version = version + 1 where {LAST}", VERSIONS),
        (f"update log.event set partition = (partition + 1) % 12 where {MIDDLE}", PARTITIONS),
        (f"update log.event set topic = 'mimo.nothing' where {LAST}", PLACES),
        (f"update log.event set stream = stream || 'x' where {LAST}", PLACES),
        (f"update log.event set key = key || 'x' where {LAST}", PLACES),
    ],
)
async def test_an_event_that_is_not_in_its_place_is_found(owner: asyncpg.Connection, damage: str, wanted: Kind) -> None:
    (finding,) = [each for each in await found(owner, damage) if each.sentence.startswith(f"{wanted.what}: ")]
    assert finding.remedy == wanted.remedy
    assert finding.subject == "log"


async def test_a_missing_event_is_found_by_all_its_numbers(owner: asyncpg.Connection) -> None:
    findings = await found(owner, "delete from log.event where type = 'MessageSent' and version = 5")
    assert named(POSITIONS, OFFSETS, VERSIONS) <= kinds(findings)
    (versions,) = [finding for finding in findings if finding.sentence.startswith(VERSIONS.what)]
    assert ": 1 (channel-" in versions.sentence
    assert ": 6 after 4)" in versions.sentence


async def test_versions_that_do_not_come_in_the_order_of_positions_are_found(owner: asyncpg.Connection) -> None:
    of = "where type = 'MessageSent' and version"
    swap = [f"update log.event set version = {to} {of} = {one}" for one, to in ((5, -5), (6, 5), (-5, 6))]
    assert kinds(await found(owner, *swap)) == named(VERSIONS)


@pytest.mark.parametrize(
    "damage",
    [
        f"update log.event set type = 'NobodyKnows' where {MIDDLE}",
        f"update log.event set schema = 99 where {MIDDLE}",
        f"update log.event set data = '{{}}' where {MIDDLE}",
        "update log.event set data = (select data from log.event where position = " + OF_TYPE.format("MessageSent")
        + ") where type = 'MessageSent' and position = 4 + " + OF_TYPE.format("MessageSent"),
        "update log.private set value = sha256(value) where name = (select min(name) from log.private)",
    ],
    ids=["type", "schema", "shape", "another event's seal", "another key"],
)  # fmt: skip
async def test_what_cannot_be_read_is_found_and_claims_are_not_guessed(owner: asyncpg.Connection, damage: str) -> None:
    async with damaged(owner, damage):
        findings = await log_findings(owner, tell)
    assert kinds([finding for finding in findings if finding.verdict is Verdict.WRONG]) == named(UNREADABLE)
    assert [finding.verdict for finding in findings if finding.subject == "claims"] == [Verdict.NOTE]


SOME = "(scope, key) = (select scope, key from log.claim order by scope, key limit 1)"


@pytest.mark.parametrize(
    ("damage", "wanted"),
    [
        (f"delete from log.claim where {SOME}", claims.CLAIMS_MISSING),
        ("insert into log.claim values ('role/somebody', 'admin', gen_random_uuid())", claims.CLAIMS_EXTRA),
        (f"update log.claim set event_id = gen_random_uuid() where {SOME}", claims.CLAIMS_OTHER),
        ("update log.scope_count set held = held + 1 where change = (select max(change) from log.scope_count)", SEATS),
        ("update log.scope_count set capacity = 9 where change = (select max(change) from log.scope_count)", SEATS),
        ("delete from log.scope_count", SEATS),
        ("insert into log.scope_count values ('course/none/seats', 1, 5, 0)", SEATS),
        ("delete from log.private where name = (select min(name) from log.private)", KEYLESS),
        (
            "insert into log.private select 'data_key/' || key, 'k', 1 from log.event where type = 'UserErased'",
            KEPT,
        ),
        ("update log.private set value = 'k' where name = (select min(name) from log.private)", claims.DAMAGED),
        ("insert into log.private values ('password/' || gen_random_uuid(), 'k', 1)", claims.STRANGERS),
    ],
)
async def test_a_wrong_claim_count_or_private_value_is_found(
    owner: asyncpg.Connection, damage: str, wanted: Kind
) -> None:
    (finding,) = await found(owner, damage)
    assert finding.sentence.startswith(f"{wanted.what}: ")
    assert finding.remedy == wanted.remedy


async def test_a_claim_that_was_taken_twice_is_found(owner: asyncpg.Connection) -> None:
    first = "(select data from log.event where type = 'SessionStarted' order by position limit 1)"
    twice = f"update log.event set data = {first} where position = 1 + {OF_TYPE.format('SessionStarted')}"
    assert named(claims.CLAIMS_TWICE) <= kinds(await found(owner, twice))


async def test_many_are_counted_and_the_first_few_told(owner: asyncpg.Connection) -> None:
    (finding,) = await found(owner, "delete from log.claim where scope like 'client_message/%'")
    assert finding.sentence.startswith(f"{claims.CLAIMS_MISSING.what}: 20 (client_message/")
    assert finding.sentence.count(";") == 4
    assert finding.sentence.endswith(", …).")


async def test_more_events_than_a_page_are_looked_at(
    owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "PAGE_EVENTS", 3)
    assert await found(owner, "analyze log.event") == []
    assert kinds(await found(owner, f"update log.event set position = position + 9 where {LAST}")) == named(POSITIONS)


async def test_a_database_that_goes_away_meanwhile_is_said(owner: asyncpg.Connection, shared_database_url: str) -> None:
    waiting = (
        "select count(*) from pg_stat_activity where application_name = 'mimo-doctor' and wait_event_type = 'Lock'"
    )
    end = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'mimo-doctor'"
    elsewhere = await asyncpg.connect(shared_database_url)
    try:
        async with elsewhere.transaction():
            await elsewhere.execute("lock table log.private in access exclusive mode")
            async with beside(deep_findings(shared_database_url, None, tell)) as looking:
                await until_answer(owner, waiting, 1)
                assert await owner.fetchval(end)
                (finding,) = await looking
    finally:
        await elsewhere.close()
    assert (finding.subject, finding.verdict) == ("database", Verdict.WRONG)
    assert finding.sentence.startswith("It went away while every event was looked at (")


async def test_a_system_that_writes_has_no_flaw(database_url: str) -> None:
    async with open_event_store(database_url) as store:
        await term(store)

        async def writing() -> None:
            while True:
                await term(store)

        async with beside(asyncio.wait_for(writing(), None)) as task:
            for _ in range(5):
                findings = await deep_findings(database_url, None, tell)
                assert is_healthy(findings), findings
                assert not task.done()

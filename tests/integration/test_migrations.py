"""Migrating is safe however many try it, changes nothing the second time, and says in a sentence what it lacks."""

import asyncio
import sys
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from events.errors import CannotStart
from infra.embedded_postgres import EmbeddedPostgres
from infra.migrations import runner
from infra.migrations.runner import migrate
from infra.postgres import Role, connect

MIGRATE = "import asyncio, sys; from infra.migrations.runner import migrate; asyncio.run(migrate(sys.argv[1]))"


async def run(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def installation(url: str) -> tuple[UUID, int]:
    connection = await asyncpg.connect(url)
    try:
        row = await connection.fetchrow("select log_id, partitions from log.installation")
        return row["log_id"], row["partitions"]
    finally:
        await connection.close()


@pytest.fixture
async def empty_url(postgres_server: EmbeddedPostgres) -> AsyncIterator[str]:
    """A database without anything in it."""
    await run(postgres_server.url("postgres"), "create database empty")
    yield postgres_server.url("empty")
    await run(postgres_server.url("postgres"), "drop database empty with (force)")


async def test_many_at_once_make_one_installation(empty_url: str) -> None:
    await asyncio.gather(*(migrate(empty_url, partitions=5) for _ in range(6)))
    log_id, partitions = await installation(empty_url)
    assert partitions == 5
    await migrate(empty_url, partitions=7)
    assert await installation(empty_url) == (log_id, 5)


async def test_two_databases_of_one_server_can_be_migrated_at_the_same_time(
    postgres_server: EmbeddedPostgres, empty_url: str
) -> None:
    await run(postgres_server.url("postgres"), "create database other")
    try:
        urls = [empty_url, postgres_server.url("other")]
        processes = [await asyncio.create_subprocess_exec(sys.executable, "-c", MIGRATE, url) for url in urls]
        assert [await process.wait() for process in processes] == [0, 0]
        assert (await installation(empty_url))[0] != (await installation(postgres_server.url("other")))[0]
    finally:
        await run(postgres_server.url("postgres"), "drop database other with (force)")


async def test_a_revision_that_fails_leaves_nothing_behind(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_connection: object, _partitions: int) -> None:
        original(_connection, _partitions)  # type: ignore[arg-type]
        raise RuntimeError("the power went out")

    original = runner._upgrade
    monkeypatch.setattr(runner, "_upgrade", fail)
    with pytest.raises(RuntimeError, match="power"):
        await migrate(empty_url)
    with pytest.raises(asyncpg.UndefinedTableError):
        await installation(empty_url)


async def test_each_application_gets_a_role_and_the_login_may_take_it(database_url: str) -> None:
    for role in Role:
        connection = await connect(database_url, application="test", role=role)
        try:
            assert await connection.fetchval("select current_user") == role.value
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch("select * from log.private")
        finally:
            await connection.close()


async def test_a_login_without_rights_is_told_what_it_lacks(postgres_server: EmbeddedPostgres, empty_url: str) -> None:
    password = "an ordinary login"
    await run(empty_url, f"create role ordinary login password '{password}'")
    base, _, tail = empty_url.partition("@")
    url = f"{base.partition('://')[0]}://ordinary:{password.replace(' ', '%20')}@{tail}"
    try:
        with pytest.raises(CannotStart, match="alter database empty owner to ordinary"):
            await migrate(url)
        await run(postgres_server.url("postgres"), "alter database empty owner to ordinary")
        await run(empty_url, "alter schema public owner to ordinary")
        async with _without_roles(empty_url):
            with pytest.raises(CannotStart, match="CREATEROLE"):
                await migrate(url)
        await run(empty_url, "alter role ordinary createrole")
        await run(empty_url, *(f"grant {role} to ordinary with admin option" for role in Role))
        await migrate(url)
    finally:
        await run(postgres_server.url("postgres"), "drop database empty with (force)", "create database empty")
        await run(postgres_server.url("postgres"), "drop role ordinary")


class _without_roles:  # noqa: N801 - used like a function
    """Takes from the login, while it lasts, what others made for it: membership in the roles."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def __aenter__(self) -> None:
        for role in Role:
            await run(self._url, f"revoke {role} from ordinary")

    async def __aexit__(self, *_: object) -> None:
        """Nothing to undo: the test grants anew."""


async def test_a_database_from_the_future_is_refused(empty_url: str) -> None:
    await migrate(empty_url)
    await run(empty_url, "update mimo_migration set version_num = '9999'")
    with pytest.raises(CannotStart, match="newer version"):
        await migrate(empty_url)


def test_an_old_server_and_a_wrong_encoding_are_refused() -> None:
    facts = {"login": "l", "database": "d", "version": 160004, "version_name": "16.4", "encoding": "UTF8"}
    with pytest.raises(CannotStart, match=r"16.4 is too old"):
        runner._require(facts)
    with pytest.raises(CannotStart, match="LATIN1"):
        runner._require({**facts, "version": 170000, "encoding": "LATIN1"})


async def test_connections_carry_name_role_and_time_out(database_url: str) -> None:
    connection = await connect(database_url, application="mimo-test", role=Role.QUERY)
    try:
        settings = ("application_name", "role", "transaction_timeout", "timezone")
        found = [await connection.fetchval("select current_setting($1)", setting) for setting in settings]
        assert found == ["mimo-test", "mimo_query", "5s", "UTC"]
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda url: url.replace("mimo:", "nobody:"), "refuses the login"),
        (lambda url: url.rpartition("/")[0] + "/missing", "no such database"),
        (lambda url: url.replace("127.0.0.1:", "127.0.0.1:1"), "cannot be reached|cannot be read"),
    ],
)
async def test_why_a_connection_cannot_be_opened_is_said_without_the_password(
    database_url: str, change: object, said: str
) -> None:
    assert callable(change)
    with pytest.raises(CannotStart, match=said) as caught:
        await connect(change(database_url), application="test")
    password = database_url.split(":")[2].partition("@")[0]
    assert password not in str(caught.value)

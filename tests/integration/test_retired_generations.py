"""Which generations are not followed any more, and that nothing of them is left to be read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from events.messages import ChannelOpened, MessageSent
from infra.ids import new_id
from infra.postgres import Role, connect
from projectors.generations import drop_retired, followed
from projectors.views.messages import Messages
from tests.beside import projecting
from tests.written_log import WrittenLog

PATIENCE_SECONDS = 20
SCHEMAS = "select array_agg(nspname::text order by nspname) from pg_namespace where nspname like 'messages\\_v%'"
STATUSES = "select array_agg(status order by generation) from projection.generation where projection = 'messages'"
TEXTS = "select array_agg(text) from read.messages_v1"


class OnlyMessages(Messages):
    """As it was before it heard of erasures."""

    handles = (ChannelOpened, MessageSent)  # type: ignore[assignment]

    def _beside(self, suffix: str) -> str:
        return Messages()._beside(suffix)


@pytest_asyncio.fixture(loop_scope="session")
async def admin(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest_asyncio.fixture(loop_scope="session")
async def own(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(database_url, application="test", role=Role.PROJECTOR)
    yield connection
    await connection.close()


async def test_a_generation_of_other_topics_is_retired_and_the_next_one_is_built(
    database_url: str, admin: asyncpg.Connection, own: asyncpg.Connection
) -> None:
    await followed(own, OnlyMessages())
    log = WrittenLog()
    channel, author = new_id(), log.person()
    log.add(ChannelOpened(channel_id=channel, course_id=new_id(), owner_id=author, name="General"))
    log.add(MessageSent(channel_id=channel, author_id=author, text="hello"))
    await log.store(database_url)
    async with projecting(database_url, projections=(Messages(),)):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await admin.fetchval(STATUSES) != ["retired", "live"]:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            while await admin.fetchval(SCHEMAS) != ["messages_v1_g2"]:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    assert await admin.fetchval(TEXTS) == ["hello"]
    (again,) = await followed(own, Messages())
    assert again.number == 2


async def test_the_present_generation_stays(admin: asyncpg.Connection, own: asyncpg.Connection) -> None:
    for _ in range(2):
        (generation,) = await followed(own, Messages())
        await drop_retired(own, "messages")
        assert generation.number == 1
    assert await admin.fetchval(SCHEMAS) == ["messages_v1_g1"]


async def test_a_reader_in_the_way_of_dropping_is_waited_for_only_shortly(
    admin: asyncpg.Connection, own: asyncpg.Connection
) -> None:
    await followed(own, Messages())
    await admin.execute("update log.installation set log_id = gen_random_uuid()")
    await followed(own, Messages())
    async with admin.transaction():
        await admin.fetch("select * from messages_v1_g1.message")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await drop_retired(own, "messages")
    assert await admin.fetchval(SCHEMAS) == ["messages_v1_g1", "messages_v1_g2"]
    await drop_retired(own, "messages")
    assert await admin.fetchval(SCHEMAS) == ["messages_v1_g2"]
    assert await admin.fetchval(TEXTS) is None

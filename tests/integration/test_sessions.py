"""The watch over ended sessions: told within a second, also after a lost connection; closed when nobody can tell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from time import monotonic
from uuid import UUID

import asyncpg

from events.errors import Overloaded, Unauthenticated
from infra.postgres import Role, connect, pool
from infra.sealing import KeyRing, new_key
from infra.session_ends import ErasedKeys, SessionEnds
from infra.sessions import SessionWatch
from tests.beside import beside
from tests.command_api import Person, School, school

NAME = "watched"


@asynccontextmanager
async def watching(url: str) -> AsyncIterator[SessionWatch]:
    """A watch of its own, as the query API has one."""
    own = partial(connect, url, application=NAME, role=Role.QUERY)
    async with pool(url, application=f"{NAME}-asks", role=Role.QUERY, min_size=0) as asking:
        watch = SessionWatch(asking, own, 900)
        await watch.start()
        try:
            await until(watch.ready, None)
            yield watch
        finally:
            await watch.stop()


@asynccontextmanager
async def forgetting(url: str, ring: KeyRing) -> AsyncIterator[None]:
    """A tail that drops keys, as a projector has one."""
    own = partial(connect, url, application=NAME, role=Role.PROJECTOR)
    async with beside(SessionEnds(own, 60.0, ErasedKeys(ring)).run()):
        yield


async def has_key(ring: KeyRing, person: Person) -> bool:
    """Whether somebody's key is at hand, without looking it up."""
    return UUID(person.user_id).int in ring._keys


async def until(ask: Callable[[], Awaitable[object]], answer: object, seconds: float = 5.0) -> None:
    """Waits until `ask` answers so."""
    async with asyncio.timeout(seconds):
        while await ask() != answer:  # noqa: ASYNC110 - what is waited for happens in PostgreSQL
            await asyncio.sleep(0.01)


async def verdict(watch: SessionWatch, person: Person, api: School) -> str:
    """What the watch says of a person's session."""
    claims = api.app.state.api.tokens.verify(person.access_token)
    try:
        await watch.ensure_active(claims.user_id, claims.session_id)
    except Unauthenticated:
        return "ended"
    except Overloaded:
        return "unknown"
    return "active"


async def test_an_end_elsewhere_is_known_within_a_second(database_url: str) -> None:
    async with school(database_url) as api, watching(database_url) as watch:
        ada = await api.person()
        again = await api.person_of(ada.email)
        assert await verdict(watch, ada, api) == "active"
        await ada.does("POST", "/v1/auth/logout")
        started = monotonic()
        await until(partial(verdict, watch, ada, api), "ended")
        assert monotonic() - started < 1.0
        assert await verdict(watch, again, api) == "active"
        await again.does("POST", "/v1/auth/logout?scope=global")
        await until(partial(verdict, watch, again, api), "ended")


async def test_a_watch_that_starts_later_knows_what_ended_before(database_url: str) -> None:
    async with school(database_url) as api:
        ada = await api.person()
        other = await api.person_of(ada.email)
        await ada.does("POST", "/v1/auth/logout")
        async with watching(database_url) as watch:
            assert await verdict(watch, ada, api) == "ended"
            assert await verdict(watch, other, api) == "active"


async def test_sessions_of_others_are_not_asked_about_and_confirmed_ones_only_once(database_url: str) -> None:
    async with school(database_url) as api, watching(database_url) as watch:
        ada, grace = await api.person(), await api.person()
        other = await api.person_of(ada.email)
        await ada.does("POST", "/v1/auth/logout")
        await until(partial(verdict, watch, ada, api), "ended")
        asked: list[UUID] = []
        ask = watch._ask

        async def counted(user_id: UUID, session_id: UUID) -> None:
            asked.append(user_id)
            await ask(user_id, session_id)

        watch._ask = counted  # type: ignore[method-assign]
        for person in (grace, other, other, other):
            assert await verdict(watch, person, api) == "active"
        assert asked == [UUID(ada.user_id)]


async def test_the_tail_comes_back_after_its_connection_was_killed(database_url: str) -> None:
    async with school(database_url) as api, watching(database_url) as watch:
        ada = await api.person()
        operator = await asyncpg.connect(database_url)
        assert await operator.fetchval(
            "select bool_and(pg_terminate_backend(pid)) from pg_stat_activity where application_name = $1", NAME
        )
        await operator.close()
        await ada.does("POST", "/v1/auth/logout")
        await until(partial(verdict, watch, ada, api), "ended")
        await until(watch.ready, None)


async def test_a_silent_tail_means_asking_each_time_and_no_answer_means_closed(database_url: str) -> None:
    async with school(database_url) as api:
        ada, grace = await api.person(), await api.person()
        async with pool(database_url, application=NAME, role=Role.QUERY) as asking:
            silent = SessionWatch(asking, partial(connect, database_url, application=NAME, role=Role.QUERY), 900)
            assert await silent.ready() is not None
            assert await verdict(silent, ada, api) == "active"
            await ada.does("POST", "/v1/auth/logout")
            assert await verdict(silent, ada, api) == "ended"
            assert await verdict(silent, grace, api) == "active"
        assert await verdict(silent, grace, api) == "unknown"


async def test_whoever_holds_keys_drops_that_of_the_erased_and_keeps_the_others(database_url: str) -> None:
    async with school(database_url) as api:
        ada, grace = await api.person(), await api.person()
        ring = KeyRing(api.app.state.api.store._data_keys)
        async with forgetting(database_url, ring):
            await until(partial(_connected, ring), True)
            await ring.load([UUID(ada.user_id), UUID(grace.user_id)])
            await grace.does("POST", "/v1/auth/logout")
            await ada.does("DELETE", "/v1/me")
            await until(partial(has_key, ring, ada), False, 1.0)
            assert await has_key(ring, grace)
            ring.add(UUID(ada.user_id), new_key())
            assert not await has_key(ring, ada), "for good"


async def test_after_a_lost_connection_every_key_is_looked_up_anew(database_url: str) -> None:
    async with school(database_url) as api:
        ada = await api.person()
        ring = KeyRing(api.app.state.api.store._data_keys)
        async with forgetting(database_url, ring):
            await until(partial(_connected, ring), True)
            await ring.load([UUID(ada.user_id)])
            operator = await asyncpg.connect(database_url)
            await operator.fetch(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1", NAME
            )
            await operator.close()
            await until(partial(has_key, ring, ada), False)
            await ring.load([UUID(ada.user_id)])
            assert await has_key(ring, ada)


async def _connected(ring: KeyRing) -> bool:
    return ring.forgettings > 0

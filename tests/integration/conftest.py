"""Fixtures that the integration tests of the query API share: views filled by hand, and a client in front of them."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.integration.query_client import QueryClient, query_client
from tests.integration.views_by_hand import ViewsByHand, views_by_hand


@pytest_asyncio.fixture(loop_scope="session")
async def views(database_url: str) -> AsyncIterator[ViewsByHand]:
    async with views_by_hand(database_url) as views:
        yield views


@pytest_asyncio.fixture(loop_scope="session")
async def queries(database_url: str, views: ViewsByHand) -> AsyncIterator[QueryClient]:
    async with query_client(database_url) as client:
        yield client

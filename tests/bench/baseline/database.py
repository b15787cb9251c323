"""The plain design's engine and its session dependency; knows nothing of routes."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

POOL_CONNECTIONS = 20

engine = create_async_engine(
    os.environ["BASELINE_DATABASE_URL"], pool_size=POOL_CONNECTIONS, max_overflow=0, pool_timeout=30
)
sessions = async_sessionmaker(engine, expire_on_commit=False)


async def session_of_request() -> AsyncIterator[AsyncSession]:
    """Yield one session for one request; what was not committed is rolled back."""
    async with sessions() as session:
        yield session


Session = Annotated[AsyncSession, Depends(session_of_request)]

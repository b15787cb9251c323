"""The query API in this process, and a client that signs requests for whoever a test says."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fastapi import FastAPI

from infra.secrets import Secrets
from infra.settings import Settings
from infra.tokens import Tokens, issuing_tokens
from query_api.app import new_query_api

SIGNED_IN = "insert into log.claim (scope, key, event_id) values ($1, $2, gen_random_uuid())"


def new_signing_key() -> str:
    """A P-256 key in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


class QueryClient:
    """Reads as somebody."""

    def __init__(
        self, app: FastAPI, client: httpx2.AsyncClient, tokens: Tokens, connection: asyncpg.Connection
    ) -> None:
        self.app, self.http, self._tokens, self._connection = app, client, tokens, connection
        self._issued: dict[tuple[UUID, bool], str] = {}

    async def token(self, user_id: UUID, *, admin: bool = False) -> str:
        """An access token of somebody who is signed in."""
        if (user_id, admin) not in self._issued:
            session_id = uuid4()
            await self._connection.execute(SIGNED_IN, f"session/{user_id}", str(session_id))
            self._issued[user_id, admin] = self._tokens.issue(user_id, session_id, ["admin"] if admin else [])
        return self._issued[user_id, admin]

    async def get(
        self, path: str, user_id: UUID | None = None, *, admin: bool = False, **headers: str
    ) -> httpx2.Response:
        """Reads a path; `headers` with underscores in place of hyphens."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if user_id is not None:
            sent["authorization"] = f"Bearer {await self.token(user_id, admin=admin)}"
        return await self.http.get(path, headers=sent)

    async def items(self, path: str, user_id: UUID | None = None, **options: Any) -> list[dict[str, Any]]:
        """The items of a list that must be there."""
        answer = await self.get(path, user_id, **options)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["items"])

    async def forget_views(self) -> None:
        """Takes away what readers see, as if no projection had ever been built."""
        await self._connection.execute("update projection.generation set status = 'retired'")


@asynccontextmanager
async def query_client(url: str, **settings: Any) -> AsyncIterator[QueryClient]:
    """The query API on a database."""
    chosen = Settings(database_url=url, **settings)
    key = new_signing_key()
    tokens = issuing_tokens(chosen, Secrets(b"k" * 32, (key,)))
    app = new_query_api(chosen, tokens)
    transport = httpx2.ASGITransport(app=app)
    connection = await asyncpg.connect(url)
    try:
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=transport, base_url="http://query") as client,
        ):
            yield QueryClient(app, client, tokens, connection)
    finally:
        await connection.close()

"""The command API for tests: in this process, on a database of one's own, with people to act."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from fastapi import FastAPI

from command_api.app import new_command_api
from infra.secrets import Secrets, load_secrets
from infra.settings import Settings, load_settings
from infra.telemetry import configure_logging
from infra.temporary_folder import temporary_folder

PASSWORD = "correct horse battery"
_numbers = itertools.count(1)


@dataclass
class Person:
    """Someone with an account and a session."""

    email: str
    user_id: str
    access_token: str
    refresh_token: str
    client: httpx2.AsyncClient

    async def does(self, method: str, path: str, json: Any = None, **headers: str) -> httpx2.Response:
        """Sends a command as this person. Underscores in header names stand for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named.setdefault("Authorization", f"Bearer {self.access_token}")
        return await self.client.request(method, path, json=json, headers=named)


@dataclass
class School:
    """A running command API."""

    app: FastAPI
    client: httpx2.AsyncClient
    settings: Settings
    secrets: Secrets
    url: str

    async def register(self, email: str | None = None, password: str = PASSWORD) -> str:
        """A new account; answers its e-mail address."""
        email = email or f"person{next(_numbers)}@example.org"
        body = {"email": email, "password": password, "display_name": "A Person"}
        answer = await self.client.post("/v1/users", json=body)
        assert answer.status_code == 201, answer.text
        return email

    async def sign_in(self, email: str, password: str = PASSWORD) -> httpx2.Response:
        """Asks for tokens."""
        return await self.client.post("/v1/auth/token", data={"username": email, "password": password})

    async def person(self) -> Person:
        """Someone new, signed in."""
        return await self.person_of(await self.register())

    async def person_of(self, email: str) -> Person:
        """A new session of an account."""
        answer = await self.sign_in(email)
        assert answer.status_code == 200, answer.text
        tokens = answer.json()
        user_id = self.app.state.api.tokens.verify(tokens["access_token"]).user_id
        return Person(email, str(user_id), tokens["access_token"], tokens["refresh_token"], self.client)

    async def refresh(self, token: str) -> httpx2.Response:
        """Uses a refresh token."""
        return await self.client.post("/v1/auth/refresh", data={"refresh_token": token})

    async def course(self, owner: Person, *, published: bool = True, **members: Any) -> tuple[str, str]:
        """A new course and its channel."""
        body = {"title": "Algebra", "description": "Letters for numbers", **members}
        answer = await owner.does("POST", "/v1/courses", body)
        assert answer.status_code == 201, answer.text
        made = answer.json()
        if published:
            answer = await owner.does("POST", f"/v1/courses/{made['course_id']}/publish")
            assert answer.status_code == 200, answer.text
        return made["course_id"], made["channel_id"]


@asynccontextmanager
async def school(database_url: str, **settings: Any) -> AsyncIterator[School]:
    """Runs a command API in this process."""
    with temporary_folder("mimo-school-") as folder:
        given = {
            "bcrypt_rounds": 4,
            "data": folder,
            "database_url": database_url,
            "log_format": "json",
            **settings,
        }
        loaded = load_settings(**given)
        configure_logging(loaded, "command_api")
        secrets = load_secrets(loaded)
        app = new_command_api(loaded, secrets)
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=transport, base_url="http://test") as client,
        ):
            yield School(app, client, loaded, secrets, database_url)

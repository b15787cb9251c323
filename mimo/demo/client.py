"""One person's HTTP client: signs in, sends commands that take effect once, reads with bookmarks.

It must not know what is simulated. A command is sent again, with the same Idempotency-Key, until it is answered.
"""

import asyncio
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx2

from events.errors import CannotStart

TRY_AGAIN = frozenset((429, 502, 503, 504))
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0
BOOKMARK = "Mimo-Bookmark"
LONGEST_WAIT = "wait=10"


class Unanswered(CannotStart):
    """The system did not answer for longer than our patience, or answered what the demo cannot go on from."""


@dataclass
class Addresses:
    """Where the system is.

    Attributes:
        command: of the command API, such as `http://127.0.0.1:8001`.
        query: of the query API.
        patience_seconds: how long a request is repeated while the system is away.
    """

    command: str
    query: str
    patience_seconds: float


@dataclass
class Tally:
    """What happened on the wire."""

    acknowledged: int = 0
    retries: int = 0
    reads: int = 0
    milliseconds: list[float] = field(default_factory=list)


class Person:
    """Somebody with an account, who does one thing after the other or several at once."""

    def __init__(self, http: httpx2.AsyncClient, addresses: Addresses, tally: Tally, email: str, password: str) -> None:
        self.email = email
        self.password = password
        self.name = email.partition("@")[0]
        self._http = http
        self._addresses = addresses
        self._tally = tally
        self._token = ""

    @property
    def token(self) -> str:
        """The access token; empty before the first `sign_in`."""
        return self._token

    async def register(self) -> str:
        """Create the account; the answer is the user id."""
        body = {"email": self.email, "password": self.password, "display_name": self.name.replace("-", " ").title()}
        answer, _ = await self._command("POST", "/v1/users", body)
        return str(answer["user_id"])

    async def sign_in(self) -> None:
        """Get an access token; needed again when it has expired."""
        form = {"username": self.email, "password": self.password}
        response = await self._answered("POST", f"{self._addresses.command}/v1/auth/token", {}, data=form)
        self._token = _content(response)["access_token"]

    async def do(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[dict[str, Any], str]:
        """Send a command as this person.

        Returns:
            The answer and its bookmark.

        Raises:
            Unanswered: it was refused, or not answered in time.
        """
        return await self._command(method, path, body)

    async def read(self, path: str, bookmark: str = "") -> dict[str, Any]:
        """Read a view that reflects at least the bookmark."""
        headers = {"Prefer": LONGEST_WAIT, **({BOOKMARK: bookmark} if bookmark else {})}
        response = await self._signed_in("GET", f"{self._addresses.query}{path}", headers)
        self._tally.reads += 1
        return _content(response)

    async def _command(self, method: str, path: str, body: dict[str, Any] | None) -> tuple[dict[str, Any], str]:
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        begun = time.perf_counter()
        response = await self._signed_in(method, f"{self._addresses.command}{path}", headers, json=body)
        self._tally.milliseconds.append((time.perf_counter() - begun) * 1000)
        content = _content(response)
        self._tally.acknowledged += 1
        return content, response.headers.get(BOOKMARK, "")

    async def _signed_in(self, method: str, url: str, headers: dict[str, str], **body: Any) -> httpx2.Response:
        """Send with the access token, and once more with a fresh one when it has expired."""
        response = await self._answered(method, url, headers, **body)
        if response.status_code == 401 and self._token:
            await self.sign_in()
            response = await self._answered(method, url, headers, **body)
        return response

    async def _answered(self, method: str, url: str, headers: dict[str, str], **body: Any) -> httpx2.Response:
        """Send until there is an answer that is not "try again"."""
        deadline = time.monotonic() + self._addresses.patience_seconds
        pause = FIRST_PAUSE_SECONDS
        while True:
            authorization = {"Authorization": f"Bearer {self._token}"} if self._token else {}
            try:
                response = await self._http.request(method, url, headers={**headers, **authorization}, **body)
                if response.status_code not in TRY_AGAIN:
                    return response
                said = f"status {response.status_code}"
                pause = max(pause, _seconds(response.headers.get("Retry-After")))
            except httpx2.TransportError as error:
                said = str(error) or type(error).__name__
            if time.monotonic() + pause > deadline:
                raise Unanswered(f"No answer from {url} for {self._addresses.patience_seconds:.0f} s ({said}).")
            self._tally.retries += 1
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def _seconds(retry_after: str | None) -> float:
    return min(float(retry_after), 30.0) if retry_after is not None and retry_after.isdigit() else 0.0


def _content(response: httpx2.Response) -> dict[str, Any]:
    if response.is_success:
        content: dict[str, Any] = response.json() if response.content else {}
        return content
    raise Unanswered(f"{response.request.method} {response.request.url} was refused: {response.text[:300]}")

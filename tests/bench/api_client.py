"""A small HTTP client on the standard library, one kept connection, quick enough not to be what is measured.

It must not know what the requests mean.
"""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

TIMEOUT_SECONDS = 30


class UnexpectedAnswer(Exception):
    """An answer had another status than it should have."""


class ApiClient:
    """Talks to one base URL (`http://127.0.0.1:8001`), with one access token or none."""

    def __init__(self, base_url: str, token: str | None = None) -> None:
        parts = urlsplit(base_url)
        self._connection = HTTPConnection(str(parts.hostname), parts.port, timeout=TIMEOUT_SECONDS)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Send one request; its status, headers (names in lower case) and body."""
        self._connection.request(method, path, body, {**self._headers, **(headers or {})})
        answer = self._connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def post(self, path: str, value: object, expected: int = 201) -> tuple[dict[str, Any], dict[str, str]]:
        """Post JSON; the answer's body and headers. Raises UnexpectedAnswer."""
        status, headers, body = self.ask("POST", path, json.dumps(value).encode(), {"Content-Type": "application/json"})
        return self._checked("POST", path, status, expected, body), headers

    def post_form(self, path: str, **fields: str) -> dict[str, Any]:
        """Post a form and expect 200."""
        content_type = {"Content-Type": "application/x-www-form-urlencoded"}
        status, _, body = self.ask("POST", path, urlencode(fields).encode(), content_type)
        return self._checked("POST", path, status, 200, body)

    def get(self, path: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        """Get JSON and expect 200."""
        status, _, body = self.ask("GET", path, headers=headers)
        return self._checked("GET", path, status, 200, body)

    def _checked(self, method: str, path: str, status: int, expected: int, body: bytes) -> dict[str, Any]:
        if status != expected:
            raise UnexpectedAnswer(f"{method} {path}: {status} instead of {expected}: {body.decode()[:500]}")
        answer = json.loads(body) if body else {}
        assert isinstance(answer, dict)
        return answer

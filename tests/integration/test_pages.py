"""The pages that the query API serves: what comes with them, and what they may do."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio

from query_api.web.pages import FOLDER, PAGES, TYPES
from tests.integration.query_client import QueryClient, query_client

DIRECTIVE = re.compile(r"([a-z-]+) ([^;]*)")

IMPORTED = re.compile(r'^(?:import|export) [^"]*?from "([^"]+)"', re.MULTILINE)

every_page = pytest.mark.parametrize("path", PAGES)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def queries(shared_database_url: str) -> AsyncIterator[QueryClient]:
    async with query_client(shared_database_url) as client:
        yield client


def policy(answer: httpx2.Response) -> dict[str, str]:
    """The page's Content-Security-Policy by directive."""
    return dict(DIRECTIVE.findall(answer.headers["content-security-policy"]))


@every_page
async def test_a_page_may_do_nothing_but_run_its_own_files_and_ask_the_apis(queries: QueryClient, path: str) -> None:
    page = await queries.http.get(path, headers={"host": "school.example:8002"})
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    allowed = policy(page)
    assert allowed.pop("connect-src") == "'self' http://school.example:8001"
    assert allowed == {
        "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' data:",
        "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'", "trusted-types": "'none'",
    }  # fmt: skip
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-frame-options"] == "DENY"
    head = await queries.http.head(path)
    assert (head.status_code, head.headers["etag"]) == (200, page.headers["etag"])


@every_page
async def test_a_page_has_no_script_and_no_style_in_it_and_loads_only_what_is_there(
    queries: QueryClient, path: str
) -> None:
    text = (await queries.http.get(path)).text
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on[a-z]+=|javascript:", text)
    loaded = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert loaded
    for name in loaded:
        assert (await queries.http.get(name)).status_code == 200, name


def imported_by(module: Path) -> set[str]:
    """The paths of what a module imports."""
    return {
        name if name.startswith("/") else f"/web/{(module.parent / name).resolve().relative_to(FOLDER).as_posix()}"
        for name in IMPORTED.findall(module.read_text())
    }


async def test_every_module_that_is_imported_is_there(queries: QueryClient) -> None:
    for module in FOLDER.rglob("*.js"):
        for path in imported_by(module):
            assert (await queries.http.get(path)).status_code == 200, f"{module}: {path}"


def test_the_learners_page_asks_for_all_its_modules_at_once_and_not_one_after_the_other() -> None:
    needed: set[str] = set()
    further = {"/web/learn/app.js"}
    while further:
        found = set().union(*(imported_by(FOLDER / path.removeprefix("/web/")) for path in further))
        needed, further = needed | found, found - needed
    preloaded = re.findall(r'"modulepreload" href="([^"]+)"', (FOLDER / "learn" / "index.html").read_text())
    assert preloaded == sorted(needed)


async def test_files_are_asked_for_once_and_then_only_whether_they_changed(queries: QueryClient) -> None:
    first = await queries.http.get("/web/ops/desk.js", headers={"accept-encoding": "gzip"})
    assert first.headers["content-encoding"] == "gzip"
    assert first.headers["content-type"] == "text/javascript; charset=utf-8"
    assert (first.headers["cache-control"], first.headers["vary"]) == ("no-cache", "accept-encoding")
    assert first.content == (FOLDER / "ops" / "desk.js").read_bytes()
    known = {"if-none-match": first.headers["etag"]}
    again = await queries.http.get("/web/ops/desk.js", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    page = await queries.http.get("/ops", headers={"if-none-match": (await queries.http.get("/ops")).headers["etag"]})
    assert page.status_code == 304
    assert "content-security-policy" in page.headers
    plain = await queries.http.get("/web/ops/desk.js", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == first.content


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_pages_are_only_read(queries: QueryClient, method: str) -> None:
    for path in (*PAGES, "/web/ops/desk.js", "/web/where.json"):
        answer = await queries.http.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
        assert {"GET", "HEAD"} <= set(answer.headers["allow"].split(", "))


@pytest.mark.parametrize(
    "path",
    [
        "/web/pages.py",
        "/web/ops",
        "/web/",
        "/web/ops/../pages.py",
        "/web/..%2fpages.py",
        "/web//etc/passwd",
        "/web/none.js",
    ],
)
async def test_nothing_else_is_served(queries: QueryClient, path: str) -> None:
    answer = await queries.http.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("setting", "host", "commands"),
    [
        (None, "127.0.0.1:8002", "http://127.0.0.1:8001"),
        (None, "[::1]:8002", "http://[::1]:8001"),
        (None, "school.example", "http://school.example:8001"),
        (None, "school.example; script-src *", ""),
        ("/", "school.example", ""),
        ("https://api.school.example", "school.example", "https://api.school.example"),
    ],
)
async def test_a_page_is_told_where_commands_go(
    shared_database_url: str, setting: str | None, host: str, commands: str
) -> None:
    async with query_client(shared_database_url, command_url=setting) as queries:
        told = await queries.http.get("/web/where.json", headers={"host": host})
        page = await queries.http.get("/ops", headers={"host": host})
    assert told.json() == {"commands": commands, "course_creators": "anyone"}
    assert told.headers["cache-control"] == "no-store"
    assert policy(page)["connect-src"] == f"'self' {commands}".strip()


def test_every_file_of_a_page_has_a_type() -> None:
    others = {path.suffix for path in FOLDER.rglob("*") if path.is_file()} - set(TYPES)
    assert others <= {".py", ".pyc"}

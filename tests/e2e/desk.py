"""The operators' desk as a person uses it, and the people who do. It must not know what a test is after."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
from playwright.sync_api import Browser, Locator, Page, expect

from infra.embedded_postgres import EmbeddedPostgres, binary
from tests.browser import PATIENCE_MILLISECONDS, Tab, tab
from tests.system import System, run_mimo

PASSWORD = "a desk with a view"
EXPLAINED = re.compile(
    r"^Failed to load resource: (the server responded with a status of |net::ERR_(INTERNET|CONNECTION|EMPTY|NETWORK))"
)
"""The console repeats every answer that is not 2xx or did not come; tests look at what the page makes of it."""

PARK = """
insert into projection.parked (projection, generation, topic, partition, "offset", key, event_id, type, error)
select 'courses', (select generation from projection.generation where projection = 'courses' and status = 'live'),
  topic, partition, "offset", key, id, type, 'ValueError: planted'
from log.event where topic = 'mimo.courses' and key = :'key';
"""

expect.set_options(timeout=PATIENCE_MILLISECONDS)


class Member:
    """Somebody who is registered and does things without a browser."""

    def __init__(self, system: System, email: str) -> None:
        self.system, self.email = system, email

    @contextmanager
    def signed_in(self) -> Iterator[httpx2.Client]:
        """A client of the command API with a fresh access token; they end soon."""
        with httpx2.Client(base_url=self.system.command) as client:
            form = {"username": self.email, "password": PASSWORD}
            tokens = client.post("/v1/auth/token", data=form).raise_for_status().json()
            client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
            yield client

    def does(self, path: str, content: Any = None) -> Any:
        """Sends a command that must succeed; returns what it answers."""
        with self.signed_in() as client:
            return client.post(path, json=content).raise_for_status().json()

    def writes_course(self, title: str = "Engines") -> dict[str, str]:
        """Creates a course: one event of `mimo.courses` and one of `mimo.messages`; returns their ids."""
        ids: dict[str, str] = self.does("/v1/courses", {"title": title, "description": "Wheels and levers."})
        return ids


def registered(system: System, email: str, name: str) -> Member:
    """Registers somebody."""
    registration = {"email": email, "password": PASSWORD, "display_name": name}
    httpx2.post(f"{system.command}/v1/users", json=registration).raise_for_status()
    return Member(system, email)


def admin(system: System, email: str, name: str) -> str:
    """Registers an admin; returns the e-mail address to sign in with."""
    registered(system, email, name)
    granted = run_mimo("users", "grant", email, "admin", "--data", str(system.data))
    assert granted.returncode == 0, granted.stderr
    return email


def park(system: System, key: str) -> None:
    """Sets the events of a course aside in the generation that readers see, as if they could not be applied.

    None of ours does that to any event, so it is done in the database.
    """
    psql = [str(binary("psql")), "--quiet", f"--dbname={EmbeddedPostgres(system.data / 'postgres').url()}"]
    done = subprocess.run([*psql, "--set", f"key={key}"], input=PARK, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


class Desk:
    """The page in a tab."""

    def __init__(self, system: System, within: Tab) -> None:
        self.system, self.tab = system, within
        self.page: Page = within.page

    def open(self) -> "Desk":
        """Goes to the page."""
        self.page.goto(f"{self.system.query}/ops")
        return self

    def sign_in(self, email: str, password: str = PASSWORD) -> "Desk":
        """Fills the form in and sends it."""
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        return self

    def shows(self) -> "Desk":
        """Waits until the pipeline is there."""
        expect(self.box("log")).to_be_visible()
        return self

    def box(self, name: str) -> Locator:
        """The log, the relay or a projection in the picture."""
        return self.page.locator(f"[data-box={name}]")

    def part(self, title: str) -> Locator:
        """A section of the page."""
        return self.page.get_by_role("region", name=title, exact=True)

    def projection(self, name: str) -> Locator:
        """A projection's card."""
        return self.page.get_by_role("article", name=name, exact=True)

    def button(self, name: str) -> Locator:
        """A button, by its whole name."""
        return self.page.get_by_role("button", name=name, exact=True)

    def dialog(self) -> Locator:
        """The open dialog."""
        return self.page.get_by_role("dialog")

    def operation(self, what: str, outcome: str) -> Locator:
        """The rows of operations such as `verify users` with an outcome, or `underway`."""
        return self.page.locator(f"[data-operation='{what}'][data-outcome={outcome}]")

    def events(self) -> Locator:
        """The rows of the tail."""
        return self.part("Events").locator("tbody tr")

    def filter(self, **fields: str) -> None:
        """Shows such events only."""
        for name, value in fields.items():
            self.part("Events").locator(f"input[name={name}]").fill(value)
        self.button("Filter").click()


@contextmanager
def desk(system: System, browser: Browser, email: str | None = None, **options: Any) -> Iterator[Desk]:
    """A desk in a new tab; what the browser complained about meanwhile fails the test.

    Args:
        system: whose desk.
        browser: where.
        email: who signs in at once; None: nobody.
        options: of the tab.
    """
    with tab(browser, **options) as fresh:
        found = Desk(system, fresh).open()
        if email is not None:
            found.sign_in(email).shows()
        yield found
        assert [text for text in fresh.complaints if not EXPLAINED.search(text)] == []

"""The learner's page as a person uses it, people, and their courses. It must not know what a test is after."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import PATIENCE_MILLISECONDS, Tab, tab
from tests.e2e.conftest import reachable_folder
from tests.system import System

PASSWORD = "a seat by the window"
EXPLAINED = re.compile(
    r"^Failed to load resource: (the server responded with a status of |net::ERR_(INTERNET|CONNECTION|EMPTY|NETWORK))"
    r"|^WebSocket connection to '[^']*' failed"
)
"""The console repeats every answer that is not 2xx or did not come; tests look at what the page makes of it."""

expect.set_options(timeout=PATIENCE_MILLISECONDS)


@dataclass(frozen=True)
class Course:
    """A published course."""

    course_id: str
    channel_id: str
    title: str


class Person:
    """Somebody who is registered and does things without a browser, all in one session."""

    def __init__(self, system: System, email: str, name: str) -> None:
        self.system, self.email, self.name = system, email, name
        registration = {"email": email, "password": PASSWORD, "display_name": name}
        answer = httpx2.post(f"{system.command}/v1/users", json=registration).raise_for_status()
        self.user_id: str = answer.json()["user_id"]
        self._token: str = self.signs_in()["access_token"]

    def does(self, method: str, path: str, content: Any = None) -> Any:
        """Sends a command that must succeed; returns what it answers."""
        for _ in range(2):
            headers = {"Authorization": f"Bearer {self._token}"}
            answer = httpx2.request(method, f"{self.system.command}{path}", json=content, headers=headers)
            if answer.status_code != 401:
                break
            self._token = self.signs_in()["access_token"]
        return answer.raise_for_status().json()

    def signs_in(self, password: str = PASSWORD) -> dict[str, Any]:
        """Begins a session; returns its tokens."""
        form = {"username": self.email, "password": password}
        answer = httpx2.post(f"{self.system.command}/v1/auth/token", data=form).raise_for_status()
        tokens: dict[str, Any] = answer.json()
        return tokens

    def publishes(self, title: str, description: str = "Wheels and levers.", **more: Any) -> Course:
        """Makes a course with a channel that everybody can find (more: `tags`, `capacity`)."""
        ids = self.does("POST", "/v1/courses", {"title": title, "description": description, **more})
        self.does("POST", f"/v1/courses/{ids['course_id']}/publish")
        return Course(ids["course_id"], ids["channel_id"], title)

    def enrols(self, course: Course) -> "Person":
        """Takes a seat."""
        self.does("POST", f"/v1/courses/{course.course_id}/enrollments")
        return self

    def says(self, channel_id: str, text: str) -> str:
        """Sends a message; returns its id."""
        message_id: str = self.does("POST", f"/v1/channels/{channel_id}/messages", {"text": text})["message_id"]
        return message_id


class Learner:
    """The page in a tab."""

    def __init__(self, system: System, within: Tab) -> None:
        self.system, self.tab = system, within
        self.page: Page = within.page

    def open(self, view: str = "") -> "Learner":
        """Goes to a view, such as `courses?q=engine`, `channels/<id>` or `settings`."""
        self.page.goto(f"{self.system.query}/#/{view}")
        return self

    def sign_in(self, email: str, password: str = PASSWORD) -> "Learner":
        """Fills the form in and sends it."""
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Password", exact=True).fill(password)
        self.main().get_by_role("button", name="Sign in").click()
        return self

    def register(self, name: str, email: str, password: str = PASSWORD) -> "Learner":
        """Fills the form of a newcomer in and sends it."""
        self.page.get_by_label("Your name").fill(name)
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Password", exact=True).fill(password)
        self.button("Create account").click()
        return self

    def is_in(self, person: Person) -> "Learner":
        """Waits until the page knows who is signed in."""
        expect(self.button(f"Account of {person.name}")).to_be_visible()
        return self

    def main(self) -> Locator:
        """The view, without the bar above it."""
        return self.page.get_by_role("main")

    def heading(self, name: str | re.Pattern[str]) -> Locator:
        """The heading of the view."""
        return self.page.get_by_role("heading", level=1, name=name)

    def button(self, name: str) -> Locator:
        """A button, by its whole name."""
        return self.page.get_by_role("button", name=name, exact=True)

    def link(self, name: str | re.Pattern[str]) -> Locator:
        """A link, by its whole name."""
        return self.page.get_by_role("link", name=name, exact=True)

    def dialog(self) -> Locator:
        """The open dialog."""
        return self.page.get_by_role("dialog")

    def card(self, course: Course) -> Locator:
        """A course on a shelf."""
        return self.page.locator(f"[data-course='{course.course_id}']")

    def is_dark(self) -> bool:
        """Whether the ground is dark."""
        ground: str = self.page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(int(number) for number in re.findall(r"\d+", ground)[:3]) < 3 * 128

    def said(self, text: str | re.Pattern[str]) -> Locator:
        """A notice at the edge of the page."""
        return self.page.get_by_role("status", name="Notices").get_by_text(text)


@contextmanager
def school(**environment: str) -> Iterator[System]:
    """A whole system, for the tests of one module."""
    with reachable_folder() as folder:
        found = System(folder / "data", **environment)
        try:
            yield found.start()
        finally:
            found.clean_up()


@contextmanager
def learner(
    system: System, browser: Browser, person: Person | None = None, view: str = "", **options: Any
) -> Iterator[Learner]:
    """The page in a new tab; what the browser complained about meanwhile fails the test.

    Args:
        system: whose page.
        browser: where.
        person: who signs in first; None: nobody.
        view: where to go then.
        options: of the tab.
    """
    with tab(browser, **options) as fresh:
        found = Learner(system, fresh)
        if person is None:
            found.open(view)
        else:
            found.open("sign-in").sign_in(person.email).is_in(person)
            if view:
                found.open(view)
        yield found
        assert [text for text in fresh.complaints if not EXPLAINED.search(text)] == []

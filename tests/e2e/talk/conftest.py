"""A whole system for each module, with two people in a course, and her chat in a tab of a real browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser import chromium
from tests.e2e.chat import Chat, chat
from tests.e2e.learner import Course, Person, school
from tests.system import System


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    with school(MIMO_RATE_LIMITS="off") as found:
        yield found


@pytest.fixture(scope="module")
def ada(system: System) -> Person:
    return Person(system, "ada@example.org", "Ada Lovelace")


@pytest.fixture(scope="module")
def bob(system: System) -> Person:
    return Person(system, "bob@example.org", "Charles Babbage")


@pytest.fixture
def course(ada: Person, bob: Person) -> Course:
    """A course that Ada teaches and Bob is in."""
    found = ada.publishes("The Analytical Engine")
    bob.enrols(found)
    return found


@pytest.fixture(scope="module")
def her_tab(system: System, browser: Browser, ada: Person) -> Iterator[Chat]:
    with chat(system, browser, ada) as found:
        yield found


@pytest.fixture
def hers(her_tab: Chat, course: Course) -> Chat:
    return her_tab.enter(course.channel_id)

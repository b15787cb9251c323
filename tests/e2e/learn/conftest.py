"""A whole system for each module, with a teacher, a course and a pupil, and the page in a tab of a real browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser import chromium
from tests.e2e.learner import Course, Learner, Person, learner, school
from tests.system import System


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    with school() as found:
        yield found


@pytest.fixture(scope="module")
def teacher(system: System) -> Person:
    return Person(system, "teacher@example.org", "Mary Somerville")


@pytest.fixture(scope="module")
def course(teacher: Person) -> Course:
    """A course that everybody finds and that nobody changes."""
    return teacher.publishes("The Analytical Engine", "What it **can** do.", tags=["engines"])


@pytest.fixture(scope="module")
def pupil(system: System, course: Course) -> Person:
    return Person(system, "pupil@example.org", "Ada Lovelace").enrols(course)


@pytest.fixture
def visitor(system: System, browser: Browser) -> Iterator[Learner]:
    """The page with nobody signed in."""
    with learner(system, browser) as found:
        yield found


@pytest.fixture
def page(system: System, browser: Browser, pupil: Person) -> Iterator[Learner]:
    """The page with the pupil signed in."""
    with learner(system, browser, pupil) as found:
        yield found

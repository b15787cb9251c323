"""The learner's page in a real browser, on a whole system: what somebody who wants to learn can do there."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import chromium
from tests.e2e.learner import PASSWORD, Learner, Person, learner, school
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


@pytest.fixture
def visitor(system: System, browser: Browser) -> Iterator[Learner]:
    """The page with nobody signed in."""
    with learner(system, browser) as found:
        yield found


def test_a_newcomer_registers_finds_a_course_enrols_and_is_in_its_channel(visitor: Learner, teacher: Person) -> None:
    course = teacher.publishes("Celestial mechanics", "Why the *moon* is where it is.", tags=["astronomy"], capacity=3)
    other = teacher.publishes("Drawing from nature")
    visitor.open("courses")
    visitor.page.get_by_label("Search courses").fill("celestial")
    expect(visitor.card(other)).to_have_count(0)
    expect(visitor.page).to_have_url(f"{visitor.system.query}/#/courses?q=celestial")
    visitor.card(course).get_by_role("link", name=course.title).click()
    expect(visitor.heading(course.title)).to_be_focused()
    expect(visitor.page).to_have_title("Celestial mechanics · mimo")
    expect(visitor.main().locator("em")).to_have_text("moon")
    visitor.link("Create one").click()
    visitor.page.get_by_label("Your name").fill("Charles Babbage")
    visitor.page.get_by_label("E-mail").fill("charles@example.org")
    visitor.page.get_by_label("Password", exact=True).fill(PASSWORD)
    visitor.button("Create account").click()
    expect(visitor.heading(course.title)).to_be_visible()
    expect(visitor.main()).to_contain_text("3 of 3 seats left")
    visitor.button("Enrol").click()
    expect(visitor.said("You are in “Celestial mechanics”.")).to_be_visible()
    expect(visitor.main()).to_contain_text("2 of 3 seats left")
    visitor.link("My courses").click()
    visitor.card(course).get_by_role("link", name=course.title).click()
    visitor.main().get_by_role("link", name="general").click()
    expect(visitor.page).to_have_url(f"{visitor.system.query}/#/channels/{course.channel_id}")

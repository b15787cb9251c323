"""The learner's page in a real browser, on a whole system: what those who learn and those who teach do there."""

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.accessibility import barriers
from tests.e2e.learner import Course, Learner, Person, learner
from tests.system import System
from tests.until import until

SCRIPT = "<img src=x onerror='window.harmed=1'><script>window.harmed=1</script>"
ON_A_SHELF = 24
"""Courses that the catalogue shows at once."""


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
    visitor.register("Charles Babbage", "charles@example.org")
    expect(visitor.heading(course.title)).to_be_visible()
    expect(visitor.main()).to_contain_text("3 of 3 seats left")
    visitor.button("Enrol").click()
    expect(visitor.said("You are in “Celestial mechanics”.")).to_be_visible()
    expect(visitor.main()).to_contain_text("2 of 3 seats left")
    visitor.link("My courses").click()
    visitor.card(course).get_by_role("link", name=course.title).click()
    visitor.main().get_by_role("link", name="general").click()
    expect(visitor.page).to_have_url(f"{visitor.system.query}/#/channels/{course.channel_id}")
    visitor.page.reload()
    expect(visitor.page.locator(f"[data-room='{course.channel_id}'][aria-current=page]")).to_be_attached()


def test_who_cannot_enrol_is_told_why_and_can_once_a_seat_is_free(
    page: Learner, system: System, teacher: Person
) -> None:
    course = teacher.publishes("Music and numbers", capacity=1)
    other = Person(system, "other@example.org", "Other").enrols(course)
    page.open(f"courses/{course.course_id}")
    expect(page.main()).to_contain_text("Every seat is taken.")
    expect(page.button("Enrol")).to_have_count(0)
    other.does("DELETE", f"/v1/courses/{course.course_id}/enrollments/me")
    page.page.reload()
    page.button("Enrol").click()
    expect(page.main()).to_contain_text("The only seat is taken")
    page.button("Leave this course").click()
    page.dialog().get_by_role("button", name="Cancel").click()
    expect(page.button("Leave this course")).to_be_focused()
    page.button("Leave this course").click()
    page.dialog().get_by_role("button", name="Leave").click()
    expect(page.button("Enrol")).to_be_visible()
    page.link("My courses").click()
    expect(page.page.locator("[data-course]").first).to_be_visible()
    expect(page.card(course)).to_have_count(0)


def test_a_teacher_drafts_publishes_changes_and_archives_a_course(
    system: System, browser: Browser, teacher: Person, pupil: Person
) -> None:
    with learner(system, browser, teacher, "courses/new") as page:
        fill = {
            "Title": "Reading ciphers",
            "Description": "From *Caesar* on.",
            "Tags": "puzzles, languages",
            "Seats": "0",
        }
        for label, text in fill.items():
            page.page.get_by_label(label).fill(text)
        page.button("Save the draft").click()
        expect(page.page.get_by_label("Seats")).to_have_accessible_description(re.compile("At least 1"))
        page.page.get_by_label("Seats").fill("12")
        page.button("Save the draft").click()
        expect(page.heading("Reading ciphers")).to_be_visible()
        page.button("Publish").click()
        expect(page.main()).to_contain_text("It is in the catalogue")
        course = Course(page.page.url.rsplit("/", 1)[1], "", "Reading ciphers")
        pupil.enrols(course)
        page.button("Who is enrolled").click()
        expect(page.dialog()).to_contain_text(pupil.name)
        page.page.keyboard.press("Escape")
        page.button("Open a channel").click()
        page.dialog().get_by_label("Name").fill("Homework")
        page.dialog().get_by_role("button", name="Open it").click()
        expect(page.main().get_by_role("link", name="Homework")).to_be_visible()
        page.link("Edit").click()
        page.page.get_by_label("Title").fill("Reading and writing ciphers")
        page.button("Save changes").click()
        expect(page.heading("Reading and writing ciphers")).to_be_visible()
        page.button("Archive").click()
        page.dialog().get_by_role("button", name="Archive").click()
        expect(page.main()).to_contain_text("Nobody can enrol any more.")
        page.link("My courses").click()
        expect(page.card(course)).to_contain_text("Archived")


def test_who_is_in_a_course_sees_what_is_unread(page: Learner, course: Course, teacher: Person) -> None:
    page.open("my-courses")
    expect(page.card(course)).to_be_visible()
    teacher.says(course.channel_id, "Good morning")
    teacher.says(course.channel_id, "Has anybody got the table?")
    expect(page.card(course)).to_contain_text("2 unread messages")
    expect(page.page.get_by_role("navigation", name="Main")).to_contain_text("2 unread messages")
    page.card(course).get_by_role("link", name=course.title).click()
    expect(page.main().get_by_role("link", name="general")).to_contain_text("2 unread messages")


def test_the_catalogue_goes_on_and_whoever_comes_back_is_where_they_were(page: Learner, teacher: Person) -> None:
    for number in range(ON_A_SHELF + 6):
        teacher.publishes(f"Lesson {number}", tags=["series"])
    page.open("courses?tag=series")
    cards = page.page.locator("[data-course]")
    expect(cards.first).to_be_visible()
    page.page.mouse.wheel(0, 20_000)
    expect(cards).to_have_count(ON_A_SHELF + 6)
    first = cards.last.get_by_role("link", name="Lesson 0")
    first.click()
    expect(page.heading("Lesson 0")).to_be_focused()
    page.page.go_back()
    expect(first).to_be_in_viewport()
    page.link(re.compile("^series")).first.click()
    expect(page.page).to_have_url(f"{page.system.query}/#/courses")


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (360, True)])
def test_every_view_can_be_used_by_everybody(
    system: System, browser: Browser, teacher: Person, course: Course, width: int, dark: bool
) -> None:
    teacher.publishes("W" * 60 + " " + "long words", "x" * 400, tags=["w" * 40])
    with learner(system, browser, width=width, height=800, dark=dark) as page:

        def looks_well(heading: str) -> None:
            expect(page.heading(heading)).to_be_visible()
            expect(page.page.locator(".sketch")).to_have_count(0)
            assert page.page.get_by_role("heading", level=1).count() == 1
            assert barriers(page.page) == []
            assert not page.tab.is_too_wide()

        page.page.emulate_media(reduced_motion="reduce")  # what is half faded in has no colour to judge
        assert page.is_dark() is dark
        looks_well("What would you like to learn?")
        page.open("register")
        page.button("Create account").click()
        expect(page.page.locator("[aria-invalid=true]").first).to_be_visible()
        looks_well("Create an account")
        page.open("my-courses")
        looks_well("Welcome back")
        page.sign_in(teacher.email).is_in(teacher)
        looks_well("My courses")
        for view, heading in (
            ("courses?q=nothing+like+it", "Courses"),
            ("courses/new", "Create a course"),
            (f"courses/{course.course_id}/edit", "Edit the course"),
            ("settings", "Settings"),
            ("nowhere", "There is no such page"),
            (f"courses/{teacher.user_id}", "There is no such course"),
            ("messages", "Messages"),
            (f"channels/{course.channel_id}", "general"),
            (f"courses/{course.course_id}", course.title),
        ):
            page.open(view)
            looks_well(heading)
        page.button("Account of Mary Somerville").click()
        page.button("Open a channel").click()
        looks_well(course.title)


def test_it_gets_over_apis_that_are_away(page: Learner, system: System, course: Course) -> None:
    banner = page.page.get_by_text(re.compile("You are offline|mimo does not answer"))
    page.tab.context.set_offline(True)
    expect(banner).to_be_visible()
    page.link("My courses").click()
    expect(page.page.get_by_role("alert")).to_contain_text("Your courses cannot be shown.")
    page.tab.context.set_offline(False)
    expect(page.card(course)).to_be_visible()
    expect(banner).to_have_count(0)
    system.part("query_api").kill()
    system.part("command_api").kill()
    page.link("Courses").click()
    expect(banner).to_be_visible()
    until(system.is_ready, "both APIs are back")
    expect(page.page.locator("[data-course]").first).to_be_visible()
    expect(banner).to_have_count(0)


def test_text_that_people_wrote_is_only_text(system: System, browser: Browser) -> None:
    person = Person(system, "script@example.org", SCRIPT[:80])
    course = person.publishes(SCRIPT, SCRIPT, tags=[SCRIPT[:40]])
    with learner(system, browser, person, f"courses/{course.course_id}") as page:
        expect(page.heading(SCRIPT)).to_be_visible()
        expect(page.main()).to_contain_text(f"By {SCRIPT[:80]}")
        page.open("courses")
        expect(page.card(course)).to_contain_text("<script>")
        page.open(f"courses?q={SCRIPT}")
        expect(page.page.get_by_label("Search courses")).to_have_value(SCRIPT)
        assert page.page.evaluate("window.harmed") is None
        assert page.page.locator("main img").count() == 0

"""Getting into the learner's page and out of it, in a real browser: registering, sessions, settings, by keyboard."""

import re

import httpx2
from playwright.sync_api import Browser, expect

from tests.e2e.learner import PASSWORD, Course, Learner, Person, learner
from tests.system import System

MANY = 80
"""Steps that no way by keyboard takes."""
FOCUSED = "document.activeElement.ariaLabel ?? document.activeElement.innerText"
GUESSES = 25
"""Wrong passwords, more than one may try in a minute."""


def test_what_is_wrong_with_a_form_stands_at_its_fields(visitor: Learner, pupil: Person) -> None:
    visitor.open("register")
    visitor.register("", "nobody", "password")
    name, email, password = (
        visitor.page.get_by_label(label, exact=True) for label in ("Your name", "E-mail", "Password")
    )
    for field, said in ((name, "Please fill this in."), (email, "This is no e-mail address.")):
        expect(field).to_have_accessible_description(re.compile(re.escape(said)))
        expect(field).to_have_attribute("aria-invalid", "true")
    expect(name).to_be_focused()
    visitor.register("Ada", pupil.email, "password")
    expect(password).to_have_accessible_description(re.compile("common|guess", re.IGNORECASE))
    visitor.button("Show password").click()
    expect(password).to_have_attribute("type", "text")
    visitor.register("Ada", pupil.email)
    expect(email).to_have_accessible_description(re.compile("already has an account"))
    expect(email).to_be_focused()


def test_a_wrong_password_is_told_and_so_is_how_long_to_wait_after_many(visitor: Learner, system: System) -> None:
    Person(system, "forgetful@example.org", "Forgetful")
    visitor.open("sign-in").sign_in("forgetful@example.org", "not the password")
    expect(visitor.page.get_by_role("alert")).to_have_text("The e-mail address or the password is wrong.")
    form = {"username": "forgetful@example.org", "password": "not the password"}
    for _ in range(GUESSES):
        httpx2.post(f"{system.command}/v1/auth/token", data=form)
    visitor.sign_in("forgetful@example.org")
    expect(visitor.page.get_by_role("alert")).to_contain_text(re.compile(r"In \d+ seconds you can try again\."))


def test_a_session_that_was_ended_elsewhere_is_said_to_be_over_and_one_goes_on_where_one_was(
    page: Learner, course: Course, pupil: Person
) -> None:
    page.open(f"courses/{course.course_id}")
    expect(page.heading(course.title)).to_be_visible()
    pupil.does("POST", "/v1/auth/logout?scope=global")
    expect(page.page.get_by_role("alert")).to_have_text("Your session has ended. Sign in again.")
    page.sign_in(pupil.email).is_in(pupil)
    expect(page.heading(course.title)).to_be_visible()


def test_settings_are_kept(system: System, browser: Browser) -> None:
    person, new = Person(system, "settings@example.org", "Augusta"), "another seat by the door"
    with learner(system, browser, person, "settings") as page, learner(system, browser, person) as elsewhere:
        page.page.reload()
        other_sessions = page.page.get_by_role("button", name=re.compile("^End it"))
        expect(other_sessions).to_have_count(2)
        other_sessions.first.click()
        expect(elsewhere.page.get_by_role("alert")).to_have_text("Your session has ended. Sign in again.")
        expect(other_sessions).to_have_count(1)
        page.page.get_by_label("Your name").fill("Augusta Ada")
        page.button("Save the name").click()
        expect(page.button("Account of Augusta Ada")).to_be_visible()
        page.page.get_by_role("radio", name="Dark").check()
        assert page.is_dark()
        page.page.get_by_label("Current password", exact=True).fill("not the password")
        page.page.get_by_label("New password", exact=True).fill(new)
        page.button("Change the password").click()
        current = page.page.get_by_label("Current password", exact=True)
        expect(current).to_have_accessible_description(re.compile("wrong"))
        current.fill(PASSWORD)
        page.button("Change the password").click()
        expect(page.said(re.compile("Your password is changed"))).to_be_visible()
        expect(other_sessions).to_have_count(0)
        page.page.reload()
        expect(page.heading("Settings")).to_be_visible()
        assert page.is_dark()
        page.button("Sign out everywhere").click()
        expect(page.link("Sign in")).to_be_visible()
        elsewhere.sign_in(person.email, new)
        expect(elsewhere.button("Account of Augusta Ada")).to_be_visible()


def test_an_account_is_deleted_by_its_owner(system: System, browser: Browser) -> None:
    person = Person(system, "farewell@example.org", "Farewell")
    with learner(system, browser, person, "settings") as page:
        page.button("Delete my account").click()
        page.dialog().get_by_role("textbox").fill("another@example.org")
        page.dialog().get_by_role("button", name="Delete for good").click()
        expect(page.dialog().get_by_role("textbox")).to_have_accessible_description("This is not your address.")
        page.dialog().get_by_role("textbox").fill(person.email)
        page.dialog().get_by_role("button", name="Delete for good").click()
        expect(page.said("Your account is deleted.")).to_be_visible()
        page.open("sign-in").sign_in(person.email)
        expect(page.page.get_by_role("alert")).to_contain_text("wrong")


def test_everything_can_be_done_by_keyboard(system: System, browser: Browser, teacher: Person) -> None:
    course = teacher.publishes("By keyboard alone")
    person = Person(system, "keys@example.org", "Keys")
    with learner(system, browser, None, f"courses/{course.course_id}") as found:
        press = found.page.keyboard.press

        def go_to(name: str) -> None:
            passed: list[str] = []
            while name not in passed:
                press("Tab")
                passed.append(found.page.evaluate(FOCUSED).strip())
                assert len(passed) < MANY, passed

        expect(found.heading(course.title)).to_be_visible()
        go_to("Skip to the content")
        press("Enter")
        go_to("Sign in to enrol")
        press("Enter")
        expect(found.page.get_by_label("E-mail")).to_be_focused()
        found.page.keyboard.type(person.email)
        press("Tab")
        found.page.keyboard.type(PASSWORD)
        press("Enter")
        found.is_in(person)
        expect(found.heading(course.title)).to_be_focused()  # the view is there, and will not take the focus any more
        go_to("Enrol")
        press("Enter")
        expect(found.button("Leave this course")).to_be_visible()
        go_to("Leave this course")
        press("Enter")
        expect(found.dialog().get_by_role("button", name="Cancel")).to_be_focused()
        press("Escape")
        expect(found.button("Leave this course")).to_be_focused()
        go_to("Account of Keys")
        press("Enter")
        go_to("Settings")
        press("Escape")
        expect(found.button("Account of Keys")).to_be_focused()
        press("Enter")
        go_to("Sign out")
        press("Enter")
        expect(found.link("Sign in")).to_be_visible()

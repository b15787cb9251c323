"""The operators' desk in a real browser, on a whole system: what operators see there, and what they can do."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, expect

from projectors.views import PROJECTIONS
from tests.browser import chromium
from tests.e2e.conftest import reachable_folder
from tests.e2e.desk import PASSWORD, Desk, Member, admin, desk, park, registered
from tests.system import System
from tests.until import until

SCRIPT = "<img src=x onerror='window.harmed=1'><script>window.harmed=1</script>"
TOKEN_SECONDS = 10
MANY = 60
"""Steps that no way by keyboard takes."""
SHOWN = 100
"""Events that the page shows unless one asks for older ones."""
STORED = "JSON.stringify([{...localStorage}, {...sessionStorage}])"
HIDE = """hidden => {
    Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});
    document.dispatchEvent(new Event('visibilitychange'));
}"""
RATES = """async samples => {
    const { Rates } = await import('/web/ops/rates.js');
    const rates = new Rates();
    for (const { at, build, applied } of samples)
        rates.add({ at: new Date(1e12 + at * 1000).toISOString(), log_id: 'l', position: 0, relay: { noted_at: null },
                    projections: [{ name: 'view', version: 1, generation: build, applied, lag_seconds: 0 }] });
    return rates.rates('view');
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    """A system whose access tokens end while one looks."""
    with reachable_folder() as folder:
        found = System(folder / "data", MIMO_ACCESS_TOKEN_SECONDS=str(TOKEN_SECONDS))
        try:
            yield found.start()
        finally:
            found.clean_up()


@pytest.fixture(scope="module")
def operator(system: System) -> str:
    """An admin who tries what a name can do to the page."""
    return admin(system, "operator@example.org", SCRIPT)


@pytest.fixture(scope="module")
def teacher(system: System) -> Member:
    return registered(system, "teacher@example.org", "Teacher")


@pytest.fixture(scope="module")
def long_stream(teacher: Member) -> str:
    """The stream of a course with more events than the page shows, which take their time at one a second."""
    course = teacher.writes_course()["course_id"]
    with teacher.signed_in() as client:
        for number in range(SHOWN):
            client.patch(f"/v1/courses/{course}", json={"title": f"Engines {number}"}).raise_for_status()
    return f"course-{course}"


@pytest.fixture
def page(system: System, browser: Browser, operator: str) -> Iterator[Desk]:
    """The desk, with the operator signed in."""
    with desk(system, browser, operator) as found:
        yield found


def number_in(text: str) -> int:
    """The number that a text of the page says."""
    return int("".join(character for character in text if character.isdigit()))


def test_the_picture_moves_when_something_happens(page: Desk, teacher: Member) -> None:
    position = page.page.locator("[data-position]").first
    before = number_in(position.inner_text())
    teacher.writes_course()
    until(lambda: number_in(position.inner_text()) >= before + 2, "the position of the log grows")
    for name in (projection.name for projection in PROJECTIONS):
        expect(page.box(name)).to_contain_text("Keeps up")
    expect(page.box("courses")).to_contain_text("0 events, 0 s behind")
    expect(page.page.locator("canvas")).to_have_count(2)
    for title in ("Events a second", "Behind the log"):
        said = re.compile(rf"^{title}, the last five minutes\. Now: .*messages [0-9]")
        expect(page.page.get_by_role("img", name=said)).to_be_visible()


def test_the_processes_of_the_system_and_their_state_are_shown(page: Desk) -> None:
    for part in ("command API", "query API", "projector", "operations worker"):
        row = page.part("Processes").locator(f"[data-part='{part}'][data-state=ready]")
        expect(row).to_contain_text("Ready")


def test_events_arrive_are_filtered_and_opened(page: Desk, teacher: Member) -> None:
    first = teacher.writes_course()
    expect(page.events().filter(has_text=f"course-{first['course_id']}")).to_have_count(1)
    page.filter(type="CourseCreated", stream=f"course-{first['course_id']}")
    expect(page.events()).to_have_count(1)
    teacher.writes_course()  # another stream
    teacher.does(f"/v1/courses/{first['course_id']}/publish")  # another type
    page.events().get_by_role("button").click()
    event = page.dialog()
    expect(event).to_contain_text("CourseCreated")
    expect(event.locator("pre")).to_contain_text('"description": "Wheels and levers."')
    event.get_by_role("button", name="Only this stream").click()
    expect(page.dialog()).to_have_count(0)
    expect(page.events()).to_have_count(2)
    expect(page.events().first).to_contain_text("CoursePublished")
    page.filter(stream="course-none")
    expect(page.part("Events")).to_contain_text("No such event yet.")
    page.button("All").click()
    expect(page.events().nth(3)).to_be_visible()


def test_older_events_are_there_on_demand(page: Desk, long_stream: str) -> None:
    page.filter(stream=long_stream)
    expect(page.events()).to_have_count(SHOWN)
    expect(page.events().last).to_contain_text("CourseChanged")
    page.button("Further back").click()
    expect(page.events()).to_have_count(SHOWN + 1)
    expect(page.events().last).to_contain_text("CourseCreated")
    expect(page.button("Hold still")).to_have_attribute("aria-pressed", "true")


def test_the_tail_stands_still_on_demand(page: Desk, teacher: Member) -> None:
    expect(page.events().first).to_be_visible()
    page.button("Hold still").click()
    shown = page.events().first.inner_text()
    position = page.page.locator("[data-position]").first
    before = number_in(position.inner_text())
    course = teacher.writes_course()
    until(lambda: number_in(position.inner_text()) > before, "the picture goes on")
    assert page.events().first.inner_text() == shown
    page.button("Hold still").click()
    expect(page.events().filter(has_text=f"course-{course['course_id']}")).to_have_count(1)


def test_a_view_is_verified_replayed_rolled_back_and_a_build_is_dropped(page: Desk) -> None:
    page.button("Verify users").click()
    expect(page.operation("verify users", "done")).to_contain_text("equal")

    live = page.projection("users").locator(".generation").first
    old = live.locator("code").inner_text()
    page.button("Replay users").click()
    page.dialog().get_by_label("Processes").fill("2")
    page.dialog().get_by_role("button", name="Replay").click()
    expect(page.dialog()).to_have_count(0)
    expect(page.operation("replay users", "done")).to_contain_text("jobs 2")
    expect(page.operation("replay users", "done")).to_contain_text("(you)")
    expect(live).not_to_contain_text(old)
    new = live.locator("code").inner_text()

    page.button(f"Show {old} to readers").click()
    page.dialog().get_by_role("button", name="Show it").click()
    expect(page.operation("rollback users", "done")).to_have_count(1)
    expect(live).to_contain_text(old)

    page.button(f"Drop {new}").click()
    page.dialog().get_by_role("button", name="Leave it").click()
    expect(page.dialog()).to_have_count(0)
    expect(page.projection("users")).to_contain_text(new)
    page.button(f"Drop {new}").click()
    page.dialog().get_by_role("button", name="Drop").click()
    expect(page.operation("drop users", "done")).to_have_count(1)
    expect(page.projection("users")).not_to_contain_text(new)


@pytest.mark.usefixtures("long_stream")
def test_what_goes_on_has_a_bar_and_can_be_stopped(page: Desk) -> None:
    page.button("Replay courses").click()
    page.dialog().get_by_label("Events a second at most").fill("1")
    page.dialog().get_by_role("button", name="Replay").click()
    underway = page.projection("courses").locator(".progress")
    expect(underway.get_by_role("progressbar")).to_be_visible()
    expect(page.button("Replay courses")).to_be_disabled()
    underway.get_by_role("button", name="Stop: Replay courses").click()
    expect(page.operation("replay courses", "cancelled").first).to_contain_text("Stopped at the desk.")
    expect(page.button("Replay courses")).to_be_enabled()


def test_what_is_parked_is_seen_and_discarded_with_its_number(page: Desk, system: System, teacher: Member) -> None:
    expect(page.part("Parked")).to_contain_text("No event is parked.")
    course = teacher.writes_course()["course_id"]
    teacher.does(f"/v1/courses/{course}/publish")
    park(system, course)
    row = page.part("Parked").get_by_role("row").filter(has_text=course)
    expect(row).to_contain_text("2 events, the first a CourseCreated")
    row.get_by_role("button", name="CourseCreated", exact=True).click()
    expect(page.dialog().locator("pre")).to_contain_text("Engines")
    page.page.keyboard.press("Escape")
    page.button(f"Discard courses, key {course}").click()
    page.dialog().get_by_role("button", name="Discard 2 events").click()
    expect(page.operation("discard-parked courses", "done")).to_have_count(1)
    expect(page.part("Parked")).to_contain_text("No event is parked.")


@pytest.mark.usefixtures("long_stream")
def test_what_is_refused_is_said_in_a_sentence(page: Desk, system: System, browser: Browser, operator: str) -> None:
    with desk(system, browser, operator) as colleague:
        for one in (page, colleague):
            one.button("Replay courses").click()
            one.dialog().get_by_label("Events a second at most").fill("1")
        page.dialog().get_by_role("button", name="Replay").click()
        expect(page.operation("replay courses", "underway")).to_have_count(1)
        colleague.dialog().get_by_role("button", name="Replay").click()
        expect(colleague.dialog().get_by_role("alert")).to_contain_text(re.compile(r"\w+ \w+ .*\."))
        colleague.page.keyboard.press("Escape")
        page.button("Stop: Replay courses").first.click()
        expect(colleague.operation("replay courses", "underway")).to_have_count(0)


def test_who_is_no_admin_or_has_no_password_is_told_so(system: System, browser: Browser, teacher: Member) -> None:
    with desk(system, browser) as found:
        found.sign_in(teacher.email)
        expect(found.page.get_by_role("alert")).to_have_text("The desk is for admins, and teacher@example.org is none.")
        found.sign_in(teacher.email, "not the password")
        expect(found.page.get_by_role("alert")).to_have_text("The e-mail address or the password is wrong.")
        expect(found.box("log")).to_have_count(0)


def test_everything_can_be_done_by_keyboard(system: System, browser: Browser, operator: str) -> None:
    with desk(system, browser) as found:
        press, focused = found.page.keyboard.press, found.page.locator(":focus")
        expect(found.page.get_by_label("E-mail")).to_be_focused()
        found.page.keyboard.type(operator)
        press("Tab")
        found.page.keyboard.type(PASSWORD)
        press("Enter")
        found.shows()
        passed: list[str] = []
        while "Replay messages" not in passed:
            press("Tab")
            passed.append(focused.get_attribute("aria-label") or focused.inner_text())
            assert len(passed) < MANY, passed
        assert {"To the content", "Operations", "Sign out"} <= set(passed)
        press("Enter")
        expect(found.dialog().get_by_label("Processes")).to_be_focused()
        press("Escape")
        expect(found.dialog()).to_have_count(0)
        expect(found.button("Replay messages")).to_be_focused()
        upper, lower = (row.get_by_role("button").get_attribute("data-event") for row in found.events().all()[:2])
        found.page.locator(f"[data-event='{upper}']").focus()
        press("ArrowDown")
        expect(found.page.locator(f"[data-event='{lower}']")).to_be_focused()
        press("Enter")
        expect(found.dialog().get_by_role("button", name="Close")).to_be_focused()


def test_a_phone_needs_no_scrolling_sideways(system: System, browser: Browser, operator: str) -> None:
    with desk(system, browser, width=360, height=740, dark=True) as found:
        assert not found.tab.is_too_wide()
        found.sign_in(operator).shows()
        expect(found.events().first).to_be_visible()
        expect(found.part("Processes").locator("tbody tr").first).to_be_visible()
        assert not found.tab.is_too_wide()
        found.events().get_by_role("button").first.click()
        expect(found.dialog().locator("pre")).to_be_visible()
        assert not found.tab.is_too_wide()


def test_it_gets_over_an_api_that_is_away(page: Desk, system: System, teacher: Member) -> None:
    banner = page.page.get_by_text("The query API is away.")
    page.tab.context.set_offline(True)
    expect(banner).to_be_visible()
    expect(page.page.get_by_text("Away", exact=True)).to_be_visible()
    expect(page.box("log")).to_be_visible()
    page.tab.context.set_offline(False)
    expect(banner).to_have_count(0)
    system.part("query_api").kill()
    system.part("command_api").kill()
    until(system.is_ready, "both APIs are back")
    course = teacher.writes_course()
    expect(page.events().filter(has_text=f"course-{course['course_id']}")).to_have_count(1)
    expect(banner).to_have_count(0)


def test_nothing_is_asked_while_nobody_looks(
    page: Desk, system: System, browser: Browser, operator: str, teacher: Member
) -> None:
    def shown(where: Desk, course: dict[str, str]) -> Locator:
        return where.events().filter(has_text=f"course-{course['course_id']}")

    with desk(system, browser, operator) as colleague:
        page.page.evaluate(HIDE, True)
        expect(shown(colleague, teacher.writes_course())).to_have_count(1)  # what was on its way has come by then
        course = teacher.writes_course()
        expect(shown(colleague, course)).to_have_count(1)
        assert shown(page, course).count() == 0
        page.page.evaluate(HIDE, False)
        expect(shown(page, course)).to_have_count(1)


def test_rates_are_taken_within_one_build_and_not_across_a_gap(page: Desk) -> None:
    quiet, moving, far = {"at": 0, "build": 1, "applied": 0}, {"at": 4, "build": 1, "applied": 40}, 100
    switched, later = {"at": 5, "build": 2, "applied": 41}, {"at": 7, "build": 2, "applied": 61}
    afterwards = [{"at": far, "build": 2, "applied": 900}, {"at": far + 2, "build": 2, "applied": 906}]
    rates = page.page.evaluate(RATES, [quiet, moving, switched, later, *afterwards])
    assert rates == [None, 10, None, 10, None, None, 3], "the fifth was put in to break the line"


def test_nobody_is_signed_out_by_the_end_of_a_token_or_by_a_reload(page: Desk) -> None:
    with page.page.expect_response(re.compile("/v1/auth/refresh"), timeout=3_000 * TOKEN_SECONDS) as renewed:
        assert page.page.evaluate(STORED) == "[{},{}]", "tokens are in memory only"
    assert renewed.value.status == 200
    page.page.reload()
    page.shows()
    assert page.page.evaluate(STORED) == "[{},{}]", "what carried the session over is used up"
    page.button("Sign out").click()
    expect(page.page.get_by_label("E-mail")).to_be_visible()
    page.page.reload()
    expect(page.page.get_by_label("E-mail")).to_be_visible()


def test_a_session_that_was_ended_elsewhere_is_said_to_be_over(page: Desk, operator: str) -> None:
    with Member(page.system, operator).signed_in() as elsewhere:
        elsewhere.post("/v1/auth/logout?scope=global").raise_for_status()
    expect(page.page.get_by_role("alert")).to_have_text("Your session has ended. Sign in again.")
    page.sign_in(operator).shows()


def test_text_that_people_wrote_is_only_text(page: Desk, teacher: Member) -> None:
    course = teacher.writes_course(title=SCRIPT)
    page.filter(stream=f"course-{course['course_id']}")
    page.events().get_by_role("button").last.click()
    expect(page.dialog().locator("pre")).to_contain_text("<script>window.harmed=1</script>")
    page.page.keyboard.press("Escape")
    page.filter(stream=SCRIPT)
    expect(page.part("Events").get_by_role("alert")).to_be_visible()
    page.button("Verify messages").click()
    expect(page.operation("verify messages", "done")).to_contain_text(f"{SCRIPT} (you)")
    assert page.page.evaluate("window.harmed") is None
    assert page.page.locator("img[src]").count() == 0

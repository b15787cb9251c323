"""The chat in a real browser, on a whole system: people who talk, also while the network comes and goes."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import chromium
from tests.e2e.chat import Chat, chat
from tests.e2e.learner import Course, Person, school
from tests.system import System
from tests.until import until

MANY = 120
"""Messages: more than two pages."""
TOP_OF = "one => one.getBoundingClientRect().top"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    with school() as found:
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


@pytest.fixture
def hers(system: System, browser: Browser, ada: Person, course: Course) -> Iterator[Chat]:
    with chat(system, browser, ada, course.channel_id) as found:
        yield found


@pytest.fixture
def his(system: System, browser: Browser, bob: Person, course: Course) -> Iterator[Chat]:
    with chat(system, browser, bob, course.channel_id) as found:
        yield found


def test_two_people_see_each_other_write_change_and_delete(hers: Chat, his: Chat) -> None:
    expect(hers.page.locator("[data-here='2']")).to_be_visible()
    his.composer().press_sequentially("Good m")
    expect(hers.page.locator("[data-typing]")).to_have_text(re.compile("Charles Babbage is writing"))
    his.composer().press_sequentially("orning, *Ada*")
    his.composer().press("Enter")
    expect(hers.message("Good morning").locator("em")).to_have_text("Ada")
    expect(hers.page.locator("[data-typing]")).to_have_text("")
    expect(hers.page.locator("[data-announced]")).to_have_text("Charles Babbage: Good morning, Ada")
    expect(his.pending()).to_have_count(0)

    his.composer().press("ArrowUp")
    expect(his.composer()).to_have_value("Good morning, *Ada*")
    his.composer().fill("Good evening, Ada")
    his.composer().press("Enter")
    expect(hers.message("Good evening")).to_contain_text("edited")
    his.write("<b>Second</b>")
    expect(hers.message("<b>Second</b>")).to_be_visible()

    his.chooses(his.message("Good evening"), "Delete …")
    his.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(hers.message("This message was deleted.")).to_have_count(1)
    assert hers.texts() == his.texts() == ["<b>Second</b>"]


def test_nothing_is_lost_or_doubled_while_one_has_no_network(hers: Chat, his: Chat) -> None:
    his.write("before")
    expect(hers.message("before")).to_be_visible()
    his.learner.tab.context.set_offline(True)
    offline = his.page.get_by_role("status").filter(has_text="You are offline.").first
    expect(offline).to_be_visible()
    expect(hers.page.locator("[data-here='1']")).to_be_visible()
    for number in range(3):
        his.write(f"his {number}")
        hers.write(f"hers {number}")
    expect(his.pending()).to_have_count(3)
    expect(his.pending().first).to_contain_text("Waits for the network")
    expect(hers.message("hers 2")).to_be_visible()
    assert hers.message("his").count() == 0
    his.learner.tab.context.set_offline(False)
    expect(offline).to_have_count(0)
    wanted = ["before", "hers 0", "hers 1", "hers 2", "his 0", "his 1", "his 2"]
    for one in (hers, his):
        until(lambda one=one: one.texts() == wanted, f"{one.person.name} has everything")  # type: ignore[misc]
        expect(one.pending()).to_have_count(0)


def test_what_could_not_be_sent_survives_a_reload(his: Chat, hers: Chat, course: Course) -> None:
    his.page.route("**/v1/channels/*/messages", lambda route: route.abort("connectionfailed"))
    his.write("kept")
    expect(his.pending()).to_contain_text("Waits for the network")
    his.page.unroute("**/v1/channels/*/messages")
    his.page.reload()
    expect(hers.message("kept")).to_have_count(1)
    expect(his.message("kept")).to_have_count(1)
    expect(his.pending()).to_have_count(0)
    assert his.page.evaluate("Object.keys({...sessionStorage})") == []


def test_older_ones_come_on_the_way_up_and_the_place_is_kept(
    system: System, browser: Browser, ada: Person, bob: Person, course: Course
) -> None:
    for number in range(MANY):
        bob.says(course.channel_id, f"line {number} of many")
    with chat(system, browser, ada, course.channel_id) as hers:
        box = hers.page.get_by_role("region", name="Messages in general")
        expect(hers.message(f"line {MANY - 1} of")).to_be_visible()
        assert len(hers.texts()) < MANY
        assert hers.page.locator("[data-divider]").count() == 1
        box.evaluate("one => one.scrollTop = 400")
        here = hers.message("line 75 of")
        before = here.evaluate(TOP_OF)
        expect(hers.message("line 25 of")).to_have_count(1)
        assert abs(here.evaluate(TOP_OF) - before) < 2, "older ones push nothing away"
        until(lambda: box.evaluate("one => one.scrollTop = 0") or len(hers.texts()) == MANY, "all of them are there")
        assert hers.texts() == [f"line {number} of many" for number in range(MANY)]
        bob.says(course.channel_id, "news from below")
        newest = hers.page.get_by_role("button", name="1 new message")
        expect(newest).to_be_visible()
        newest.click()
        expect(hers.message("news from below")).to_be_in_viewport()
        expect(newest).to_have_count(0)


def test_what_is_unread_is_right_on_every_device(
    system: System, browser: Browser, ada: Person, bob: Person, course: Course
) -> None:
    bob.says(course.channel_id, "one")
    with chat(system, browser, ada) as phone, chat(system, browser, ada) as desk:
        badge = phone.room(course.channel_id).locator(".badge")
        expect(badge).to_contain_text("1 unread message")
        bob.says(course.channel_id, f"two, <@{ada.user_id}>")
        for device in (phone, desk):
            expect(device.room(course.channel_id)).to_contain_text("2 unread messages")
            expect(device.room(course.channel_id)).to_contain_text("mentions you")
        desk.enter(course.channel_id)
        desk.page.bring_to_front()
        expect(desk.page.locator("[data-divider]")).to_be_visible()
        expect(desk.page.locator(".mention.mine")).to_have_text("@Ada Lovelace")
        for device in (phone, desk):
            expect(device.room(course.channel_id).locator(".badge")).to_have_count(0)
        desk.learner.open("messages")
        bob.says(course.channel_id, "three")
        for device in (phone, desk):
            expect(device.room(course.channel_id)).to_contain_text("1 unread message")

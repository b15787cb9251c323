"""The chat in a real browser, for everybody and against some: by keyboard, on a phone, and with what people write to do
harm.
"""

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.accessibility import barriers
from tests.e2e.chat import Chat, chat
from tests.e2e.learner import Course, Person
from tests.system import System
from tests.unit.payloads import MARKUP, SCRIPT_ADDRESSES

HARM = "[window.harmed, document.querySelectorAll('script:not([src]), iframe, object, embed, base').length]"
TAGS = """found => [...new Set(found.flatMap(one => [...one.querySelectorAll('*')].map(node => node.tagName)))]"""
HANDLERS = """() => [...document.querySelectorAll('*')].flatMap(one => [...one.attributes])
    .filter(({ name, value }) => name.startsWith('on') || /^\\s*(javascript|data|vbscript|blob):/i.test(value))
    .map(({ name, value }) => `${name}=${value}`)"""
ALLOWED = {"P", "BR", "STRONG", "EM", "DEL", "CODE", "PRE", "A", "UL", "OL", "LI", "BLOCKQUOTE", "SPAN", "BDI"}


def test_everything_can_be_done_by_keyboard(hers: Chat) -> None:
    press, focused = hers.page.keyboard.press, hers.page.locator(":focus")
    expect(hers.composer()).to_be_focused()
    for text in ("first", "second"):
        hers.page.keyboard.type(text)
        press("Enter")
    hers.page.keyboard.type("one")
    press("Shift+Enter")
    hers.page.keyboard.type("two")
    press("Enter")
    expect(hers.message("two").locator("br")).to_have_count(1)
    last = hers.message("two")
    press("Shift+Tab")
    expect(last).to_be_focused()
    for tool in ("React", "Reply", "More"):
        press("Tab")
        expect(focused).to_have_attribute("aria-label", tool)
    press("Enter")
    expect(hers.page.get_by_role("menuitem", name="Open the thread")).to_be_focused()
    press("ArrowDown")
    expect(hers.page.get_by_role("menuitem", name="Edit")).to_be_focused()
    press("Escape")
    expect(focused).to_have_attribute("aria-label", "More")
    for _ in range(3):
        press("Shift+Tab")
    expect(last).to_be_focused()
    press("ArrowUp")
    expect(hers.message("second")).to_be_focused()
    press("Home")
    expect(hers.message("first")).to_be_focused()
    press("Tab")
    press("Enter")
    press("ArrowRight")
    press("Enter")
    expect(hers.message("first").get_by_role("button", name="heart, you")).to_be_visible()
    assert barriers(hers.page) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_on_a_phone_one_thing_is_shown_at_a_time(
    system: System, browser: Browser, ada: Person, bob: Person, course: Course, dark: bool
) -> None:
    for word in ("a long word ", "some more words "):
        bob.says(course.channel_id, f"<@{ada.user_id}> " + word * 60 + "w" * 200)
    with chat(system, browser, ada, width=390, height=780, dark=dark) as hers:
        expect(hers.room(course.channel_id)).to_contain_text("2 unread messages")
        assert barriers(hers.page) == []
        hers.room(course.channel_id).click()
        expect(hers.message("a long word")).to_be_visible()
        expect(hers.room(course.channel_id)).to_be_hidden()
        hers.write("x" * 300)
        expect(hers.message("x" * 300)).to_be_visible()
        assert not hers.learner.tab.is_too_wide()
        hers.page.get_by_role("button", name="People", exact=False).click()
        expect(hers.panel("People").get_by_text("Charles Babbage")).to_be_visible()
        expect(hers.composer()).to_be_hidden()
        assert barriers(hers.page) == []
        box = hers.page.get_by_role("region", name="Messages in general")
        hers.panel("People").get_by_role("button", name="Close").click()
        expect(hers.composer()).to_be_visible()
        box.evaluate("one => one.scrollTop = 90")
        expect(hers.page.get_by_role("button", name="To the newest")).to_be_visible()
        hers.page.get_by_role("button", name="Search").click()
        hers.panel("Search").get_by_role("button", name="Close").click()
        expect(hers.page.get_by_role("button", name="To the newest")).to_be_visible()
        assert abs(box.evaluate("one => one.scrollTop") - 90) < 2, "the place was kept behind the panel"
        assert barriers(hers.page) == []
        hers.page.get_by_role("link", name="All channels").click()
        expect(hers.room(course.channel_id)).to_be_visible()


def test_nothing_that_people_write_runs_or_becomes_an_element(
    system: System, browser: Browser, ada: Person, course: Course
) -> None:
    texts = [*MARKUP, *(f"[x]({address}) {address}" for address in SCRIPT_ADDRESSES)]
    mallory = Person(system, "mallory@example.org", MARKUP[1]).enrols(course)
    for number, text in enumerate(texts):
        mallory.says(course.channel_id, f"{number}. {text}")
    theirs = mallory.publishes(MARKUP[7], MARKUP[0])
    ada.enrols(theirs)
    channel = mallory.does("POST", f"/v1/courses/{theirs.course_id}/channels", {"name": MARKUP[2]})["channel_id"]
    with chat(system, browser, ada, course.channel_id) as hers:
        hers.page.on("dialog", lambda dialog: hers.learner.tab.complaints.append(dialog.message))
        expect(hers.page.locator(f".talk [data-number='{len(texts)}']")).to_be_visible()
        hers.page.get_by_role("region", name="Messages in general").evaluate("one => one.scrollTop = 0")
        expect(hers.page.locator(".talk [data-number='1']")).to_have_count(1)
        expect(hers.room(channel)).to_contain_text(MARKUP[2])
        assert set(hers.page.locator(".talk .text").evaluate_all(TAGS)) <= ALLOWED
        for link in hers.page.locator(".talk .text a").all():
            assert (link.get_attribute("href") or "").startswith(("https://example.org", "mailto:"))
            assert "noopener" in (link.get_attribute("rel") or "")
        hers.page.locator(".text").last.click()
        hers.page.get_by_role("button", name=re.compile("^People")).click()
        expect(hers.panel("People")).to_contain_text(MARKUP[1])
        for view in (f"courses/{theirs.course_id}", "my-courses", "courses", f"channels/{channel}"):
            hers.learner.open(view)
            expect(hers.page.get_by_text(MARKUP[7]).first).to_be_visible()
            assert hers.page.evaluate(HARM) == [None, 0]
            assert hers.page.evaluate(HANDLERS) == []

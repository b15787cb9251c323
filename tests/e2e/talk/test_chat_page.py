"""The chat in a real browser, on a whole system: people who talk, also while the network comes and goes."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.chat import Chat, chat
from tests.e2e.learner import Course, Person
from tests.system import System
from tests.until import until

MANY = 120
"""Messages: more than two pages."""
TOP_OF = "one => one.getBoundingClientRect().top"


@pytest.fixture(scope="module")
def his_tab(system: System, browser: Browser, bob: Person) -> Iterator[Chat]:
    with chat(system, browser, bob) as found:
        yield found


@pytest.fixture
def his(his_tab: Chat, course: Course) -> Chat:
    return his_tab.enter(course.channel_id)


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
    expect(his.pending().first).to_contain_text("Waits to be sent")
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
    expect(his.pending()).to_contain_text("Waits to be sent")
    his.page.unroute("**/v1/channels/*/messages")
    his.page.reload()
    expect(hers.message("kept")).to_have_count(1)
    expect(his.message("kept")).to_have_count(1)
    expect(his.pending()).to_have_count(0)
    assert his.page.evaluate("Object.keys({...sessionStorage})") == []


def test_who_leaves_hears_no_more_and_who_comes_back_goes_on(
    hers: Chat, his: Chat, bob: Person, course: Course
) -> None:
    hers.write("one")
    expect(his.message("one")).to_be_visible()
    bob.does("DELETE", f"/v1/courses/{course.course_id}/enrollments/me")
    expect(his.page.get_by_text("You are not in this channel any more.")).to_be_visible()
    expect(his.room(course.channel_id)).to_have_count(0)
    hers.write("two")
    expect(hers.message("two")).to_be_visible()
    assert his.message("two").count() == 0
    bob.enrols(course)
    expect(his.message("two")).to_be_visible()
    his.write("three")
    expect(hers.message("three")).to_be_visible()


def test_older_ones_come_on_the_way_up_and_the_place_is_kept(
    her_tab: Chat, his_tab: Chat, ada: Person, bob: Person, course: Course
) -> None:
    for number in range(MANY):
        bob.says(course.channel_id, f"line {number} of many")
    his = his_tab.enter(course.channel_id)
    box = his.page.get_by_role("region", name="Messages in general")
    expect(his.message(f"line {MANY - 1} of")).to_be_visible()
    assert len(his.texts()) < MANY
    box.evaluate("one => one.scrollTop = 400")
    here = his.message("line 75 of")
    before = here.evaluate(TOP_OF)
    expect(his.message("line 25 of")).to_have_count(1)
    assert abs(here.evaluate(TOP_OF) - before) < 2, "older ones push nothing away"
    until(lambda: box.evaluate("one => one.scrollTop = 0") or len(his.texts()) == MANY, "all of them are there")
    assert his.texts() == [f"line {number} of many" for number in range(MANY)]
    ada.says(course.channel_id, "news from below")
    newest = his.page.get_by_role("button", name="1 new message")
    expect(newest).to_be_visible()
    newest.click()
    expect(his.message("news from below")).to_be_in_viewport()
    expect(newest).to_have_count(0)

    bob.says(course.channel_id, "the first that she has not seen")
    for number in range(MANY // 2):
        bob.says(course.channel_id, f"more {number}")
    hers = her_tab.enter(course.channel_id)
    expect(hers.message("the first that she has not seen")).to_be_in_viewport()
    expect(hers.page.locator("[data-divider] + li")).to_contain_text("the first that she has not seen")


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


def test_a_message_is_answered_in_a_thread_and_with_emoji(hers: Chat, his: Chat) -> None:
    his.write("What is the store for?")
    question = hers.message("What is the store for?")
    hers.reacts(question, "thumbs up")
    chip = his.message("What is the store for?").get_by_role("button", name="thumbs up, Ada Lovelace")
    expect(chip).to_have_attribute("aria-pressed", "false")
    chip.click()
    both = question.get_by_role("button", name=re.compile("^thumbs up, (you and Charles|Charles Babbage and you)"))
    expect(both).to_contain_text("2")
    both.click()
    expect(question.get_by_role("button", name="thumbs up, Charles Babbage")).to_have_attribute("aria-pressed", "false")

    hers.does(question, "Reply")
    expect(hers.page.get_by_text("Reply to Charles Babbage: What is the store for?")).to_be_visible()
    hers.write("For numbers.")
    expect(his.message("For numbers.")).to_contain_text(
        re.compile("In reply to Charles Babbage ?What is the store for")
    )
    his.page.get_by_role("button", name="1 reply").click()
    thread = his.panel("Thread")
    expect(thread.locator("[data-message]")).to_have_count(2)
    thread.get_by_role("textbox", name="Reply in this thread").fill("How many?")
    thread.get_by_role("textbox", name="Reply in this thread").press("Enter")
    expect(thread.locator("[data-message]")).to_have_count(3)
    expect(hers.message("How many?")).to_be_visible()
    expect(question.get_by_role("button", name="2 replies")).to_be_visible()
    his.page.keyboard.press("Escape")
    expect(thread).to_have_count(0)


def test_people_are_mentioned_by_the_first_letters_of_their_name(hers: Chat, his: Chat) -> None:
    his.composer().press_sequentially("Look, @lov")
    option = his.page.get_by_role("option", name="Ada Lovelace")
    expect(option).to_have_attribute("aria-selected", "true")
    his.page.keyboard.press("Enter")
    expect(his.composer()).to_have_value("Look, @Ada Lovelace ")
    his.composer().press_sequentially("a moth!")
    his.composer().press("Enter")
    mentioned = hers.message("a moth!")
    expect(mentioned.locator(".mention.mine")).to_have_text("@Ada Lovelace")
    expect(mentioned).to_have_class(re.compile("mentioned"))


def test_one_writes_to_somebody_alone_and_opens_a_channel(hers: Chat, his: Chat, course: Course) -> None:
    hers.write("Come here")
    his.page.get_by_role("button", name="Ada Lovelace", exact=True).click()
    his.page.get_by_role("menuitem", name="Message Ada Lovelace").click()
    expect(his.learner.heading("Ada Lovelace")).to_be_visible()
    his.write("Only for you")
    direct = hers.page.get_by_role("navigation", name="Channels").get_by_role("link", name="Charles Babbage")
    expect(direct).to_contain_text("1 unread message")
    direct.click()
    expect(hers.message("Only for you")).to_be_visible()
    expect(hers.page.get_by_text("Only the two of you read this")).to_be_visible()

    hers.page.get_by_role("button", name=f"Open a channel in {course.title}").last.click()
    hers.page.get_by_role("dialog").get_by_label("Name").fill("Machines")
    hers.page.get_by_role("button", name="Open it").click()
    expect(hers.learner.heading("Machines")).to_be_visible()
    expect(his.page.get_by_role("link", name="Machines")).to_have_count(1)


def test_moderators_look_back_mute_and_look_after_reports(hers: Chat, his: Chat) -> None:
    his.write("Buy my engine")
    expect(his.message("Buy my engine")).to_be_visible()
    his.composer().press("ArrowUp")
    expect(his.composer()).to_have_value("Buy my engine")
    his.composer().fill("Buy my lovely engine")
    his.composer().press("Enter")
    advert = hers.message("Buy my lovely engine")
    hers.chooses(advert, "What it said before …")
    versions = hers.page.get_by_role("dialog").get_by_role("listitem")
    expect(versions).to_have_text([re.compile("Buy my engine"), re.compile("Buy my lovely engine")])
    hers.page.keyboard.press("Escape")
    hers.chooses(advert, "Mute Charles Babbage …")
    hers.page.get_by_role("button", name="Mute", exact=True).click()
    expect(hers.learner.said("Charles Babbage cannot write in this course for 10 minutes.")).to_be_visible()
    his.write("Once more")
    expect(his.page.get_by_role("alert")).to_contain_text("Not sent.")

    hers.write("Enough")
    his.chooses(his.message("Enough"), "Report …")
    his.page.get_by_label("Something else").check()
    his.page.get_by_role("button", name="Report", exact=True).click()
    expect(his.learner.said(re.compile("^Thank you"))).to_be_visible()
    hers.page.get_by_role("button", name="Moderation").click()
    panel = hers.panel("Moderation")
    expect(panel.locator("[data-report]")).to_contain_text("Ada Lovelace: Enough")
    panel.get_by_role("button", name="Delete it").click()
    expect(panel).to_contain_text("Nothing waits for you.")
    expect(his.message("This message was deleted.")).to_have_count(1)
    panel.get_by_role("button", name="Let them write").click()
    expect(panel).to_contain_text("Nobody.")
    his.page.get_by_role("button", name="Try again").click()
    expect(hers.message("Once more")).to_be_visible()


def test_what_was_said_is_found_and_shown_where_it_stands(her_tab: Chat, bob: Person, course: Course) -> None:
    bob.says(course.channel_id, "a very particular cogwheel")
    for number in range(MANY):
        bob.says(course.channel_id, f"nothing {number}")
    hers = her_tab.enter(course.channel_id)
    hers.page.get_by_role("button", name="Search", exact=True).click()
    hers.page.get_by_role("searchbox", name="Search messages").fill("cogwheels")
    hers.panel("Search").get_by_role("button", name=re.compile("particular cogwheel")).click()
    expect(hers.message("particular cogwheel")).to_be_in_viewport()
    bob.says(course.channel_id, "the last word")
    back = hers.page.get_by_role("button", name="1 new message")
    back.click()
    expect(hers.message("the last word")).to_be_in_viewport()
    expect(back).to_have_count(0)

"""The chat of the learner's page as a person uses it. It must not know what a test is after."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Locator, expect

from tests.e2e.learner import Learner, Person, learner
from tests.system import System

TEXTS = "found => found.map(one => one.innerText.trim())"


class Chat:
    """The chat in a tab, with somebody signed in."""

    def __init__(self, within: Learner, person: Person) -> None:
        self.learner, self.page, self.person = within, within.page, person

    def enter(self, channel_id: str) -> "Chat":
        """Opens a channel and waits for it."""
        self.learner.open(f"channels/{channel_id}")
        expect(self.page.locator(f"[data-channel='{channel_id}'] [data-here]")).to_be_visible()  # it listens
        expect(self.composer()).to_be_visible()
        return self

    def composer(self) -> Locator:
        """Where one writes to everybody."""
        return self.page.get_by_role("textbox", name=re.compile("^Message "))

    def write(self, text: str) -> "Chat":
        """Writes a message and sends it."""
        self.composer().fill(text)
        self.composer().press("Enter")
        return self

    def message(self, text: str) -> Locator:
        """A message in the channel that was sent, by a part of its text."""
        return self.page.locator(".talk [data-message]").filter(has_text=text)

    def texts(self) -> list[str]:
        """What is said, in the order of the page, without what is on its way."""
        found: list[str] = self.page.locator(".talk [data-message] .text").evaluate_all(TEXTS)
        return found

    def pending(self) -> Locator:
        """What is on its way."""
        return self.page.locator(".talk .pending")

    def room(self, channel_id: str) -> Locator:
        """A channel in the list."""
        return self.page.locator(f"[data-room='{channel_id}']")

    def panel(self, name: str) -> Locator:
        """What stands beside the conversation."""
        return self.page.get_by_role("complementary", name=name)

    def does(self, message: Locator, tool: str) -> "Chat":
        """Presses a button of a message: React, Reply or More."""
        message.hover()
        message.get_by_role("button", name=tool, exact=True).click()
        return self

    def chooses(self, message: Locator, choice: str) -> "Chat":
        """Chooses something of a message's menu."""
        self.does(message, "More")
        self.page.get_by_role("menuitem", name=choice).click()
        return self

    def reacts(self, message: Locator, emoji: str) -> "Chat":
        """Reacts with an emoji, by its name."""
        self.does(message, "React")
        message.get_by_role("button", name=emoji, exact=True).click()
        return self


@contextmanager
def chat(system: System, browser: Browser, person: Person, channel_id: str = "", **options: Any) -> Iterator[Chat]:
    """The chat in a new tab.

    Args:
        system: whose page.
        browser: where.
        person: who signs in.
        channel_id: the channel that is opened; none: the list of channels.
        options: of the tab.
    """
    with learner(system, browser, person, "messages", **options) as page:
        found = Chat(page, person)
        yield found.enter(channel_id) if channel_id else found

"""A real browser: Debian's Chromium, headless, driven by Playwright. It must not know any page of ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.tools import program

ALONE = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
"""Without a screen, as any account, and asking nobody on the network for anything."""
PATIENCE_MILLISECONDS = 60_000


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser. No asyncio loop may run in this thread meanwhile."""
    path = program("chromium", "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ALONE)
        try:
            yield browser
        finally:
            browser.close()


class Tab:
    """A page in a context of its own, that remembers what the browser complained about.

    Attributes:
        page: the page.
        complaints: errors and warnings of its console (so each breach of its Content-Security-Policy as well), and
            errors that nothing caught.
    """

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.complaints: list[str] = []
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        self.page: Page = context.new_page()
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def is_too_wide(self) -> bool:
        """Whether one would have to scroll sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


@contextmanager
def tab(browser: Browser, *, width: int = 1280, height: int = 900, dark: bool = False) -> Iterator[Tab]:
    """A new tab without any history.

    Args:
        browser: where.
        width: of the window, in CSS pixels.
        height: of the window, in CSS pixels.
        dark: whether the person prefers dark pages.
    """
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", locale="en-GB"
    )
    try:
        yield Tab(context)
    finally:
        context.close()

"""What axe-core finds in a page that keeps people from using it. It must not know any page."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.tools import node_packages

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """async rules => {
    const found = await axe.run(document, { runOnly: rules, resultTypes: ["violations"] });
    return found.violations.flatMap(({ id, nodes }) => nodes.map(node => `${id}: ${node.html} ${node.failureSummary}`));
}"""


def barriers(page: Page) -> list[str]:
    """Every breach of WCAG 2.2 AA, and of what is good practice beyond, that can be seen without a person.

    Args:
        page: as it is shown now: colours are measured where they are.
    """
    folder = node_packages(Path(__file__).parent / "axe")
    script = (folder / "node_modules" / "axe-core" / "axe.min.js").read_text()
    if not page.evaluate("'axe' in window"):
        page.evaluate(script)
    found: Any = page.evaluate(RUN, RULES)
    return [str(one) for one in found]

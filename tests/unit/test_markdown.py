"""What the text of a message means to the page: a small subset of Markdown, and nothing that runs."""

import json
from pathlib import Path
from typing import Any

from tests.system import ROOT
from tests.tools import node
from tests.unit.payloads import MARKUP, SCRIPT_ADDRESSES

MODULE = ROOT / "query_api" / "web" / "learn" / "markdown.js"
SCRIPT = ROOT / "tests" / "unit" / "markdown" / "parse.mjs"
ADA = "01a2084d-3619-7cfc-8efb-996fc0684e05"
CHARACTERS = 500_000
"""So many that whatever takes the square of them in steps does not end in time."""
SECONDS = 100
KINDS = {"paragraph", "quote", "list", "code", "text", "break", "strong", "em", "del", "link", "mention"}
PATTERNS = (
    "*a ", "*a*", "**_~~*", "[a](", "[", "`", "` ``", "```\n", "> > ", "- a\n", "1. a\n\n", "https://x)", "https://",
    "hhhh", f"<@{ADA}", "\\*", "\n", "[x](https://x", "é*",
)  # fmt: skip


def parsed(texts: list[str], folder: Path, longest: int | None = None) -> list[Any]:
    """The trees of texts."""
    file = folder / "texts.json"
    file.write_text(json.dumps(texts))
    limits = [] if longest is None else [str(longest)]
    found: list[Any] = json.loads(node(SCRIPT, str(MODULE), str(file), *limits, seconds=SECONDS))
    return found


def sketch(node: Any) -> str:
    """A tree as one short text: `strong(a)`, `link(https://x a)`, lists as `ul(a | b)`."""
    match node:
        case list():
            return "".join(sketch(child) for child in node)
        case {"type": "text", "text": text}:
            return str(text)
        case {"type": "break"}:
            return "/"
        case {"type": "code", "text": text}:
            return f"code({text})"
        case {"type": "mention", "userId": user_id}:
            return f"@({user_id[-4:]})"
        case {"type": "link", "href": href, "children": children}:
            return f"link({href} {sketch(children)})"
        case {"type": "list", "ordered": ordered, "start": start, "items": items}:
            return f"{f'ol{start}' if ordered else 'ul'}({' | '.join(sketch(item) for item in items)})"
        case {"type": "paragraph", "children": children}:
            return f"p({sketch(children)})"
        case {"type": kind, "children": children}:
            return f"{kind}({sketch(children)})"
    raise AssertionError(node)


def nodes(tree: Any) -> list[dict[str, Any]]:
    """Every node of a tree."""
    if isinstance(tree, list):
        return [found for one in tree for found in nodes(one)]
    return [tree, *nodes(tree.get("children", [])), *nodes(tree.get("items", []))]


def text_of(tree: Any) -> str:
    """All text of a tree."""
    return "".join(one.get("text", "") for one in nodes(tree))


MEANT = {
    "plain": "p(plain)",
    "a **bold *and more* b** c": "p(a strong(bold em(and more) b) c)",
    "***both***": "p(strong(em(both)))",
    "__strong__ _em_ ~~gone~~": "p(strong(strong) em(em) del(gone))",
    "snake_case_name and 2*3*4": "p(snake_case_name and 2*3*4)",
    "**open *and open": "p(**open *and open)",
    "**a *b** c*": "p(strong(a *b) c*)",
    "* not a list* **": "ul(not a list* **)",
    r"\*as it stands\*": "p(*as it stands*)",
    "`a *b* <c>`": "p(code(a *b* <c>))",
    "``a ` b``": "p(code(a ` b))",
    "`open": "p(`open)",
    "one\ntwo": "p(one/two)",
    "one\n\ntwo": "p(one)p(two)",
    "```js\nif (a < b) *c*\n\n```\nafter": "code(if (a < b) *c*\n)p(after)",
    "```\nopen": "p(```/open)",
    "> quoted\n> **more**\nafter": "quote(p(quoted/strong(more)))p(after)",
    "> > > > deep": "quote(quote(quote(p(> deep))))",
    "- a\n- *b*\n\nc": "ul(a | em(b))p(c)",
    "7. a\n8. b": "ol7(a | b)",
    "[the site](https://example.org/a?b=c)": "p(link(https://example.org/a?b=c the site))",
    "[mail](mailto:ada@example.org)": "p(link(mailto:ada@example.org mail))",
    "see https://example.org/a_b_c, and": "p(see link(https://example.org/a_b_c https://example.org/a_b_c), and)",
    "(https://example.org/a_(b))": "p((link(https://example.org/a_(b) https://example.org/a_(b))))",
    "xhttps://example.org": "p(xhttps://example.org)",
    f"<@{ADA}>, <@nobody>": "p(@(4e05), <@nobody>)",
    f"<@{ADA.upper()}>": "p(@(4e05))",
    "a\u202eb\u202dc": "p(abc)",
}


def test_what_people_write_means_what_they_meant(tmp_path: Path) -> None:
    trees = parsed(list(MEANT), tmp_path)
    assert dict(zip(MEANT, map(sketch, trees), strict=True)) == MEANT


def test_no_link_leads_to_anything_but_the_web_and_mail(tmp_path: Path) -> None:
    texts = [
        shape.format(address) for address in SCRIPT_ADDRESSES for shape in ("[x]({})", "{}", "<{}>", "**[x]({})**")
    ]
    for text, tree in zip(texts, parsed(texts, tmp_path), strict=True):
        for link in (one for one in nodes(tree) if one["type"] == "link"):
            assert link["href"].startswith(("https://example.org", "mailto:")), text
            assert link["href"].isascii(), text


def test_markup_is_only_text_and_nothing_of_it_gets_lost(tmp_path: Path) -> None:
    for text, tree in zip(MARKUP, parsed(list(MARKUP), tmp_path), strict=True):
        assert {one["type"] for one in nodes(tree)} <= KINDS
        for part in ("script", "onerror", "onload", "srcdoc"):
            said = text_of(tree) + "".join(one.get("href", "") for one in nodes(tree))
            assert (part in said) == (part in text), text


def test_it_takes_as_many_steps_as_there_are_characters(tmp_path: Path) -> None:
    texts = [(pattern * CHARACTERS)[:CHARACTERS] for pattern in PATTERNS]
    assert len(parsed(texts, tmp_path, CHARACTERS)) == len(PATTERNS)


def test_what_is_too_long_is_text_as_it_stands(tmp_path: Path) -> None:
    assert sketch(parsed(["*a* " * 10_000], tmp_path)) == f"p({'*a* ' * 10_000})"

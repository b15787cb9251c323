"""The table of all events in docs/events.md, made from the classes.

`python -m tests.unit.events.page` writes it into the page; a test compares the two.
"""

import re
from pathlib import Path

from events.catalog import PERSONAL
from events.claims import effects
from events.event import Event
from tests.unit.events.examples import COURSE, EMAIL_HMAC, EXAMPLES, MESSAGE, SESSION, USER

PAGE = Path(__file__).parents[3] / "docs" / "events.md"
BEGIN, END = "<!-- events: made by python -m tests.unit.events.page -->", "<!-- /events -->"
_HEAD = ("event", "schema", "stream", "topic", "key", "personal fields", "claims", "what happened")
_WORDS = {
    str(USER): "<user>",
    str(COURSE): "<course>",
    str(SESSION): "<session>",
    str(MESSAGE): "<message>",
    EMAIL_HMAC: "<hmac>",
    "c-1": "<client id>",
    "instructor": "<role>",
}
_KINDS = {"take": "takes", "release": "releases", "release_others": "releases all others beside", "limit": "limits"}


def _row(event: Event) -> str:
    contract = event.contract
    cells = (
        f"`{contract.name}`",
        str(contract.schema),
        f"`{contract.stream}-<{contract.key}>`",
        f"`{contract.topic}`",
        contract.key,
        ", ".join(PERSONAL[contract.name]),
        "; ".join(_claims(event)),
        (type(event).__doc__ or "").splitlines()[0],
    )
    return f"| {' | '.join(cells)} |"


def _claims(event: Event) -> list[str]:
    said = []
    for effect in effects(event):
        if effect.kind == "release_others" and not effect.key:
            said.append(f"releases all of `{effect.scope.replace(str(USER), '<user>')}`")
            continue
        name = effect.scope if effect.kind == "limit" else f"{effect.scope} {effect.key}"
        for value, word in _WORDS.items():
            name = name.replace(value, word)
        said.append(f"{_KINDS[effect.kind]} `{name}`")
    return said


def events_table() -> str:
    """The table, one row per event class."""
    lines = [f"| {' | '.join(_HEAD)} |", "|" + "---|" * len(_HEAD), *map(_row, EXAMPLES)]
    return "\n".join(lines)


def with_table(page: str) -> str:
    """A page with the table between its marks renewed."""
    return re.sub(f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n\n{events_table()}\n\n{END}", page, flags=re.DOTALL)


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))

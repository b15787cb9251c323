"""The journal of a demo: one JSON line per acknowledged command, and the proof that the views hold them all.

It must not know how commands are sent. A line is written as soon as the acknowledgement is here, so that a test can
kill everything at any moment and know what was promised.
"""

import json
import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, TextIO

from events.errors import CannotStart
from mimo.demo.client import Person

PAGE = 200


class Journal:
    """Remembers what was acknowledged; writes it to a file too, if there is one.

    The file holds the simulated people's passwords, so that the proof can sign in again: only its owner may read it.
    """

    def __init__(self, path: Path | None) -> None:
        self.entries: list[dict[str, Any]] = []
        self._file: TextIO | None = None
        if path is not None:
            try:
                self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w")
            except OSError as error:
                raise CannotStart(f"The journal {path} cannot be written: {error.strerror}.") from None

    def note(self, command: str, **facts: Any) -> None:
        """Note one acknowledged command."""
        entry = {"command": command, **facts}
        self.entries.append(entry)
        if self._file is not None:
            self._file.write(json.dumps(entry) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def read_journal(path: Path) -> list[dict[str, Any]]:
    """The entries of a journal; a last line that was cut off is left out, for it was never complete.

    Raises:
        CannotStart: it cannot be read.
    """
    try:
        lines = path.read_text().splitlines(keepends=True)
    except OSError as error:
        raise CannotStart(f"The journal {path} cannot be read: {error.strerror}.") from None
    return [json.loads(line) for line in lines if line.endswith("\n")]


@dataclass(frozen=True)
class Proof:
    """What the views hold of what was acknowledged.

    Attributes:
        acknowledged: messages whose sending was acknowledged.
        found: of these, how many are in the views, once and with their seq and text.
        missing: how many are not there.
        twice: how many are there more than once.
        out_of_order: pairs of neighbours in the wrong order, or with a number missing between them.
        unacknowledged: messages there whose acknowledgement never reached us (cut off by a crash); no harm.
    """

    acknowledged: int
    found: int
    missing: int
    twice: int
    out_of_order: int
    unacknowledged: int

    @property
    def holds(self) -> bool:
        """Whether nothing was lost, doubled or shuffled."""
        return self.missing == self.twice == self.out_of_order == 0


async def prove(entries: list[dict[str, Any]], people: dict[str, Person], bookmarks: Mapping[str, str]) -> Proof:
    """Read every channel of the journal to its beginning and compare.

    Args:
        entries: of the journal.
        people: signed in, by user id.
        bookmarks: by channel id, what the view must have reached at least.
    """
    sent: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for entry in entries:
        if entry["command"] == "SendMessage":
            sent[entry["channel_id"]][entry["message_id"]] = entry
    owners = {e["channel_id"]: e["user_id"] for e in entries if e["command"] == "CreateCourse"}
    found = missing = twice = out_of_order = unacknowledged = 0
    for channel_id, expected in sent.items():
        shown = await _messages(people[owners[channel_id]], channel_id, bookmarks.get(channel_id, ""))
        ids = [message["message_id"] for message in shown]
        twice += len(ids) - len(set(ids))
        agreed = {m["message_id"] for m in shown if _same(m, expected.get(m["message_id"]))}
        found += len(agreed)
        missing += len(expected) - len(agreed)
        unacknowledged += len(set(ids) - set(expected))
        numbers = [message["seq"] for message in shown]  # newest first, and nothing but messages since the first
        out_of_order += sum(newer != older + 1 for newer, older in pairwise(numbers))
    return Proof(sum(map(len, sent.values())), found, missing, twice, out_of_order, unacknowledged)


def _same(message: dict[str, Any], expected: dict[str, Any] | None) -> bool:
    return expected is not None and (message["seq"], message["text"]) == (expected["seq"], expected["text"])


async def _messages(reader: Person, channel_id: str, bookmark: str) -> list[dict[str, Any]]:
    """All messages of a channel, newest first."""
    path = f"/v1/channels/{channel_id}/messages?limit={PAGE}"
    page = await reader.read(path, bookmark)
    messages: list[dict[str, Any]] = page["items"]
    while page["next_cursor"] is not None:
        page = await reader.read(f"{path}&cursor={page['next_cursor']}")
        messages += page["items"]
    return messages

"""The compatibility gate: what in the present contract would break those who rely on the one that was shipped.

Both ways count: consumers written for the shipped schemas read new events, and present code reads events stored under
the shipped ones. So within a schema version only members that may be missing can be added; anything else is a new
version, with an upcaster. It must not know where either contract is kept.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Any

from events.catalog import SEALED
from events.contract.schemas import EXTENSION, HEADERS_NAME, Schema, type_in_words

_WORDS_ONLY = ("title", "description", "examples", "default")
"""What does not belong to a member's type."""
_FIXED = ("topic", "stream", "key")
"""Of an event, over all its versions."""


def breaking_changes(
    shipped: Mapping[str, Schema], present: Mapping[str, Schema], upcasters: Container[tuple[str, int]]
) -> list[str]:
    """What breaks, in words; empty when nothing does.

    Args:
        shipped: the schemas that others rely on, by name (`MessageSent.v1`, `headers`).
        present: those of the present code.
        upcasters: from which (event, version) one leads to the next version.
    """
    found: list[str] = []
    for name, before in shipped.items():
        now = present.get(name)
        changes = [*_later(name, before, present, upcasters)]
        changes += ["is gone"] if now is None else [*_extension(before, now), *_members(before, now)]
        found += [f"{name}: {change}" for change in changes]
    return found


def _later(
    name: str, before: Schema, present: Mapping[str, Schema], upcasters: Container[tuple[str, int]]
) -> Iterator[str]:
    """What is wrong between an event's version and its later ones."""
    if name == HEADERS_NAME:
        return
    event, _, version = name.rpartition(".v")
    later = {int(other.rpartition(".v")[2]): held for other, held in present.items() if other.startswith(f"{event}.v")}
    newest = max(later, default=0)
    if newest > int(version):
        yield from _changed(_FIXED, before[EXTENSION], later[newest][EXTENSION])
        if (event, int(version)) not in upcasters:
            yield "no upcaster leads to the next version: events that are stored cannot be read"


def _extension(before: Schema, now: Schema) -> Iterator[str]:
    """What is wrong beside the members: where an event goes, and what of it is personal."""
    was, has = before[EXTENSION], now[EXTENSION]
    if "topic" in was and before["title"] != now["title"]:
        yield f"its type was {before['title']} and is {now['title']}"
    yield from _changed((*_FIXED, "subject", "partitions", "partition_of"), was, has)
    old, new = was.get("personal", ()), has.get("personal", ())
    plain_before, plain_now = before["properties"], now["properties"]
    for member in [name for name in new if name not in old]:
        if member in plain_before:
            yield f"`{member}` became personal: consumers cannot read it any more, and stored events have it plain"
        else:
            yield f"`{member}` is new and personal: what is sealed in stored events does not hold it"
    for member in [name for name in old if name not in new]:
        if member in plain_now:
            yield f"`{member}` is not personal any more: in stored events it is sealed"
        else:
            yield f"`{member}` is gone"


def _changed(names: tuple[str, ...], before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name in names:
        if before.get(name) != now.get(name):
            yield f"its {name} was {before.get(name)} and is {now.get(name)}"


def _members(before: Schema, now: Schema) -> Iterator[str]:
    """What is wrong with the members that are on the wire."""
    old, new = before["properties"], now["properties"]
    personal = {SEALED, *now[EXTENSION].get("personal", ()), *before[EXTENSION].get("personal", ())}
    for name, member in old.items():
        if name in new:
            promised = (name in before["required"], name in now["required"])
            yield from _member(f"`{name}`", member, new[name], promised)
        elif name not in personal:
            yield f"`{name}` is gone"
    for name in new:
        if name not in old and name not in personal and name in now["required"]:
            yield f"`{name}` is new and must be there: stored events do not have it; give it a default"


def _member(name: str, before: Schema, now: Schema, promised: tuple[bool, bool]) -> Iterator[str]:
    match promised:
        case (True, False):
            yield f"{name} may be missing now"
        case (False, True):
            yield f"{name} must be there now: stored events may not have it"
        case (False, False) if before.get("default") != now.get("default"):
            yield f"{name} meant {before.get('default')!r} where it is missing, and now {now.get('default')!r}"
    was, is_now = _type(before), _type(now)
    if "enum" in was and "enum" in is_now:
        yield from (f"{name} cannot be {value!r} any more" for value in was["enum"] if value not in is_now["enum"])
        yield from (
            f"{name} can be {value!r}, which no consumer knows" for value in is_now["enum"] if value not in was["enum"]
        )
    elif was != is_now:
        words = type_in_words(was), type_in_words(is_now)
        if words[0] == words[1]:  # they differ in what people are not told
            words = str(was), str(is_now)
        yield f"{name} was {words[0]} and is {words[1]}"


def _type(member: Schema) -> Schema:
    return {name: held for name, held in member.items() if name not in _WORDS_ONLY and not name.startswith("x-")}

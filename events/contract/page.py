"""The catalogue of events in docs/events.md, made from the classes: an overview, and what each event carries.

It must not know the rest of the page, which people write.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping

from events.catalog import PERSONAL, TOPICS
from events.claims import effects
from events.contract.asyncapi import example_message
from events.contract.examples import COURSE, EMAIL_HMAC, EXAMPLES, MESSAGE, SESSION, USER
from events.contract.schemas import HEADERS_NAME, Schema, schema_name, type_in_words, what_happened
from events.event import Event

BEGIN, END = "<!-- events: made by mimo events docs -->", "<!-- /events -->"
FOLDER = "events/schemas"
"""Where the schemas are, seen from the page."""

_OVERVIEW = ("event", "schema", "topic", "key", "personal fields", "what happened")
_FIELDS = ("field", "type", "meaning")
_HEADERS = ("header", "type", "meaning")
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


def with_catalogue(page: str, schemas: Mapping[str, Schema]) -> str:
    """A page with what stands between its marks renewed.

    Args:
        page: the whole page.
        schemas: every schema by its name.
    """
    parts = [_table(_OVERVIEW, map(_overview, EXAMPLES)), "## Headers of every record"]
    parts.append(_table(_HEADERS, _members(schemas[HEADERS_NAME])))
    for topic in TOPICS:
        parts.append(f"## `{topic}`")
        parts += [_section(event, schemas) for event in EXAMPLES if event.contract.topic == topic]
    made = "\n\n".join([BEGIN, *parts, END])
    return re.sub(f"{BEGIN}.*{END}", lambda _: made, page, flags=re.DOTALL)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows))


def _overview(event: Event) -> tuple[str, ...]:
    contract = event.contract
    link = f"[{contract.name}](#{contract.name.lower()})"
    personal = ", ".join(PERSONAL[contract.name])
    return link, str(contract.schema), f"`{contract.topic}`", contract.key, personal, what_happened(type(event))


def _section(event: Event, schemas: Mapping[str, Schema]) -> str:
    contract = event.contract
    names = [schema_name(contract.name, version) for version in range(contract.schema, 0, -1)]
    schema = schemas[names[0]]
    facts = [
        f"- type `{schema['title']}`, stream `{contract.stream}-<{contract.key}>`, key `{contract.key}`",
        f"- schema {', '.join(f'[{name}]({FOLDER}/{name}.json)' for name in names)}",
    ]
    if personal := PERSONAL[contract.name]:
        facts.append(f"- personal, sealed with the key of `{contract.subject}`: {', '.join(personal)}")
    if claims := "; ".join(_claims(event)):
        facts.append(f"- claims: {claims}")
    fields = _table(_FIELDS, _members(schema))
    return "\n\n".join([f"### {contract.name}", what_happened(type(event)), "\n".join(facts), fields, _example(event)])


def _members(schema: Schema) -> Iterator[tuple[str, ...]]:
    for name, member in schema["properties"].items():
        yield f"`{name}`", _type(member, name in schema["required"]), member.get("description", "")


def _type(member: Schema, required: bool) -> str:
    if "default" in member:
        return f"{type_in_words(member)}; if it is not there: {json.dumps(member['default'])}"
    return type_in_words(member) if required else f"{type_in_words(member)}, or not there"


def _claims(event: Event) -> Iterator[str]:
    """What an event does to the claims, in words."""
    for effect in effects(event):
        if effect.kind == "release_others" and not effect.key:
            yield f"releases all of `{effect.scope.replace(str(USER), '<user>')}`"
            continue
        name = effect.scope if effect.kind == "limit" else f"{effect.scope} {effect.key}"
        for value, word in _WORDS.items():
            name = name.replace(value, word)
        yield f"{_KINDS[effect.kind]} `{name}`"


def _example(event: Event) -> str:
    message = example_message(event)
    record = {"key": event.key, "headers": message["headers"], "value": message["payload"]}
    return f"```json\n{json.dumps(record, indent=2, ensure_ascii=False)}\n```"

"""The documents of the public contract, as files: JSON Schemas, the AsyncAPI document and the page.

It must not read or write them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from events.contract.asyncapi import Distribution, asyncapi
from events.contract.page import with_catalogue
from events.contract.schemas import Schema, all_schemas
from events.contract.texts import Texts

PAGE = "events.md"
ASYNCAPI = "events/asyncapi.json"
SCHEMAS = "events/schemas"


def schema_file(name: str) -> str:
    """Where a schema is, in the folder of the documents."""
    return f"{SCHEMAS}/{name}.json"


def documents(
    texts: Texts, earlier: Mapping[str, Schema], page: str, *, version: str, distribution: Distribution
) -> dict[str, str]:
    """What each file must hold, by its path in the folder of the documents.

    Args:
        texts: what the fields of events mean.
        earlier: the kept schemas of earlier versions.
        page: the page as it is.
        version: of mimo.
        distribution: how topics are made.
    """
    schemas = all_schemas(texts, earlier)
    made = {schema_file(name): _text(schema) for name, schema in schemas.items()}
    made[ASYNCAPI] = _text(asyncapi(version, schemas, distribution))
    made[PAGE] = with_catalogue(page, schemas)
    return made


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"

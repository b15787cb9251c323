"""The files of the public contract, compared with what the event classes say now.

It must not know what is in them (that is made in `events.contract`), nor who asks.
"""

import inspect
import json
import sys
from importlib.metadata import version
from pathlib import Path

from events.catalog import EVENTS
from events.contract.asyncapi import Distribution
from events.contract.documents import PAGE, SCHEMAS, documents, schema_file
from events.contract.schemas import Schema, earlier_names
from events.contract.texts import Texts, field_texts
from events.errors import CannotStart
from events.partition import DEFAULT_PARTITIONS
from infra.kafka.topics import topic_settings


def outdated(folder: Path) -> dict[Path, str]:
    """The files of the contract that are missing or not as they should be, with what they should hold.

    Args:
        folder: of the documents.

    Raises:
        CannotStart: the page, or the kept schema of an earlier version, is missing; or a schema belongs to no event.
    """
    made = documents(
        _texts(),
        {name: _kept(folder / schema_file(name)) for name in earlier_names()},
        _read(folder / PAGE, "The page about events"),
        version=version("mimo"),
        distribution=Distribution(DEFAULT_PARTITIONS, topic_settings(replication=1)),
    )
    wanted = {folder / name: text for name, text in made.items()}
    if strangers := [str(path) for path in (folder / SCHEMAS).glob("*") if path not in wanted]:
        raise CannotStart(f"No event has such a schema: {', '.join(sorted(strangers))}.")
    return {path: text for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text}


def _texts() -> Texts:
    return field_texts(inspect.getsource(sys.modules[name]) for name in {event.__module__ for event in EVENTS})


def _kept(path: Path) -> Schema:
    schema: Schema = json.loads(_read(path, "The schema of an earlier version"))
    return schema


def _read(path: Path, what: str) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise CannotStart(f"{what} cannot be read: {path} ({error.strerror}).") from None

"""The kinds of text and number that people send, with their limits; the same limits stand in OpenAPI.

It must not know what the texts are for. U+0000 cannot be stored; lone surrogates are refused by the JSON parser.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from infra.passwords import MIN_CHARACTERS

_BLANK = r"\s\x00-\x20\x7f-\x9f\u00a0\u180e\ufeff"
_LINE_PATTERN = rf"^[^\x00-\x1f\x7f-\x9f]*[^{_BLANK}][^\x00-\x1f\x7f-\x9f]*$"
_PROSE_PATTERN = rf"^[^\x00]*[^{_BLANK}][^\x00]*$"
_MAYBE_EMPTY_PATTERN = r"^[^\x00]*$"
_EMAIL_PATTERN = r"^[^@\s\x00-\x20\x7f-\x9f]{1,64}@[^@\s\x00-\x20\x7f-\x9f.]+(\.[^@\s\x00-\x20\x7f-\x9f.]+)+$"
_ID_PATTERN = r"^[!-~]+$"

Email = Annotated[str, Field(min_length=3, max_length=254, pattern=_EMAIL_PATTERN, examples=["ada@example.org"])]
DisplayName = Annotated[str, Field(min_length=1, max_length=80, pattern=_LINE_PATTERN, examples=["Ada"])]
Title = Annotated[str, Field(min_length=1, max_length=200, pattern=_LINE_PATTERN, examples=["Algebra"])]
ChannelName = Annotated[str, Field(min_length=1, max_length=80, pattern=_LINE_PATTERN, examples=["homework"])]
Tag = Annotated[str, Field(min_length=1, max_length=40, pattern=_LINE_PATTERN)]
Tags = Annotated[list[Tag], Field(max_length=10)]
Description = Annotated[str, Field(max_length=10_000, pattern=_MAYBE_EMPTY_PATTERN)]


def _whole(value: object) -> object:
    """30.0 is an integer in JSON Schema, so it is one here."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
"""Comes last, so that limits stay known as such."""
Number = Annotated[int, Field(strict=True, ge=1, le=2**31 - 1), WHOLE]
"""Of things that are counted from 1."""
Capacity = Annotated[int, Field(strict=True, ge=1, le=1_000_000, description="Seats; null: any number."), WHOLE]
MessageText = Annotated[str, Field(min_length=1, max_length=4_000, pattern=_PROSE_PATTERN, examples=["Hello!"])]
ClientMessageId = Annotated[
    str,
    Field(min_length=1, max_length=100, pattern=_ID_PATTERN, description="Drawn by the client; repeats send nothing."),
]
TypedPassword = Annotated[str, Field(max_length=1_024)]
"""A password that somebody claims to have."""
NewPassword = Annotated[
    str,
    Field(
        min_length=MIN_CHARACTERS,
        max_length=1_024,
        description="At least 8 characters, at most 256 bytes, and none of the most common ones.",
        examples=["an engine of brass"],
        json_schema_extra={"format": "password"},
    ),
]


class Body(BaseModel):
    """A command's body: unknown members are refused, and `SECRET` ones stay out of fingerprints."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    SECRET: ClassVar[frozenset[str]] = frozenset()

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
# The emoji of Unicode (UTS #51) as characters, for patterns that everybody reads alike: Python, Rust and JavaScript.
_EMOJI = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u231a\u231b\u2328\u23cf\u23e9-\u23f3\u23f8-\u23fa\u24c2"
    "\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe\u2600-\u27bf\u2934\u2935\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55\u3030\u303d\u3297\u3299"
    "\U0001f004\U0001f0cf\U0001f170\U0001f171\U0001f17e\U0001f17f\U0001f18e\U0001f191-\U0001f19a\U0001f201\U0001f202"
    "\U0001f21a\U0001f22f\U0001f232-\U0001f23a\U0001f250\U0001f251\U0001f300-\U0001f64f\U0001f680-\U0001f6ff"
    "\U0001f7e0-\U0001f7eb\U0001f7f0\U0001f90c-\U0001f9ff\U0001fa70-\U0001faff]"
)
_TONE_OR_STYLE = "[\U0001f3fb-\U0001f3ff\ufe0f]?"
_FLAG_OF_TAGS = "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f"
_KEYCAP = "[0-9#*]\ufe0f?\u20e3"
_FLAG = "[\U0001f1e6-\U0001f1ff]{2}"
_JOINED = f"{_EMOJI}{_TONE_OR_STYLE}(?:\u200d{_EMOJI}{_TONE_OR_STYLE})*"
_EMOJI_PATTERN = f"^(?:{_FLAG}|{_KEYCAP}|{_FLAG_OF_TAGS}|{_JOINED})$"

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
Emoji = Annotated[
    str,
    Field(min_length=1, max_length=10, pattern=_EMOJI_PATTERN, description="One emoji, as UTF-8.", examples=["👍"]),
]
"""The longest, two people of different skin who kiss, has ten code points."""
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

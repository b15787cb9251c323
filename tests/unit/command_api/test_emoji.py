"""What people react with is one emoji, and nothing that is read as letters, markup or nothing at all."""

from __future__ import annotations

import re

import pytest
from pydantic import TypeAdapter, ValidationError

from command_api.texts import Emoji

EMOJI = TypeAdapter(Emoji)
PATTERN = EMOJI.json_schema()["pattern"]
PLAIN = "😀 🎉 👍 ❤ ❤️ ☑️ ✅ ⭐ ⌛ 🫠 🪿 🧑 © ™️ ▶️ ㊗️ 🀄 🆗"
TONES = "👍🏽 ☝🏿 🫱🏻‍🫲🏿 👩🏽‍❤️‍💋‍👨🏿"
JOINED = "👨‍👩‍👧‍👦 🏳️‍🌈 🏴‍☠️ 🧑‍💻 👁️‍🗨️ ❤️‍🔥 🐻‍❄️ 🤷🏼‍♀️ ⛓️‍💥 🙂‍↔️"
FLAGS_AND_KEYCAPS = "🇩🇪 🇺🇳 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f 1️⃣ #️⃣ *⃣"
REFUSED = [
    "", " ", "a", "ok", "1", "#", "é", "中", "<b>", "&", "👍👍", "👍 ", " 👍", "👍a", "a👍", "👍\n", "\n", "👍🏽🏽",
    "🇩", "🇩🇪🇩", "\u200d", "👍\u200d", "\u200d👍", "\ufe0f", "\u20e3", "1️", "+1", ":+1:", "\u202e", "👍\u202e", "\x00",
    "🏴\U000e0067", "\U000e0067\U000e007f", "🧑" + "\u200d🧑" * 5,
]  # fmt: skip


@pytest.mark.parametrize("emoji", f"{PLAIN} {TONES} {JOINED} {FLAGS_AND_KEYCAPS}".split())
def test_an_emoji_is_one_whatever_it_is_made_of(emoji: str) -> None:
    assert EMOJI.validate_python(emoji) == emoji
    assert len(emoji.encode()) <= 40
    assert re.search(PATTERN, emoji), "the documented pattern means the same elsewhere"


@pytest.mark.parametrize("text", REFUSED, ids=ascii)
def test_nothing_else_is(text: str) -> None:
    with pytest.raises(ValidationError):
        EMOJI.validate_python(text)

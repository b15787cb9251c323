"""The colours of the learner's page, light and dark: text stands out from what it is on (WCAG 2.2, 1.4.3, 1.4.11)."""

import re

import pytest

from query_api.web.pages import FOLDER

COLOUR = re.compile(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)")
COLOURS = {name: both for name, *both in COLOUR.findall((FOLDER / "learn" / "base.css").read_text())}
TEXT, EDGE = 4.5, 3.0
"""The least ratios of contrast: of text, and of what shows where one can type."""
STATES = ("accent", "good", "warn", "bad")
PAIRS = [
    *((text, ground, TEXT) for text in ("text", "muted") for ground in ("ground", "surface", "raised")),
    *((state, ground, TEXT) for state in STATES for ground in ("ground", "surface", f"{state}-wash")),
    *(("text", f"{state}-wash", TEXT) for state in STATES),
    ("accent-text", "accent", TEXT),
    *((edge, ground, EDGE) for edge in ("edge", "accent") for ground in ("ground", "surface")),
]


def luminance(colour: str) -> float:
    """How light a colour is: 0 is black, 1 is white."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(("front", "back", "least"), PAIRS)
@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_what_is_read_stands_out(front: str, back: str, least: float, scheme: int) -> None:
    lighter, darker = sorted((luminance(COLOURS[name][scheme]) for name in (front, back)), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= least

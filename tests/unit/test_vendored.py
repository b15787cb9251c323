"""What the pages use of other people is what they published: every file with its sum and its licence."""

from hashlib import sha256

import pytest

from tests.system import ROOT

VENDOR = ROOT / "query_api" / "web" / "vendor"
CHANGED = {"preact-hooks.js": (b'from"./preact.js"', b'from"preact"')}
"""The one change, and how to undo it."""


def entries() -> list[list[str]]:
    """File, package, version, file in the package and sum of each line."""
    table = (VENDOR / "VERSIONS.txt").read_text().partition("SHA-256\n")[2]
    return [[word.strip() for word in line.split("|")] for line in table.splitlines()]


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry[0])
def test_a_file_is_as_it_was_published(entry: list[str]) -> None:
    name, _, version, _, published = entry
    content = (VENDOR / name).read_bytes()
    if name in CHANGED:
        ours, theirs = CHANGED[name]
        assert content.count(ours) == 1
        content = content.replace(ours, theirs)
    assert sha256(content).hexdigest() == published, version


def test_nothing_else_is_there_and_every_package_has_its_licence() -> None:
    noted = {entry[0] for entry in entries()}
    assert {path.name for path in VENDOR.iterdir()} == noted | {"VERSIONS.txt"}
    assert {f"{entry[1]}.LICENSE.txt" for entry in entries()} <= noted

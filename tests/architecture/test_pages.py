"""The pages' ES modules keep the rules that Python modules keep, and never make HTML or code out of text."""

import re
from pathlib import Path

import pytest

from query_api.web.pages import FOLDER
from tests.architecture.test_sizes import LIMIT, LINES_OF_A_MODULE

VENDOR = FOLDER / "vendor"
OURS = [path for path in sorted(FOLDER.rglob("*")) if path.suffix in (".js", ".css") and VENDOR not in path.parents]
FIRST_COMMENT = re.compile(r"(?://.*\n)+|/\*.*\*/\n")
TEXT_TO_CODE = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|dangerouslySet|\beval\b|new Function"
)
LINE_CHARACTERS = 120

every_file = pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)


@every_file
def test_a_file_says_what_it_is_and_a_module_what_it_must_not_know(path: Path) -> None:
    first = FIRST_COMMENT.match(path.read_text())
    assert first is not None
    assert path.suffix == ".css" or LIMIT.search(" ".join(first[0].replace("//", " ").split()))


@every_file
def test_a_file_can_be_read_at_a_sitting(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= LINES_OF_A_MODULE
    assert max(len(line) for line in lines) <= LINE_CHARACTERS


@every_file
def test_text_never_becomes_html_or_code_and_nothing_is_loaded_from_elsewhere(path: Path) -> None:
    text = path.read_text()
    assert not TEXT_TO_CODE.search(text)
    assert not re.search(r"https?://", text)

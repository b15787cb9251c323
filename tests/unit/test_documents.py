"""The documents say what is there: commands, options, settings, metrics, links, tables, and the tests they name.

What the README's walk and the restore of a backup do is run for real elsewhere (tests/e2e/test_readme.py,
tests/integration/test_documented_restore.py).
"""

import ast
import importlib
import re
import shlex
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer

from infra.settings import PREFIX, Settings, settings_table
from mimo.cli import app
from tests.compose import compose_words
from tests.documents import blocks, documents, section
from tests.system import ROOT

OPERATIONS = ROOT / "docs" / "operations.md"
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("0*.md"))
RUN_ELSEWHERE = {
    ("README.md", "A walk of five minutes"),
    ("docs/operations.md", "Backups"),
    ("docs/consumers.md", "An example to copy"),
}
"""Sections whose commands other tests run."""
METRIC_MODULES = (
    "infra.web.metrics", "infra.event_log.measured", "infra.relay.progress", "projectors.progress",
    "query_api.measured", "query_api.live.measured",
)  # fmt: skip

every_document = pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))


def sections(path: Path) -> Iterator[tuple[str, str]]:
    """Title and text of each second-level section; what stands before the first has the title ""."""
    parts = re.split(r"^## ", path.read_text(), flags=re.MULTILINE)
    yield "", parts[0]
    for part in parts[1:]:
        yield part.partition("\n")[0], part


def commands(path: Path) -> list[str]:
    """The command lines in shell blocks, and `make …` and `mimo …` in running text."""
    found: list[str] = []
    for title, text in sections(path):
        for block in blocks(text):
            if block.language in ("sh", "") and (str(path.relative_to(ROOT)), title) not in RUN_ELSEWHERE:
                found += [line for line in block.text.splitlines() if re.match(r"(make|mimo|python|pip|docker) ", line)]
        outside = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
        found += re.findall(r"`((?:make|mimo|python -m|docker compose) [^`]+)`", outside)
    return [command.partition(" #")[0].strip() for command in found]


def ensure_exists(command: str) -> None:
    """Fails when a command names a target, subcommand, option, or module that does not exist."""
    words = [word for word in shlex.split(command) if not re.fullmatch(r"[A-Z_]+=.*", word)]
    if words[0] == "make":
        targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
        assert set(words[1:]) <= targets, command
    elif words[0] == "mimo":
        ensure_mimo_has(words[1:], command)
    elif words[:2] == ["docker", "compose"]:
        run = compose_words(words[2:])
        if run[:1] == ["mimo"]:
            ensure_mimo_has(run[1:], command)
    else:
        assert words[:2] == ["python", "-m"], f"{command}: add how this kind of command is checked"
        assert find_spec(words[2]) is not None, command


def ensure_mimo_has(words: list[str], command: str) -> None:
    """Fails when `mimo` has no such subcommand or one of its options does not exist."""
    present: Any = typer.main.get_command(app)  # typer brings a click of its own
    for word in words:
        if word.startswith("--"):
            options = {name for parameter in present.params for name in parameter.opts} | {"--help"}
            assert word.partition("=")[0] in options, f"{command}: {word}"
        elif hasattr(present, "commands"):
            assert word in present.commands, f"{command}: {word}"
            present = present.commands[word]


@every_document
def test_every_command_exists(path: Path) -> None:
    for command in commands(path):
        ensure_exists(command)


@pytest.mark.parametrize(
    "wrong",
    [
        "make tea", "mimo fly", "mimo up --fly", "mimo users fire", "python -m tests.none", "docker compose fly",
        "docker compose up --fly", "docker compose up --scale=pilot=2", "docker compose restart relay pilot",
        "docker compose run --rm pilot", "docker compose run --rm mimo fly",
    ],
)  # fmt: skip
def test_a_command_that_does_not_exist_would_be_noticed(wrong: str) -> None:
    with pytest.raises((AssertionError, ModuleNotFoundError)):
        ensure_exists(wrong)


@every_document
def test_every_setting_exists(path: Path) -> None:
    named = set(re.findall(rf"\b{PREFIX}[A-Z_]+\b", path.read_text()))
    assert named <= {PREFIX + name.upper() for name in Settings.model_fields}


@every_document
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text()):
        assert target.startswith("https://") or (path.parent / target).exists(), target


@every_document
def test_every_file_that_is_named_exists(path: Path) -> None:
    packages = "events|infra|command_api|projectors|query_api|mimo|tests|docs"
    for name in re.findall(rf"`((?:{packages})/[\w/.-]+)", path.read_text()):
        assert (ROOT / name).exists(), name


def test_the_settings_in_the_operations_page_are_the_settings_there_are() -> None:
    assert settings_table() in section(OPERATIONS, "Settings"), "paste what `mimo settings` prints"


def test_the_metrics_in_the_operations_page_are_the_metrics_there_are() -> None:
    defined: set[str] = set()
    for module in METRIC_MODULES:
        source = Path(importlib.import_module(module).__file__ or "").read_text()
        for kind, name in re.findall(r'(Counter|Gauge|Histogram)\(\s*"(mimo_\w+)"', source):
            defined.add(f"{name}_total" if kind == "Counter" else name)
    assert defined == set(re.findall(r"`(mimo_\w+)`", section(OPERATIONS, "Health")))


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_is_short_and_names_a_test_that_exists(path: Path) -> None:
    text = path.read_text()
    number = int(path.name[:4])
    assert text.startswith(f"# {number}. ")
    assert len(text) < 2_500, "half a page"
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)
    assert named, "say which test keeps it"
    for file, test in named:
        functions = (node for node in ast.walk(ast.parse((ROOT / file).read_text())) if hasattr(node, "name"))
        assert test in {node.name for node in functions}, f"{file}::{test}"


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))

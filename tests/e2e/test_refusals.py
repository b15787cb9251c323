"""What the `mimo` command says when something outside is wrong: one sentence, exit code 1, no traceback."""

import ast
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system import ANY_PORTS, ROOT, run_mimo


def refused(*arguments: str, **environment: str) -> str:
    """Run a command that must be refused; the sentence it says."""
    done = run_mimo(*arguments, **environment)
    assert done.returncode == 1, done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_a_port_in_use_is_named_with_who_has_it(place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = refused("up", "--data", str(place / "data"), *ANY_PORTS, "--command-port", port)
    assert said.startswith(f"mimo: Port {port} is in use by ")
    assert said.endswith("stop that, or choose another with --command-port.")


def test_two_parts_cannot_have_one_port(place: Path) -> None:
    said = refused("up", "--data", str(place / "data"), *ANY_PORTS, "--command-port", "8444", "--query-port", "8444")
    assert "same port" in said


def test_a_folder_that_cannot_be_written_is_named(place: Path) -> None:
    (place / "file").touch()
    said = refused("up", "--data", str(place / "file" / "data"))
    assert re.fullmatch(
        r"mimo: The data folder .*/file/data cannot be written \(.+\): choose another with --data\.", said
    )


def test_a_folder_that_belongs_to_the_kernel_is_refused() -> None:
    assert "cannot be written" in refused("up", "--data", "/proc/mimo")


@pytest.mark.parametrize("command", [("status",), ("users", "grant", "a@example.org", "admin")])
def test_a_folder_without_a_database_is_said(place: Path, command: tuple[str, ...]) -> None:
    assert "There is no database in" in refused(*command, "--data", str(place))


def test_an_external_database_that_is_away_is_said_without_its_password(place: Path) -> None:
    url = "postgresql://mimo:confidential@127.0.0.1:9/mimo"
    said = refused("up", "--data", str(place / "data"), *ANY_PORTS, MIMO_DATABASE_URL=url)
    assert "PostgreSQL at 127.0.0.1:9/mimo cannot be reached" in said
    assert "confidential" not in said


def test_a_wrong_setting_is_named(place: Path) -> None:
    assert "MIMO_WORKERS" in refused("up", "--data", str(place / "data"), MIMO_WORKERS="none")


def test_a_system_that_is_away_is_said_by_the_demo() -> None:
    said = refused("demo", "--command-url", "http://127.0.0.1:9", "--patience", "0.2")
    assert "No answer from http://127.0.0.1:9/v1/users" in said


def test_a_journal_that_cannot_be_read_is_said(place: Path) -> None:
    assert "cannot be read" in refused("demo", "--verify", str(place / "missing"))


def test_an_old_python_is_told_so() -> None:
    program = "import sys; sys.version_info = (3, 9, 1); from mimo.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("mimo needs Python 3.11 or newer; this is Python 3.9.1")


@pytest.mark.parametrize("name", ["__init__.py", "__main__.py"])
def test_an_old_python_can_read_what_tells_it(name: str) -> None:
    ast.parse((ROOT / "mimo" / name).read_text(), feature_version=(3, 4))


def test_help_reads_well() -> None:
    done = run_mimo("--help", COLUMNS="100")
    assert done.returncode == 0
    assert done.stdout.lstrip().startswith("Usage: mimo")
    for command in ("up", "migrate", "status", "demo", "users", "keys", "settings"):
        described = re.search(rf"^│ {command} +(\S.*?) +│$", done.stdout, re.MULTILINE)
        assert described is not None, command
        assert described[1][0].isupper()


@pytest.mark.parametrize(
    "command", ["up", "migrate", "status", "demo", "users grant", "users erase", "log renew", "keys rotate", "settings"]
)
def test_every_command_and_option_is_explained(command: str) -> None:
    done = run_mimo(*command.split(), "--help", COLUMNS="100")
    assert done.returncode == 0
    options = re.findall(r"^│ --(\S+) +(?:<[^>]+> *)?(.*?) *│$", done.stdout, re.MULTILINE)
    assert options
    assert all(meaning for _, meaning in options), options


def test_the_settings_are_listed() -> None:
    assert "| `MIMO_COMMAND_PORT` | `8001` |" in run_mimo("settings").stdout

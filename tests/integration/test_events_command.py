"""`mimo events` as somebody types it: readable on a terminal, JSON elsewhere, sentences and exit codes."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from tests.integration.searched_log import SearchedLog
from tests.system import ROOT, run_mimo
from tests.unit.events.examples import SECRETS

WIDE = {"COLUMNS": "200"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def log(shared_database_url: str) -> SearchedLog:
    log = SearchedLog(200)
    await log.store(shared_database_url)
    return log


def run(url: str, *words: str) -> subprocess.CompletedProcess[str]:
    return run_mimo("events", *words, MIMO_DATABASE_URL=url, **WIDE)


def told(url: str, *words: str) -> str:
    """What it prints when all is well."""
    done = run(url, *words)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def objects(url: str, *words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in told(url, *words).splitlines()]


def test_elsewhere_than_on_a_terminal_events_are_json_lines(shared_database_url: str, log: SearchedLog) -> None:
    found = objects(shared_database_url, "tail")
    assert [event["position"] for event in found] == [event.position for event in log.events[-20:]]
    assert found[-1]["data"] == json.loads(log.events[-1].data)
    wanted = ("--type", "UserRegistered", "--type", "CourseCreated", "-n", "3", "--to", "10")
    assert [event["position"] for event in objects(shared_database_url, "tail", *wanted)] == [6, 7, 10]


def test_on_a_terminal_events_are_lines_of_its_width(shared_database_url: str, log: SearchedLog) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "mimo", "events", "tail", "-n", "2", "--type", "CourseCreated"], stdout=theirs, cwd=ROOT,
        env={**os.environ, "MIMO_DATABASE_URL": shared_database_url, "COLUMNS": "120"},
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while chunk := _read(ours):
        shown += chunk
    os.close(ours)
    assert process.wait() == 0
    lines = shown.decode().splitlines()
    assert [len(line) for line in lines] == [120, 120]
    assert "  CourseCreated       course-…" in lines[0]


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # how Linux says that the other side is closed
        return b""


def test_lines_for_people_are_printed_elsewhere_when_asked_for(shared_database_url: str, log: SearchedLog) -> None:
    (line,) = told(shared_database_url, "tail", "-n", "1", "--text", "--type", "UserRegistered").splitlines()
    assert line.startswith("2026-09-01 00:00:06.000        6  UserRegistered      user-…")
    assert line.endswith("sealed=(sealed)")


def test_grep_finds_in_what_is_not_sealed(shared_database_url: str, log: SearchedLog) -> None:
    (found,) = objects(shared_database_url, "grep", "client-77\\y", "--topic", "messages")
    assert found["data"]["client_message_id"] == "client-77"
    assert told(shared_database_url, "grep", "Hello|ada@example") == ""
    assert not [secret for secret in SECRETS if secret in told(shared_database_url, "grep", ".")]


def test_one_event_is_shown_in_full(shared_database_url: str, log: SearchedLog) -> None:
    event = log.events[6]
    assert f"id              {event.id}\n" in told(shared_database_url, "show", "7")
    (found,) = objects(shared_database_url, "show", f"{event.topic}/{event.partition}/{event.offset}", "--json")
    assert (found["id"], found["position"]) == (str(event.id), 7)


def test_events_are_counted(shared_database_url: str, log: SearchedLog) -> None:
    assert told(shared_database_url, "count", "--type", "MessageSent") == "200 events\n"
    table = told(shared_database_url, "count", "--by", "type").splitlines()
    assert table[0].split() == ["type", "events"]
    assert table[1].split() == ["MessageSent", "200"]
    assert table[-1] == f"{len(log.events)} events"
    counted = json.loads(told(shared_database_url, "count", "--by", "day", "--topic", "courses", "--json"))
    assert counted == {"events": 16, "day": [{"day": "2026-09-01", "events": 16}]}
    assert told(shared_database_url, "count", "--json", "--since", "1m") == '{"events": 0}\n'


def test_an_export_has_every_event(shared_database_url: str, log: SearchedLog, tmp_path: Path) -> None:
    out = tmp_path / "events.jsonl"
    out.write_text("from before")
    said = told(shared_database_url, "export", "--out", str(out))
    assert said == f"Wrote {len(log.events)} events to {out}.\n"
    assert [json.loads(line)["id"] for line in out.read_text().splitlines()] == [str(event.id) for event in log.events]
    assert told(shared_database_url, "export") == out.read_text()
    assert list(tmp_path.iterdir()) == [out]


@pytest_asyncio.fixture(loop_scope="session")
async def broken_log(database_url: str) -> str:
    """A log with an event that cannot be written as JSON."""
    await SearchedLog(20).store(database_url)
    owner = await asyncpg.connect(database_url)
    await owner.execute("""update log.event set meta = '"broken"' where position = 30""")
    await owner.close()
    return database_url


def test_an_export_that_fails_leaves_the_file_as_it_was(broken_log: str, tmp_path: Path) -> None:
    out = tmp_path / "events.jsonl"
    out.write_text("from before")
    failed = run(broken_log, "export", "--out", str(out))
    assert failed.returncode == 1
    assert failed.stderr.startswith("mimo: Event 30 has meta data that cannot be read: ")
    assert (out.read_text(), list(tmp_path.iterdir())) == ("from before", [out])


def test_a_file_that_cannot_be_written_is_said(shared_database_url: str, log: SearchedLog, tmp_path: Path) -> None:
    for out, said in (
        (tmp_path / "none" / "x", "cannot be written (No such file or directory): choose another with --out."),
        (Path("/dev/null"), "is no file: choose another with --out."),
    ):
        failed = run(shared_database_url, "export", "--out", str(out))
        assert (failed.returncode, failed.stdout) == (1, "")
        assert failed.stderr == f"mimo: {out} {said}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("tail", "--type", "messagesent"), "There is no event 'messagesent'; did you mean MessageSent?"),
        (("tail", "-f", "--to", "9"), "Following has no end: leave out --until and --to, or --follow."),
        (("show", "99999"), "There is no such event; the log has "),
        (("grep", "("), "'(' is no regular expression: "),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    shared_database_url: str, log: SearchedLog, words: tuple[str, ...], said: str
) -> None:
    failed = run(shared_database_url, *words)
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.startswith(f"mimo: {said}")
    assert len(failed.stderr.splitlines()) == 1


def test_a_database_that_is_away_or_not_there_is_said(tmp_path: Path) -> None:
    for words in (("tail", "-f"), ("count",)):
        away = run("postgresql://mimo@127.0.0.1:1/mimo", *words)
        assert away.returncode == 1
        assert away.stderr.startswith("mimo: PostgreSQL at 127.0.0.1:1/mimo cannot be reached: ")
        none = run_mimo("events", *words, "--data", str(tmp_path))
        assert none.returncode == 1
        assert f"There is no database in {tmp_path}" in none.stderr
        assert "mimo up" in none.stderr

"""`mimo dead-letters` shows what could not be read, raw, and forgets it when told to; `mimo status` counts it."""

import json
from base64 import b64encode

import asyncpg
import pytest

from events.errors import CannotStart
from mimo.dead_letters import where_of
from tests.system import run_mimo

INSERT = """
insert into projection.dead_letter (topic, partition, kafka_offset, timestamp_ms, key, value, headers, error)
values ('mimo.messages', 3, 17, $1, $2, $3, $4, 'mimo.messages.3: a record without the header ''ce_id''')
"""


@pytest.fixture
async def with_letters(database_url: str) -> str:
    """A database with two dead letters at one place, of a topic that was made anew in between."""
    connection = await asyncpg.connect(database_url)
    headers = json.dumps([["content-type", b64encode(b"text/plain").decode()], ["odd", None]])
    await connection.execute(INSERT, 1_790_000_000_000, b"a key", b"garbage", headers)
    await connection.execute(INSERT, 1_790_000_000_001, None, b"\xff\xfe", "[]")
    await connection.close()
    return database_url


def test_they_are_listed_shown_raw_and_discarded(with_letters: str) -> None:
    def run(*arguments: str) -> str:
        done = run_mimo("dead-letters", *arguments, MIMO_DATABASE_URL=with_letters)
        assert done.returncode == 0, done.stderr
        return done.stdout

    listed = run()
    assert listed.count("mimo.messages.3:17") == 2
    assert "2 dead letters" in listed
    rows = json.loads(run("--json"))
    assert [row["kafka_offset"] for row in rows] == [17, 17]
    assert "a record without the header" in rows[0]["error"]
    first, second = json.loads(run("--show", "mimo.messages.3:17"))
    assert (first["key"], first["value"], first["timestamp"]) == ("a key", "garbage", "2026-09-21T14:13:20.000+00:00")
    assert first["headers"] == [{"name": "content-type", "value": "text/plain"}, {"name": "odd", "value": None}]
    assert (second["key"], second["value_base64"]) == (None, b64encode(b"\xff\xfe").decode())
    status = run_mimo("status", MIMO_DATABASE_URL=with_letters)
    assert "2 dead letters: see mimo dead-letters" in status.stdout
    assert run("--discard", "mimo.messages.3:17") == "Discarded mimo.messages.3:17.\n"
    assert run() == "0 dead letters\n"


def test_who_discards_is_noted_in_the_log_lines(with_letters: str) -> None:
    done = run_mimo("dead-letters", "--discard", "mimo.messages.3:17", MIMO_DATABASE_URL=with_letters)
    noted = json.loads(done.stderr.splitlines()[-1])
    assert (noted["event"], noted["record"]) == ("dead_letter_discarded", "mimo.messages.3:17")
    assert noted["operator"]


@pytest.mark.parametrize("option", ["--show", "--discard"])
def test_one_that_is_not_there_is_said_in_a_sentence(database_url: str, option: str) -> None:
    done = run_mimo("dead-letters", option, "mimo.users.1:2", MIMO_DATABASE_URL=database_url)
    assert (done.returncode, done.stderr) == (1, "mimo: There is no dead letter mimo.users.1:2.\n")


@pytest.mark.parametrize(
    "wrong", ["", "mimo.users", "mimo.users.1", "mimo.users:1", "mimo.users.one:2", "mimo.users.1:x"]
)
def test_what_is_no_place_is_refused(wrong: str) -> None:
    with pytest.raises(CannotStart, match="no place of a record"):
        where_of(wrong)


def test_a_place_is_read_as_the_list_writes_it() -> None:
    assert where_of("mimo.messages.3:17") == ("mimo.messages", 3, 17)

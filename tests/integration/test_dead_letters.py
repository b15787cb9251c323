"""`mimo dead-letters` shows what could not be read, raw, and forgets it when told to; `mimo status` counts it."""

import json
from base64 import b64encode

import asyncpg
import pytest
from aiokafka.structs import ConsumerRecord
from structlog.testing import capture_logs

from events.errors import CannotStart
from infra.event_log import dead_letters
from infra.event_log.dead_letters import DeadLetter
from infra.event_log.measured import DEAD_LETTERS_NOT_KEPT
from infra.postgres import Role, connect
from mimo.dead_letters import where_of
from mimo.options import operator
from tests.integration.test_audited_commands import written
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


async def test_who_discards_is_written_into_the_log(with_letters: str) -> None:
    assert run_mimo("dead-letters", "--discard", "mimo.messages.3:17", MIMO_DATABASE_URL=with_letters).returncode == 0
    (_, asked, meta, _), (_, ended, _, _) = await written(with_letters)
    assert (asked["action"], asked["target"]) == ("discard-dead-letter", "mimo.messages.3:17")
    assert meta["actor"] == f"operator:{operator()}"
    assert (ended["outcome"], ended["said"]) == ("done", "Discarded mimo.messages.3:17.")


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


KEPT = "select array_agg(kafka_offset order by kafka_offset) from projection.dead_letter where partition = $1"


def garbage(partition: int, kafka_offset: int, value: bytes = b"spam") -> DeadLetter:
    record = ConsumerRecord(
        "mimo.users", partition, kafka_offset, 1, 0, None, value, None, -1, len(value), (("odd", b"\xff"),)
    )
    return DeadLetter(("mimo.users", partition), record, "no event")


async def test_so_many_are_kept_of_a_partition_and_the_others_counted(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "MOST_RECORDS", 3)
    counter = DEAD_LETTERS_NOT_KEPT.labels("mimo.users")
    before = counter._value.get()
    connection = await connect(database_url, application="test", role=Role.PROJECTOR)
    try:
        with capture_logs() as logged:
            await dead_letters.keep(connection, [garbage(0, offset) for offset in range(6)] + [garbage(1, 9)])
        assert [await connection.fetchval(KEPT, partition) for partition in (0, 1)] == [[0, 1, 2], [9]]
        assert [(line["partition"], line["kafka_offset"]) for line in logged if line["event"] == "dead_letter"] == [
            (0, 0), (0, 1), (0, 2), (1, 9)
        ]  # fmt: skip
        (loud,) = [line for line in logged if line["event"] == "dead_letters_not_kept"]
        assert (loud["log_level"], loud["topic"], loud["partition"], loud["records"]) == ("error", "mimo.users", 0, 3)
        assert counter._value.get() - before == 3

        await dead_letters.keep(connection, [garbage(0, offset) for offset in range(3)])
        assert counter._value.get() - before == 3, "what is there already is kept"
        await connection.execute("delete from projection.dead_letter where kafka_offset = 1")
        await dead_letters.keep(connection, [garbage(0, 7), garbage(0, 8)])
        assert await connection.fetchval(KEPT, 0) == [0, 2, 7]
        assert counter._value.get() - before == 4
    finally:
        await connection.close()


async def test_so_many_bytes_are_kept_of_a_partition(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "MOST_BYTES", 200)
    connection = await connect(database_url, application="test", role=Role.PROJECTOR)
    try:
        await dead_letters.keep(connection, [garbage(0, 0, b"x" * 120), garbage(0, 1, b"x" * 100)])
        await dead_letters.keep(connection, [garbage(0, 2, b"x" * 30), garbage(0, 3, b"x" * 40)])
        assert await connection.fetchval(KEPT, 0) == [0, 2]
    finally:
        await connection.close()

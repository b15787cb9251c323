"""`log.append` over batches equals the sequential model, command by command and table by table."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from infra.append_batch import CALL
from tests.property.sequential_log import Command, SequentialLog

STREAMS = ("course-1", "course-2", "channel-1")
SCOPES = ("email", "seats", "more-seats")
KEYS = ("a", "b", "c")
NAMES = ("password/1", "refresh/1")

RESET = "truncate log.event, log.claim, log.scope_count, log.private, log.idempotency"


def one_per(name: int, rows: list[Any]) -> tuple[Any, ...]:
    """Drops rows whose member `name` an earlier row has."""
    return tuple({row[name]: row for row in reversed(rows)}.values())


claim = st.one_of(
    st.tuples(st.sampled_from("natttr"), st.sampled_from(SCOPES), st.sampled_from(KEYS)),
    st.tuples(st.just("o"), st.sampled_from(SCOPES), st.sampled_from(("", *KEYS))),
    st.tuples(st.just("l"), st.sampled_from(SCOPES[1:]), st.sampled_from(("", "0", "1", "2"))),
)


@st.composite
def claims(draw: st.DrawFn) -> tuple[tuple[str, str, str], ...]:
    rows = list(dict.fromkeys(draw(st.lists(claim, max_size=3))))
    limits = one_per(1, [row for row in rows if row[0] == "l"])
    return (*[row for row in rows if row[0] != "l"], *limits)


command = st.builds(
    Command,
    events=st.lists(st.tuples(st.sampled_from(STREAMS), st.integers(0, 1)), max_size=2).map(tuple),
    expected=st.lists(st.tuples(st.sampled_from(STREAMS), st.integers(0, 3)), max_size=1).map(tuple),
    claims=claims(),
    private=st.lists(
        st.tuples(
            st.sampled_from("sdc"), st.sampled_from(NAMES), st.sampled_from((b"x", b"y")), st.none() | st.integers(0, 2)
        ),
        max_size=1,
    ).map(tuple),
    idempotency=st.none() | st.tuples(st.sampled_from(KEYS), st.sampled_from((b"1", b"2"))),
)
taker = st.builds(
    lambda need, key: Command(claims=(*need, ("t", "seats", key))),
    st.sampled_from(((), (("n", "email", "a"),), (("a", "email", "b"),))),
    st.sampled_from("abcd"),
)
leaver = st.builds(lambda key: Command(claims=(("r", "seats", key),)), st.sampled_from("abcd"))
renewer = st.sampled_from(KEYS).map(lambda key: Command(claims=(("r", "email", key), ("t", "email", key))))
opening = st.sampled_from("123").map(lambda seats: [Command(claims=(("l", "seats", seats),))])
rush = st.tuples(opening, st.lists(st.one_of(taker, taker, taker, leaver), min_size=2, max_size=12)).map(list)
anyone = st.one_of(command, command, command, command, renewer)
mixed = st.lists(st.lists(anyone, min_size=1, max_size=12), min_size=1, max_size=4)
histories = st.one_of(mixed, rush, st.tuples(mixed, rush).map(lambda pair: [*pair[0], *pair[1]]))
"""Batches of commands; half of them end in a rush for few seats."""


def arguments(batch: Sequence[Command]) -> list[Any]:
    """A batch as the arguments of `log.append`."""
    rows: list[list[tuple[Any, ...]]] = [[], [], [], [], []]
    for n, one in enumerate(batch, start=1):
        rows[0] += [(n, uuid4(), s, "mimo.t", p, "k", "T", 1, "{}", "{}") for s, p in one.events]
        rows[1] += [(n, *pair) for pair in one.expected]
        rows[2] += [(n, *triple, uuid4()) for triple in one.claims]
        rows[3] += [(n, *write) for write in one.private]
        rows[4] += [(n, "me", *one.idempotency)] if one.idempotency else []
    widths = (10, 3, 5, 5, 4)
    columns = [
        list(column)
        for group, width in zip(rows, widths, strict=True)
        for column in (zip(*group, strict=True) if group else [()] * width)
    ]
    return [len(batch), *columns, False]


class Database:
    """One connection, driven from synchronous tests."""

    def __init__(self, url: str) -> None:
        self.runner = asyncio.Runner()
        self.connection = self.runner.run(asyncpg.connect(url))

    def close(self) -> None:
        self.runner.run(self.connection.close())
        self.runner.close()

    def do(self, statement: str) -> None:
        self.runner.run(self.connection.execute(statement))

    def append(self, batch: Sequence[Command]) -> list[tuple[str | None, list[tuple[int, int, int]]]]:
        answer = self.runner.run(self.connection.fetchrow(CALL, *arguments(batch)))
        reasons = {refusal["command"]: refusal["reason"] for refusal in answer["refusals"]}
        numbers = iter(zip(answer["positions"] or (), answer["versions"] or (), answer["offsets"] or (), strict=True))
        return [
            (reasons[n], []) if n in reasons else (None, [next(numbers) for _ in one.events])
            for n, one in enumerate(batch, start=1)
        ]

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.runner.run(self.connection.fetch(statement))]


@pytest.fixture(scope="module")
def database(shared_database_url: str) -> Iterator[Database]:
    opened = Database(shared_database_url)
    yield opened
    opened.close()


def assert_same_tables(database: Database, model: SequentialLog) -> None:
    stored = database.rows('select stream, version, partition, "offset" from log.event order by position')
    assert stored == model.events
    assert set(database.rows("select scope, key from log.claim")) == model.claims
    assert {
        name: (value, version) for name, value, version in database.rows("select * from log.private")
    } == model.private
    counts = database.rows(
        "select distinct on (scope) scope, capacity, held from log.scope_count order by scope, change desc"
    )
    assert {scope: capacity for scope, capacity, _ in counts} == model.limits
    assert {scope: held for scope, _, held in counts} == {scope: model.held(scope) for scope in model.limits}
    assert dict(database.rows("select key, fingerprint from log.idempotency")) == model.keys


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(histories)
def test_a_batch_equals_its_commands_one_at_a_time(database: Database, batches: list[list[Command]]) -> None:
    database.do(RESET)
    model = SequentialLog()
    for batch in batches:
        outcomes = database.append(batch)
        assert outcomes == [model.run(one) for one in batch]
        for reason, _ in outcomes:
            event(reason or "accepted")
    assert_same_tables(database, model)


def test_a_seat_that_a_refused_command_wanted_goes_to_its_rival(database: Database) -> None:
    database.do(RESET)
    database.append([Command(claims=(("l", "seats", "1"),))])
    first = Command(claims=(("n", "course", "open"), ("t", "seats", "a")))
    assert [reason for reason, _ in database.append([first, Command(claims=(("t", "seats", "b"),))])] == [
        "missing",
        None,
    ]


def test_the_only_taker_gets_the_last_seat_that_is_left_in_the_same_batch(database: Database) -> None:
    database.do(RESET)
    database.append([Command(claims=(("l", "seats", "1"),)), Command(claims=(("t", "seats", "a"),))])
    leaving, taking = Command(claims=(("r", "seats", "a"),)), Command(claims=(("t", "seats", "b"),))
    assert [reason for reason, _ in database.append([leaving, taking])] == [None, None]
    assert [reason for reason, _ in database.append([Command(claims=(("t", "seats", "a"),)), Command()])] == [
        "full",
        None,
    ]


def test_who_waits_for_an_earlier_command_keeps_their_place_in_the_queue_for_seats(database: Database) -> None:
    database.do(RESET)
    database.append([Command(claims=(("l", "seats", "1"),))])
    first = Command(claims=(("n", "course", "open"), ("t", "seats", "a")))
    rush = [first, Command(claims=(("t", "seats", "a"),)), Command(claims=(("t", "seats", "b"),))]
    assert [reason for reason, _ in database.append(rush)] == ["missing", None, "full"]


def test_of_two_that_expect_version_0_one_is_refused(database: Database) -> None:
    database.do(RESET)
    one = Command(events=(("course-1", 0),), expected=(("course-1", 0),))
    assert [reason for reason, _ in database.append([one, one])] == [None, "version"]


def test_who_gives_a_claim_back_may_take_it_anew_in_the_same_command(database: Database) -> None:
    database.do(RESET)
    take, give = ("t", "email", "a"), ("r", "email", "a")
    anew, other = Command(claims=(give, take)), Command(claims=(take,))
    assert [reason for reason, _ in database.append([other, anew, other, anew])] == [None, None, "taken", None]
    assert [reason for reason, _ in database.append([Command(claims=(take, give))])] == ["taken"]

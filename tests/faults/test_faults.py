"""The product gets over faults under load: a few rounds here, with outages of seconds; `make torture` plays 200."""

from collections.abc import Iterator
from itertools import count

import asyncpg
import pytest

from tests.faults.kinds import KINDS
from tests.faults.load import Load, running_load
from tests.faults.product import Product, keep, throw_away_product
from tests.faults.proof import rows_that_differ
from tests.faults.rounds import Plan, play
from tests.topics import read_log

SEED = 1
OUTAGE_SECONDS = 4.0
ROUNDS = (
    "relay frozen, replaced, awake",
    "kill -9 of the broker",
    "projector frozen, replaced, awake",
    "kill -9 of PostgreSQL and relay",
    "broker away",
    "topics deleted",
    "replay killed, gone on with, rolled back",
    "kill -9 of several at once",
    "kill -9 of the projector",
    "kill -9 of everything",
)
LIVE_MESSAGES = """
    select format('messages_v%s_g%s', version, generation) from projection.generation
    where projection = 'messages' and status = 'live'"""
Running = tuple[Product, Load]

_numbers = count(1)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """One system and one load for all rounds: what an earlier fault broke shows in a later one."""
    with throw_away_product() as product, running_load(product) as load:
        yield product, load


@pytest.mark.parametrize("fault", ROUNDS)
def test_nothing_is_lost_or_doubled_and_all_comes_back_by_itself(running: Running, fault: str) -> None:
    product, load = running
    result = play(Plan(SEED, next(_numbers), fault, OUTAGE_SECONDS), product, load)
    if result.failure:
        keep(product)
    assert not result.failure, f"{result}; what it left: {product.folder}"


def test_a_client_that_reads_everything_finds_what_was_acknowledged(running: Running) -> None:
    _, load = running
    assert load.verified() is None


def test_the_doctor_finds_nothing_wrong_with_any_event_claim_or_record(running: Running) -> None:
    product, _ = running
    assert product.illness() is None


def test_every_round_of_the_tests_is_a_known_fault() -> None:
    assert set(ROUNDS) <= set(KINDS)


async def test_a_row_that_is_not_what_the_log_says_would_be_noticed(running: Running) -> None:
    product, _ = running
    url = product.url()
    _, _, events = await read_log(url)
    assert await rows_that_differ(url, events) == {}
    connection = await asyncpg.connect(url)
    try:
        live = await connection.fetchval(LIVE_MESSAGES)
        await connection.execute(f"update {live}.message set number = number + 1000 where seq = 2")
        assert (await rows_that_differ(url, events))["messages.message"] > 0
        await connection.execute(f"update {live}.message set number = number - 1000 where seq = 2")
        assert await rows_that_differ(url, events) == {}
    finally:
        await connection.close()

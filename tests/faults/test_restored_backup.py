"""PostgreSQL is restored from a copy that is older than the topics: nothing wrong is published or applied, everybody is
told why, and the documented way out brings all back.
"""

import asyncio
import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from tests.faults.load import Load, running_load
from tests.faults.product import Product, throw_away_product
from tests.faults.proof import count_commands, flaws_of_log, rows_that_differ
from tests.system import run_mimo
from tests.topics import flaws_of_topics, read_log, read_topics
from tests.until import until

LOOKS_SECONDS = 7.0
"""The relay looks again every few seconds; for so long it must go on refusing."""
NEWCOMERS = 40
"""Enough for events in most partitions of the people's topic."""
LIVE_MESSAGES = """
    select format('messages_v%s_g%s', version, generation) from projection.generation
    where projection = 'messages' and status = 'live'"""


@pytest.fixture
def product() -> Iterator[Product]:
    """A system of its own: it is stopped, and its database replaced."""
    with throw_away_product() as running:
        yield running


def at_rest(product: Product, load: Load) -> None:
    """Nothing is sent, and topics and views have everything."""
    load.pause()
    until(lambda: asyncio.run(is_equal(product)), "topics and views are the log")


async def is_equal(product: Product) -> bool:
    url = product.url()
    _, _, events = await read_log(url)
    return not await flaws_of_topics(url, product.cluster()) and not await rows_that_differ(url, events)


def copy(product: Product, source: str, target: str) -> None:
    """Copy the database's folder, with its owners: PostgreSQL runs as another account when the tests run as root."""
    folder = product.data / target
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    subprocess.run(["cp", "-a", str(product.data / source), str(folder)], check=True)


def register(product: Product, number: int) -> bool:
    """Whether the command API accepts a command that takes an offset of the lost future."""
    person = {"email": f"new-{number}@example.org", "password": "a mill and a store", "display_name": "New"}
    request = urllib.request.Request(
        f"{product.system.command}/v1/users", json.dumps(person).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return bool(answer.status == 201)


async def shown_messages(product: Product) -> set[str]:
    """The ids of all messages that readers can see."""
    connection = await asyncpg.connect(product.url())
    try:
        live = await connection.fetchval(LIVE_MESSAGES)
        return {str(row[0]) for row in await connection.fetch(f"select message_id from {live}.message")}
    finally:
        await connection.close()


async def held(product: Product) -> dict[Any, Any]:
    """All records of all topics."""
    _, partitions, _ = await read_log(product.url())
    return dict(await read_topics(product.cluster(), partitions))


def sent(entries: list[dict[str, Any]]) -> set[str]:
    return {entry["message_id"] for entry in entries if entry["command"] == "SendMessage"}


def mimo(product: Product, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return run_mimo(*arguments, "--data", str(product.data))


def test_after_an_older_backup_nothing_is_published_until_the_operator_has_decided(product: Product) -> None:
    with running_load(product) as load:
        load.advance(100)
        at_rest(product, load)
        saved = load.entries()
        product.system.stop()
        copy(product, "postgres", "backup")
        product.start()
        load.go_on()
        load.advance(200)
        at_rest(product, load)
        lost = sent(load.entries()) - sent(saved)
        product.system.stop()
    copy(product, "backup", "postgres")
    product.begin()
    records = _it_stops_and_says_why(product)
    _nothing_of_the_lost_future_spreads(product, records, lost)
    _the_documented_way_out(product)
    _, _, events = asyncio.run(read_log(product.url()))
    assert count_commands(saved, events).lost == 0
    assert flaws_of_log(events) == []
    with running_load(product) as load:
        load.advance(50)
        at_rest(product, load)
        assert load.verified() is None


def _it_stops_and_says_why(product: Product) -> dict[Any, Any]:
    until(lambda: "mimo log renew" in (product.says("relay") or ""), "the relay says what to do")
    records = asyncio.run(held(product))
    status = json.loads(mimo(product, "status", "--json").stdout)
    assert "mimo log renew" in status["relay"]["stopped"]
    doctor = mimo(product, "doctor")
    assert doctor.returncode == 1
    assert "mimo log renew" in doctor.stdout
    assert "mimo topics delete" in doctor.stdout
    return records


def _nothing_of_the_lost_future_spreads(product: Product, records: dict[Any, Any], lost: set[str]) -> None:
    until(lambda: product.says("command") is None, "commands are accepted")
    for number in range(NEWCOMERS):
        assert register(product, number)
    ends_at = time.monotonic() + LOOKS_SECONDS
    while time.monotonic() < ends_at:
        assert "mimo log renew" in (product.says("relay") or "")
        assert not asyncio.run(shown_messages(product)) & lost
    assert asyncio.run(held(product)) == records


def _the_documented_way_out(product: Product) -> None:
    product.system.stop()
    renewed = mimo(product, "log", "renew")
    assert renewed.returncode == 0, renewed.stderr
    product.begin()
    until(lambda: "another history" in (product.says("relay") or ""), "the relay says whose history Kafka holds")
    deleted = mimo(product, "topics", "delete", "--yes")
    assert deleted.returncode == 0, deleted.stderr
    until(lambda: not product.unready(), "everything is ready again")
    until(lambda: asyncio.run(is_equal(product)), "topics and views are the log again")

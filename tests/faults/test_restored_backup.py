"""PostgreSQL is restored from a copy that is older than the topics: nothing wrong is published or applied, everybody is
told why, and the documented way out brings all back.
"""

import asyncio
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.faults.load import Load, running_load
from tests.faults.product import Product, throw_away_product
from tests.faults.proof import count_commands, flaws_of_log, rows_that_differ
from tests.system import START_SECONDS, run_mimo
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


async def back_up(product: Product, folder: Path) -> None:
    """Copy the database's files while it runs, as PostgreSQL's manual says, with their owners."""
    cluster = product.data / "postgres" / "cluster"
    connection = await asyncpg.connect(product.url())
    try:
        await connection.execute("select pg_backup_start('test', true)")
        copy(cluster, folder)
        label = await connection.fetchval("select labelfile from pg_backup_stop(false)")
    finally:
        await connection.close()
    copy(cluster / "pg_wal", folder / "pg_wal")
    (folder / "postmaster.pid").unlink()
    (folder / "backup_label").write_text(label)
    shutil.chown(folder / "backup_label", cluster.stat().st_uid)


def copy(source: Path, target: Path) -> None:
    """Copy a folder in place of another."""
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run(["cp", "-a", source, target], check=True)


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


async def stored_messages(product: Product) -> set[str]:
    """The ids of all messages in the log."""
    return {str(event.id) for event in (await read_log(product.url()))[2] if event.type == "MessageSent"}


def mimo(product: Product, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return run_mimo(*arguments, "--data", str(product.data))


def test_after_an_older_backup_nothing_is_published_until_the_operator_has_decided(product: Product) -> None:
    backup = product.data / "backup"
    with running_load(product) as load:
        load.advance(50)
        at_rest(product, load)
        saved, kept = load.entries(), asyncio.run(stored_messages(product))
        asyncio.run(back_up(product, backup))
        load.go_on()
        load.advance(200)
        at_rest(product, load)
        lost = asyncio.run(stored_messages(product)) - kept
    assert lost
    product.system.stop()
    copy(backup, product.data / "postgres" / "cluster")
    product.begin()
    records = _it_stops_and_says_why(product)
    _nothing_of_the_lost_future_spreads(product, records, lost)
    _the_documented_way_out(product)
    _, _, events = asyncio.run(read_log(product.url()))
    assert count_commands(saved, events).lost == 0
    assert flaws_of_log(events) == []


def _it_stops_and_says_why(product: Product) -> dict[Any, Any]:
    until(lambda: "mimo log renew" in (product.says("relay") or ""), "the relay says what to do", START_SECONDS)
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
    renewed = mimo(product, "log", "renew", "--yes")
    assert renewed.returncode == 0, renewed.stderr
    product.begin()
    until(lambda: "another history" in (product.says("relay") or ""), "the relay says what Kafka holds", START_SECONDS)
    refused = mimo(product, "topics", "delete", "--yes")
    assert refused.returncode == 1
    assert "--another-history" in refused.stderr
    deleted = mimo(product, "topics", "delete", "--yes", "--another-history")
    assert deleted.returncode == 0, deleted.stderr
    until(lambda: not product.unready(), "everything is ready again", START_SECONDS)
    assert register(product, NEWCOMERS)
    until(lambda: asyncio.run(is_equal(product)), "topics and views are the log again")

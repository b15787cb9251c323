"""`mimo topics delete` looks whose history the topics hold before it deletes them."""

import asyncio
import subprocess
from collections.abc import AsyncIterator

import pytest_asyncio

from events.catalog import TOPICS
from infra.relay.holdings import read_histories
from tests.integration.one_relay import OneRelay, one_relay
from tests.integration.test_audited_commands import written
from tests.ports import free_port
from tests.system import run_mimo
from tests.topics import until_topics_hold_the_log

RENEW = "update log.installation set log_id = gen_random_uuid()"


@pytest_asyncio.fixture(loop_scope="session")
async def published(database_url: str, kafka_server: str) -> AsyncIterator[OneRelay]:
    """A log that is in Kafka."""
    async with one_relay(database_url, kafka_server) as one:
        await one.write(20)
        async with one.running():
            await one.until_copied()
        yield one


async def delete(one: OneRelay, *options: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    named = {
        "MIMO_DATABASE_URL": one.url,
        "MIMO_KAFKA_BOOTSTRAP": one.cluster.bootstrap,
        "MIMO_KAFKA_PREFIX": one.cluster.prefix,
    }
    return await asyncio.to_thread(run_mimo, "topics", "delete", *options, **{**named, **environment})


async def holds_anything(one: OneRelay) -> bool:
    return bool(await read_histories(one.cluster, TOPICS))


async def test_topics_of_this_log_are_deleted(published: OneRelay) -> None:
    deleted = await delete(published, "--yes")
    assert deleted.stdout.startswith(f"Deleted {published.cluster.prefix}mimo."), deleted.stderr
    assert not await holds_anything(published)
    again = await delete(published, "--yes")
    assert again.stdout == "There was no topic to delete.\n", again.stderr
    (_, asked, _, _), (_, ended, _, _), *_ = await written(published.url)
    assert (asked["action"], asked["target"], asked["options"]) == ("delete-topics", " ".join(TOPICS), {})
    assert (ended["outcome"], f"{ended['said']}\n") == ("done", deleted.stdout)


async def test_one_topic_is_deleted_and_refilled_while_the_relay_runs(published: OneRelay) -> None:
    unknown = await delete(published, "mimo.nothing", "--yes")
    assert "mimo.nothing is no topic of ours: there are mimo.users" in unknown.stderr
    async with published.running():
        await published.write(5)
        deleted = await delete(published, "mimo.messages", "--yes")
        assert deleted.stdout == f"Deleted {published.cluster.topic('mimo.messages')}.\n", deleted.stderr
        await until_topics_hold_the_log(published.url, published.cluster)


async def test_topics_of_another_history_are_not_deleted_by_a_plain_yes(published: OneRelay) -> None:
    (theirs,) = await read_histories(published.cluster, TOPICS)
    await published.admin.execute(RENEW)
    refused = await delete(published, "--yes")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"mimo: The topics hold another history, {theirs.decode()}, than the log, ")
    for word in ("mimo log renew", "MIMO_KAFKA_PREFIX", "--another-history"):
        assert word in refused.stderr
    asked = await delete(published)  # and nobody answers
    assert asked.returncode == 1
    assert asked.stdout.startswith("The topics hold another history")
    assert await holds_anything(published)
    deleted = await delete(published, "--yes", "--another-history")
    assert deleted.returncode == 0, deleted.stderr
    assert not await holds_anything(published)


async def test_topics_whose_log_is_out_of_reach_are_deleted_only_when_that_is_said(published: OneRelay) -> None:
    nowhere = {"MIMO_DATABASE_URL": f"postgresql://mimo@127.0.0.1:{free_port()}/mimo"}
    refused = await delete(published, "--yes", **nowhere)
    assert refused.returncode == 1
    assert "without looking whose they are: --another-history" in refused.stderr
    assert await holds_anything(published)
    deleted = await delete(published, "--yes", "--another-history", **nowhere)
    assert deleted.returncode == 0
    assert "It is not written into the log: PostgreSQL at 127.0.0.1:" in deleted.stderr

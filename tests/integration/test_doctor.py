"""The doctor beside a real broker and database: what it says of topics that hold the log, and of those that do not."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from events.catalog import TOPICS
from infra.kafka.cluster import Cluster
from infra.kafka.topics import delete_topics
from mimo.doctor.database import read_log
from mimo.doctor.finding import Finding, Verdict
from mimo.doctor.topics import topic_findings
from tests.integration.one_relay import OneRelay, one_relay
from tests.ports import free_port


@pytest_asyncio.fixture(loop_scope="session")
async def published(database_url: str, kafka_server: str) -> AsyncIterator[OneRelay]:
    """A log that is in Kafka, with no relay running any more."""
    async with one_relay(database_url, kafka_server) as one:
        await one.write(30)
        async with one.running():
            await one.until_copied()
        yield one


async def findings(one: OneRelay, cluster: Cluster | None = None) -> list[Finding]:
    return await topic_findings(one.admin, cluster or one.cluster, await read_log(one.admin))


async def test_topics_that_hold_the_log_are_fine(published: OneRelay) -> None:
    assert {finding.verdict for finding in await findings(published)} == {Verdict.FINE}
    await published.write(5)
    assert {finding.verdict for finding in await findings(published)} == {Verdict.FINE}, "behind is not wrong"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("delete from log.event where position = (select max(position) from log.event)", "in Kafka, with "),
        ("update log.event set id = gen_random_uuid()", " in the log (and "),
        ("update log.installation set log_id = gen_random_uuid()", "holds another history"),
    ],
)
async def test_another_history_is_noticed(published: OneRelay, change: str, said: str) -> None:
    await published.admin.execute(change)
    finding = (await findings(published))[-1]
    assert finding.verdict is Verdict.WRONG
    assert said in finding.sentence
    assert "mimo topics delete" in finding.remedy


async def test_missing_topics_and_a_missing_broker_are_said(published: OneRelay) -> None:
    await delete_topics(published.cluster, TOPICS[:1])
    assert (await findings(published))[1].sentence == f"Not there: {published.cluster.topic(TOPICS[0])}."
    nowhere = f"127.0.0.1:{free_port()}"
    (finding,) = await findings(published, Cluster(nowhere))
    assert finding.verdict is Verdict.WRONG
    assert finding.sentence.startswith(f"Kafka at {nowhere} cannot be reached (")

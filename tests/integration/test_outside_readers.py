"""What the relay publishes, read by programs that know nothing of mimo: kcat, the CloudEvents SDK, JSON Schema.

The command lines are those of docs/consumers.md, word by word.
"""

import asyncio
import json
import os
import re
import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import jsonschema_rs
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, TopicPartition
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event

from events.catalog import EVENTS, PERSONAL, TOPICS
from events.contract.documents import SCHEMAS
from events.contract.examples import EXAMPLES
from events.contract.examples import USER as ADA
from events.messages import MessageDeleted
from events.partition import DEFAULT_PARTITIONS
from events.recorded import Recorded
from infra.kafka.cluster import Cluster
from infra.kafka.topics import ensure_topics
from infra.sealing import new_key
from infra.settings import KafkaSecurity, SaslMechanism
from tests.documents import blocks
from tests.secured_broker import BOTH, PASSWORD, USER, Secured, secured_broker
from tests.system import ROOT
from tests.tools import program
from tests.unit.events.examples import SECRETS
from tests.written_log import WrittenLog
from tests.written_topics import written_topics

PAGE = ROOT / "docs" / "consumers.md"
PAGE_ADDRESS = "localhost:9092"
KCAT_SECONDS = 60
RELAY_SECONDS = 60
POLL_SECONDS = 0.05
LINES = [line for b in blocks(PAGE.read_text()) if b.language == "sh" for line in b.text.splitlines() if "kcat" in line]
ON_THE_PAGE = [line for line in LINES if PAGE_ADDRESS in line]


def validator(name: str) -> jsonschema_rs.Draft202012Validator:
    schema = json.loads((ROOT / "docs" / SCHEMAS / f"{name}.json").read_text())
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


VALIDATORS = {path.stem: validator(path.stem) for path in (ROOT / "docs" / SCHEMAS).glob("*.json")}


class Published:
    """A history, and the cluster that it was published to."""

    def __init__(self, cluster: Cluster, events: list[Recorded], log_id: str) -> None:
        self.cluster = cluster
        self.events = events
        self.log_id = log_id

    def here(self, line: str) -> str:
        """A line of the page for this broker and these topics."""
        line = line.replace(PAGE_ADDRESS, self.cluster.bootstrap)
        return re.sub(r"-t (mimo\.\w+)", lambda found: f"-t {self.cluster.topic(found[1])}", line)

    def of(self, topic: str) -> list[Recorded]:
        """The events of a topic."""
        return [event for event in self.events if event.topic == topic]


@asynccontextmanager
async def relaying(url: str, cluster: Cluster, head: int) -> AsyncIterator[None]:
    """Runs the relay, as installations do, until everything is published."""
    settings = {"DATABASE_URL": url, "KAFKA_BOOTSTRAP": cluster.bootstrap, "KAFKA_PREFIX": cluster.prefix}
    environment = os.environ | {f"MIMO_{name}": value for name, value in (settings | {"RELAY_PORT": "0"}).items()}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "infra.relay", cwd=ROOT, env=environment)
    connection = await asyncpg.connect(url)
    try:
        async with asyncio.timeout(RELAY_SECONDS):
            while await connection.fetchval("select position from log.relay") < head:
                assert process.returncode is None, "the relay ended"
                await asyncio.sleep(POLL_SECONDS)
        yield
    finally:
        await connection.close()
        process.kill()
        await process.wait()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def published(kafka_server: str, shared_database_url: str) -> AsyncIterator[Published]:
    """Every kind of event, twice, by the relay; and what a relay that died left behind, never committed."""
    log = WrittenLog()
    log.keys[ADA] = new_key()
    log.ring.add(ADA, log.keys[ADA])
    log.add_all([*EXAMPLES, *EXAMPLES])
    await log.store(shared_database_url)
    connection = await asyncpg.connect(shared_database_url)
    log_id = await connection.fetchval("select log_id from log.installation")
    await connection.close()
    async with written_topics(kafka_server, DEFAULT_PARTITIONS) as topics:
        await topics.write(log.events[:3], log_id, abort=True)
        async with relaying(shared_database_url, topics.cluster, len(log.events)):
            yield Published(topics.cluster, log.events, str(log_id))


async def kcat(line: str) -> str:
    """What a command line with kcat prints."""
    program("kcat", "kcat")
    process = await asyncio.create_subprocess_shell(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said, complained = await asyncio.wait_for(process.communicate(), KCAT_SECONDS)
    assert process.returncode == 0, complained.decode()
    return said.decode()


def on_the_page(*words: str) -> str:
    """The one line of the page with these words."""
    (line,) = [line for line in ON_THE_PAGE if all(word in line for word in words)]
    return line


async def test_kcat_lists_the_topics(published: Published) -> None:
    said = await kcat(published.here(on_the_page(" -L")))
    for topic in TOPICS:
        assert f'"{published.cluster.topic(topic)}" with {DEFAULT_PARTITIONS} partitions' in said


async def test_kcat_shows_headers_keys_and_data(published: Published) -> None:
    said = await kcat(published.here(on_the_page("%k %s")))
    records = [record.split("\n") for record in said.strip().split("\n\n")]
    wanted = {str(event.id): (event.key, event.data) for event in published.of("mimo.messages")}
    found = {}
    for headers, value in records:
        told = dict(header.split("=", 1) for header in headers.split(","))
        VALIDATORS["headers"].validate(told)
        key, _, data = value.partition(" ")
        found[told["ce_id"]] = (key, data)
    assert len(records) == len(wanted)
    assert found == wanted


async def test_kcat_shows_records_as_json(published: Published) -> None:
    said = await kcat(published.here(on_the_page(" -J")))
    records = [json.loads(line) for line in said.splitlines()]
    assert len(records) == len(published.of("mimo.messages"))
    assert all("ce_mimooffset" in record["headers"] for record in records)


async def test_kcat_counts_the_types(published: Published) -> None:
    said = await kcat(published.here(on_the_page("uniq -c")))
    wanted = Counter(f"ce_type=app.mimo.{event.type}.v{event.schema}" for event in published.of("mimo.users"))
    assert {name: int(count) for count, name in (line.split() for line in said.splitlines())} == wanted


async def test_kcat_begins_at_a_time(published: Published) -> None:
    events = published.of("mimo.messages")
    since = events[len(events) // 2].at
    line = re.sub(r"s@\d+", f"s@{since.timestamp() * 1000:.0f}", on_the_page("s@"))
    said = await kcat(published.here(line))
    wanted = sorted(f"{event.at.timestamp() * 1000:.0f}" for event in events if event.at >= since)
    assert sorted(line.split(" ")[0] for line in said.splitlines()) == wanted


async def test_kcat_shows_what_comes_as_it_comes(kafka_server: str) -> None:
    line = on_the_page("-o end")
    deleted = next(event for event in EXAMPLES if isinstance(event, MessageDeleted))
    program("kcat", "kcat")
    async with written_topics(kafka_server, 1) as topics:
        words = Published(topics.cluster, [], "").here(line).replace("'", "").replace("\\n", "\n").split(" ")
        process = await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE)
        log = WrittenLog(1)
        try:
            assert process.stdout is not None
            reading = asyncio.create_task(process.stdout.readline())
            async with asyncio.timeout(KCAT_SECONDS):
                while not reading.done():  # what was written before kcat had found the end is not shown
                    await topics.write([log.add(deleted)])
            assert "ce_type=app.mimo.MessageDeleted.v1" in (await reading).decode()
        finally:
            process.kill()
            await process.wait()


async def test_every_line_of_the_page_was_tried(published: Published) -> None:
    tried = [on_the_page(*words) for words in ([" -L"], ["%k %s"], [" -J"], ["uniq -c"], ["s@"], ["-o end"])]
    assert sorted(tried) == sorted(ON_THE_PAGE)


async def read_all(published: Published) -> list[Any]:
    """Every committed record of every topic, in order within each partition."""
    cluster = published.cluster
    consumer = AIOKafkaConsumer(bootstrap_servers=cluster.bootstrap, isolation_level="read_committed")
    await consumer.start()
    try:
        places = [TopicPartition(cluster.topic(t), p) for t in TOPICS for p in range(DEFAULT_PARTITIONS)]
        consumer.assign(places)
        await consumer.seek_to_beginning()
        records: list[Any] = []
        while len(records) < len(published.events):
            for found in (await consumer.getmany(timeout_ms=KCAT_SECONDS * 1000)).values():
                records += found
        return records
    finally:
        await consumer.stop()


async def test_the_cloudevents_sdk_and_the_schemas_read_every_record(published: Published) -> None:
    wanted = {str(event.id): event for event in published.events}
    for record in await read_all(published):
        cloud_event = from_kafka_event(KafkaMessage(dict(record.headers), record.key, record.value))
        event = wanted.pop(cloud_event.get_id())
        assert cloud_event.get_specversion() == "1.0"
        assert cloud_event.get_type() == f"app.mimo.{event.type}.v{event.schema}"
        assert cloud_event.get_source() == "/mimo"
        assert cloud_event.get_subject() == event.stream
        assert cloud_event.get_time() == event.at
        assert cloud_event.get_datacontenttype() == "application/json"
        assert cloud_event.get_extension("partitionkey") == event.key
        assert cloud_event.get_extension("mimolog") == published.log_id
        assert cloud_event.get_extension("mimooffset") == str(event.offset)
        VALIDATORS["headers"].validate({name: value.decode() for name, value in record.headers})
        data = cloud_event.get_data()
        VALIDATORS[f"{event.type}.v{event.schema}"].validate(data)
        assert isinstance(data, dict)
        assert ("sealed" in data) == bool(PERSONAL[event.type])
        assert record.partition == event.partition
        raw = b"".join([record.key, record.value, *(value for _, value in record.headers)])
        assert not [secret for secret in SECRETS if secret.encode() in raw]
    assert not wanted


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A broker that wants TLS and a password."""
    with secured_broker(tmp_path_factory.mktemp("secured")) as found:
        yield found


def let_in(secured: Secured, text: str) -> str:
    """What the page says about TLS and SASL, with the names of this broker."""
    names = {"broker.example:9093": secured.addresses[BOTH], "ca.pem": str(secured.ca)}
    for name, here in (names | {"analytics": USER, "secret": PASSWORD}).items():
        assert text.count(name) == 1
        text = text.replace(name, here)
    return text


async def test_kcat_is_let_in_by_tls_and_sasl(secured: Secured) -> None:
    (line,) = [line for line in LINES if line not in ON_THE_PAGE]
    quoted = line.replace("secret", "'secret'")  # the password here has blanks
    assert secured.addresses[BOTH] in await kcat(let_in(secured, quoted))


async def test_aiokafka_is_let_in_by_tls_and_sasl(secured: Secured) -> None:
    (block,) = [block for block in blocks(PAGE.read_text()) if block.language == "python"]
    admin = Cluster(
        secured.addresses[BOTH],
        security=KafkaSecurity.SASL_SSL,
        ca_file=secured.ca,
        mechanism=SaslMechanism.SCRAM_SHA_512,
        username=USER,
        password=PASSWORD,
    )
    await ensure_topics(admin, TOPICS, 1)
    consumer = eval(let_in(secured, block.text), {"AIOKafkaConsumer": AIOKafkaConsumer, "ssl": ssl})
    await consumer.start()
    try:
        assert set(TOPICS) <= await consumer.topics()
    finally:
        await consumer.stop()


def test_the_page_has_every_topic_with_its_key() -> None:
    page = PAGE.read_text()
    for topic in TOPICS:
        keys = {event.contract.key.removesuffix("_id"): None for event in EVENTS if event.contract.topic == topic}
        assert f"| `{topic}` | {' or '.join(keys)} id |" in page

"""Counts what is said per channel and day into SQLite: every message once, however often this is killed.

    pip install 'aiokafka[zstd]'
    python examples/consumer.py localhost:9092 mimo.messages counts.db

Copy it and change `count`. It must not know more of mimo than docs/consumers.md, which says why it does what it does.
"""

import asyncio
import json
import sqlite3
import sys

from aiokafka import AIOKafkaConsumer, ConsumerRecord

TABLES = """
create table if not exists place (partition integer primary key, offset integer, log text, kafka_next integer);
create table if not exists said (channel text, day text, messages integer, sealed integer, primary key (channel, day));
"""
PLACE = "select coalesce(max(iif(partition = ?, offset, 0)), 0), coalesce(max(log), ?) from place"
COUNT = """
insert into said values (?, ?, 1, ?)
on conflict do update set messages = messages + 1, sealed = sealed + excluded.sealed
"""


def count(db: sqlite3.Connection, headers: dict[str, str], value: bytes) -> None:
    """Counts one event, here how many messages there are and how long their sealed texts are."""
    kind, version = headers["ce_type"].rsplit(".v", 1)
    if kind == "app.mimo.MessageSent":  # what else there is, now or later, is not ours
        if version != "1":
            sys.exit(f"{headers['ce_type']}: learn to read this version first")
        data = json.loads(value)  # the text is sealed: we see that there is one, and not what it says
        db.execute(COUNT, (data["channel_id"], headers["ce_time"][:10], len(data["sealed"])))


def take(db: sqlite3.Connection, record: ConsumerRecord) -> bool:
    """Counts a record unless it was counted before; False when events before it are missing."""
    try:
        headers = {name: value.decode() for name, value in record.headers}
        offset, log = int(headers["ce_mimooffset"]), headers["ce_mimolog"]
    except (AttributeError, KeyError, ValueError):  # no event: if it stands in for one, that one will be missing
        return True
    place: tuple[int, str] = db.execute(PLACE, (record.partition, log)).fetchone()
    seen, history = place  # of this partition, and of all of them
    if log != history:
        sys.exit("the log was restored from a backup: delete the counts and count anew")
    if offset == seen + 1:
        count(db, headers, record.value)
        db.execute("replace into place values (?, ?, ?, ?)", (record.partition, offset, log, record.offset + 1))
    return offset <= seen + 1


async def main(bootstrap: str, topic: str, file: str) -> None:
    """Follows the topic for ever, from where the database says it got to."""
    db = sqlite3.connect(file)
    db.executescript(TABLES)
    options = {"isolation_level": "read_committed", "enable_auto_commit": False, "auto_offset_reset": "earliest"}
    options["metadata_max_age_ms"] = 10_000  # how soon it notices that the topic was made, or made anew
    async with AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, **options) as consumer:
        kafka_next = dict(db.execute("select partition, kafka_next from place"))
        for partition in consumer.assignment():  # all of them: without a group nothing is shared
            consumer.seek(partition, kafka_next.get(partition.partition, 0))
        reread = set()
        while True:
            for partition, records in (await consumer.getmany(timeout_ms=1000)).items():
                with db:  # what was counted and how far we got are one transaction
                    gap = next((record for record in records if not take(db, record)), None)
                if gap and partition in reread:
                    sys.exit(f"partition {partition.partition}: events before Kafka's offset {gap.offset} are missing")
                if gap:  # a topic that was filled anew has other offsets: look for ours from its beginning
                    reread.add(partition)
                    await consumer.seek_to_beginning(partition)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

"""Looks at Kafka: whether it can be reached, whether the topics are as they should be, and whether they hold this log.

It must not know the relay's present state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import asyncpg

from events.catalog import TOPICS
from events.errors import CannotStart
from infra.kafka.cluster import AWAY, Cluster
from infra.kafka.inspection import Topic, inspect_topics
from infra.kafka.topics import topic_settings
from infra.relay.audit import differences
from infra.relay.ends import read_ends
from mimo.doctor.database import Log
from mimo.doctor.finding import Finding, fine, note, wrong

FAILED: tuple[type[Exception], ...] = (CannotStart, *AWAY)
REACH = "Start it, or mend the settings MIMO_KAFKA_…"
ANEW = "Delete the topics (`mimo topics delete`): the relay makes them again and fills them from the log."
MAY_EXPIRE = ("retention.ms", "retention.bytes")
"""Settings that an operator may have changed on purpose; the relay and our projectors get along with it."""


async def topic_findings(connection: asyncpg.Connection, cluster: Cluster, log: Log) -> list[Finding]:
    """What is to be said of Kafka and the topics.

    Args:
        connection: of the owner of the database.
        cluster: where Kafka is.
        log: what the topics should hold.
    """
    try:
        found = await inspect_topics(cluster, TOPICS)
        findings = judge_topics(cluster, log, found)
        places = [(topic, number) for topic in found for number in range(min(found[topic].partitions, log.partitions))]
        contradictions = await differences(connection.fetch, await read_ends(cluster, places))
    except FAILED as error:
        return [wrong("kafka", str(error) or type(error).__name__, REACH)]
    return [*findings, judge_content(contradictions)]


def judge_topics(cluster: Cluster, log: Log, found: Mapping[str, Topic]) -> list[Finding]:
    """Whether the topics are as they should be.

    Args:
        cluster: what they are called there.
        log: into how many partitions it is divided.
        found: those that are there.
    """
    missing = [cluster.topic(name) for name in TOPICS if name not in found]
    findings = [fine("kafka", f"It answers at {cluster.bootstrap}.")]
    if missing:
        remedy = "Start the relay: it makes them and fills them from the log."
        findings.append(wrong("topics", f"Not there: {', '.join(missing)}.", remedy))
    for name, topic in found.items():
        if topic.partitions != log.partitions:
            sentence = f"{cluster.topic(name)} has {topic.partitions} partitions, the log {log.partitions}."
            findings.append(wrong("topics", sentence, ANEW))
        findings += _settings(cluster.topic(name), topic)
    return findings


def judge_content(contradictions: Sequence[str]) -> Finding:
    """Whether the topics hold this log.

    Args:
        contradictions: what they hold that the log does not, a sentence for each partition.
    """
    if not contradictions:
        return fine("topics", "What they end with is in the log.")
    number = f" (and {len(contradictions) - 1} more partitions)" if len(contradictions) > 1 else ""
    return wrong(
        "topics",
        f"They do not hold this log: {contradictions[0]}{number}. Was the database restored from an older backup?",
        "Then stop everything, run `mimo log renew` (if that was not done yet), start again, and run "
        "`mimo topics delete`: they are filled again. If another installation publishes there, choose another "
        "MIMO_KAFKA_PREFIX.",
    )


def _settings(name: str, topic: Topic) -> list[Finding]:
    """Settings that are not as the relay would have made them."""
    findings = []
    for setting, wanted in topic_settings(topic.copies).items():
        present = topic.settings.get(setting)
        if present is None or present == wanted:
            continue
        if setting in MAY_EXPIRE:
            sentence = f"{name} forgets old events ({setting}={present}): new consumers cannot read them from Kafka."
            findings.append(note("topics", sentence))
        elif not _is_enough(setting, present, wanted):
            remedy = f"Set it to {wanted} with your cluster's tools, or: {ANEW}"
            findings.append(wrong("topics", f"{name} has {setting}={present}.", remedy))
    return findings


def _is_enough(setting: str, present: str, wanted: str) -> bool:
    """Whether another value does as well."""
    if setting in ("max.message.bytes", "min.insync.replicas"):
        return int(present) >= int(wanted)
    return setting != "cleanup.policy"

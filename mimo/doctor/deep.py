"""`mimo doctor --deep`: every event of the log, all claims and private values, every record of the topics.

All of it is looked at in one snapshot, so it is right while the system writes. It must not judge; the modules
beside do.
"""

from __future__ import annotations

import asyncpg

from events.catalog import TOPICS
from infra.kafka.cluster import Cluster
from infra.kafka.inspection import inspect_topics
from infra.postgres import AWAY, connect
from mimo.doctor.claims import note_claims, note_private_values
from mimo.doctor.database import read_log
from mimo.doctor.finding import Finding, fine, note, wrong
from mimo.doctor.flaws import Flaws
from mimo.doctor.records import Records
from mimo.doctor.scan import UNREADABLE, scan
from mimo.doctor.topics import FAILED, REACH
from mimo.progress_bar import Told

_MEMORY = "set local work_mem = '64MB'"


async def deep_findings(url: str, cluster: Cluster | None, tell: Told) -> list[Finding]:
    """Looks at everything that takes a look at the whole log.

    Args:
        url: the database, as its owner.
        cluster: where the topics are; None: they are not looked at.
        tell: is told how far it is.
    """
    connection = await connect(url, application="mimo-doctor", transaction_timeout_seconds=0)
    try:
        async with connection.transaction(isolation="repeatable_read"):
            await connection.execute(_MEMORY)
            findings = await log_findings(connection, tell)
            return findings if cluster is None else [*findings, *await record_findings(connection, cluster, tell)]
    except AWAY as error:
        sentence = f"It went away while every event was looked at ({type(error).__name__})."
        return [wrong("database", sentence, "Look again once it is there.")]
    finally:
        await connection.close()


async def log_findings(connection: asyncpg.Connection, tell: Told) -> list[Finding]:
    """What is to be said of the log, the claims and the private values.

    Args:
        connection: in a snapshot, as the owner of the database.
        tell: is told how far it is.
    """
    log = await read_log(connection)
    events = await scan(connection, log.position, log.partitions, tell)
    findings = events.findings() or [fine("log", f"All {log.position} events are where they should be, and readable.")]
    claims, private = Flaws(), Flaws()
    if UNREADABLE in events:
        findings.append(note("claims", "They were not compared with the log, for not all events can be read."))
    else:
        await note_claims(connection, claims)
        findings += claims.findings() or [
            fine("claims", "They and the counted seats are what the events make of them.")
        ]
    await note_private_values(connection, private)
    return [*findings, *(private.findings() or [fine("private values", "They are those of the people in the log.")])]


async def record_findings(connection: asyncpg.Connection, cluster: Cluster, tell: Told) -> list[Finding]:
    """What is to be said of every record in the topics.

    Args:
        connection: in a snapshot of the log.
        cluster: where the topics are.
        tell: is told how far it is.
    """
    flaws = Flaws()
    records = Records(connection, cluster, flaws, tell)
    try:
        there = await inspect_topics(cluster, TOPICS)
        await records.compare({name: topic.partitions for name, topic in there.items()})
    except FAILED as error:
        return [wrong("kafka", str(error) or type(error).__name__, REACH)]
    return flaws.findings() or [fine("topics", f"All {records.compared} records are the log's events, in order.")]

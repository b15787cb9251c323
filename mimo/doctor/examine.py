"""The examination: looks at everything in order, as far as what was found before allows.

It must not judge; the modules beside do.
"""

from __future__ import annotations

import asyncio

from events.errors import CannotStart
from infra.postgres import connect
from infra.settings import Settings
from mimo.cluster import find_cluster
from mimo.database import database
from mimo.doctor.books import book_findings
from mimo.doctor.database import judge_log, key_findings, read_log, revision_findings
from mimo.doctor.deep import deep_findings
from mimo.doctor.finding import Finding, note, wrong
from mimo.doctor.pipeline import judge_pipeline
from mimo.doctor.processes import judge_processes, look
from mimo.doctor.topics import topic_findings
from mimo.progress_bar import Told
from mimo.status import read_status
from projectors.views import PROJECTIONS


def examine(settings: Settings, deeply: Told | None = None) -> list[Finding]:
    """Looks at everything.

    Args:
        settings: of the system to look at.
        deeply: whether every event and record is looked at; is told how far that is.
    """
    parts = look(settings)
    kafka = settings.kafka_bootstrap is not None or any(part.name == "relay" and part.said.answers for part in parts)
    try:
        with database(settings) as url:
            findings = asyncio.run(_examine(settings, url, deeply, kafka=kafka))
    except CannotStart as error:
        findings = [wrong("database", str(error), "Mend that first; what depends on it was not looked at.")]
    return [*findings, *judge_processes(parts, kafka=kafka)]


async def _examine(settings: Settings, url: str, deeply: Told | None, *, kafka: bool) -> list[Finding]:
    """Looks at all that the database knows of."""
    connection = await connect(url, application="mimo-doctor")
    try:
        if findings := await revision_findings(connection):
            return findings
        log = await read_log(connection)
        findings = [judge_log(log), *await key_findings(connection, settings, log)]
        cluster = None
        try:
            cluster = find_cluster(settings)
        except CannotStart as error:
            findings.append(note("kafka", str(error)))
        if cluster is not None:
            findings += await topic_findings(connection, cluster, log)
        findings += await book_findings(connection, [(each.name, each.version, each.topics) for each in PROJECTIONS])
        findings += judge_pipeline(await read_status(url), kafka=kafka)
        return findings if deeply is None else [*findings, *await deep_findings(url, cluster, deeply)]
    finally:
        await connection.close()

"""Whose history the topics hold: the log's own, or another one, which may be somebody else's.

It must not know what is done with them.
"""

import asyncio
from collections.abc import Collection

import asyncpg

from events.catalog import TOPICS
from events.cloudevents import history_header
from events.errors import CannotStart
from infra.kafka.cluster import Cluster, Unreachable
from infra.postgres import connect
from infra.relay.holdings import read_histories
from infra.settings import Settings
from mimo.database import database

UNSEEN = "To delete the topics without looking whose they are: --another-history."
_LOG_ID = "select log_id from log.installation"


def another_history_in(settings: Settings, cluster: Cluster) -> str | None:
    """What to think of before the topics are deleted; None when they hold this log, or nothing.

    Args:
        settings: say where the log is.
        cluster: where the topics are.

    Raises:
        CannotStart: the log or the topics cannot be read.
    """
    try:
        with database(settings) as url:
            ours = asyncio.run(_history_of_log(url))
        held = asyncio.run(read_histories(cluster, TOPICS))
    except Unreachable as error:
        raise CannotStart(f"{error} {UNSEEN}") from error
    except CannotStart as error:
        raise CannotStart(f"Whose history the log is cannot be read: {error} {UNSEEN}") from error
    others = held - {ours}
    return _said(others, ours) if others else None


def _said(others: Collection[bytes], ours: bytes) -> str:
    theirs = ", ".join(sorted(other.decode(errors="replace") for other in others))
    return (
        f"The topics hold another history, {theirs}, than the log, {ours.decode()}. If the log was restored and given "
        "a new id (`mimo log renew`), it is the one from before: delete them. If not, another installation publishes "
        "there: leave them, and choose another MIMO_KAFKA_PREFIX."
    )


async def _history_of_log(url: str) -> bytes:
    connection = await connect(url, application="mimo-topics")
    try:
        return history_header(await connection.fetchval(_LOG_ID))
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        raise CannotStart("The database is not migrated yet: run `mimo migrate` or `mimo up`.") from None
    finally:
        await connection.close()

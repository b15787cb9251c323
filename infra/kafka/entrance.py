"""Why a cluster does not let us in. Clients that cannot begin only say that they cannot, so one connection is tried.

It must not know what is wanted of the cluster.
"""

from __future__ import annotations

from aiokafka.conn import collect_hosts, create_conn

from infra.kafka.clients import REQUEST_TIMEOUT_MS
from infra.kafka.cluster import AWAY, Cluster


async def why_not_let_in(cluster: Cluster) -> str | None:
    """Connects to the first broker of the list.

    Args:
        cluster: whose clients could not begin.

    Returns:
        What went wrong; None when nothing does any more.
    """
    options = {**cluster.client_options("entrance"), "request_timeout_ms": REQUEST_TIMEOUT_MS}
    host, port, _ = collect_hosts(options.pop("bootstrap_servers"), randomize=False)[0]
    del options["retry_backoff_ms"]
    try:
        connection = await create_conn(host, port, **options)
    except AWAY as error:
        return f"{type(error).__name__}: {error}".rstrip(": ")
    connection.close()
    return None

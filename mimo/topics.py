"""`mimo topics`: what Kafka holds of the log, partition by partition, and deleting it so that it is filled again.

It must not know how topics are made, filled or read (infra/kafka, infra/relay).
"""

import asyncio
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from mimo.options import AsJson, Data, Yes, read_settings

if TYPE_CHECKING:
    from infra.kafka.cluster import Cluster
    from infra.settings import Settings

AnotherHistory = Annotated[
    bool, typer.Option("--another-history", help="Delete them whatever history they hold, and without looking.")
]
app = typer.Typer(help="The topics in Kafka that hold the log.")


@app.callback(invoke_without_command=True)
def topics(context: typer.Context, data: Data = None, as_json: AsJson = False) -> None:
    """List what each partition of each topic holds; the offsets are the log's own, dense from 1."""
    if context.invoked_subcommand is not None:
        return
    from rich.console import Console
    from rich.table import Table

    from events.catalog import TOPICS
    from infra.relay.holdings import read_holdings
    from mimo.cluster import require_cluster

    found = asyncio.run(read_holdings(require_cluster(read_settings(data=data)), TOPICS))
    if as_json:
        typer.echo(json.dumps([{**asdict(holding), "events": holding.events} for holding in found]))
        return
    table = Table("topic", "partition", "first", "last", "events")
    for holding in found:
        ends = ("–" if offset is None else str(offset) for offset in (holding.first, holding.last))
        table.add_row(holding.topic, str(holding.partition), *ends, str(holding.events))
    Console().print(table)
    number = len({holding.topic for holding in found})
    typer.echo(f"{sum(holding.events for holding in found)} events in {number} topics")


@app.command("delete")
def topics_delete(
    names: Annotated[list[str] | None, typer.Argument(metavar="[TOPIC]...", help="Only these; else all.")] = None,
    data: Data = None,
    yes: Yes = False,
    another_history: AnotherHistory = False,
) -> None:
    """Delete topics; a running relay makes them again at once and refills them from the log.

    Nothing is lost: the log is in PostgreSQL. Consumers outside of mimo have to start again from the beginning.
    Topics that hold another history than the log may be somebody else's: that is said first.
    """
    from events.catalog import TOPICS
    from events.errors import CannotStart
    from mimo.cluster import require_cluster
    from mimo.ownership import another_history_in

    doomed = tuple(names or TOPICS)
    if unknown := set(doomed) - set(TOPICS):
        raise CannotStart(f"{min(unknown)} is no topic of ours: there are {', '.join(TOPICS)}.")
    settings = read_settings(data=data)
    cluster = require_cluster(settings)
    if not another_history and (doubt := another_history_in(settings, cluster)):
        if yes:
            raise CannotStart(f"{doubt} To delete them all the same, say so: --another-history.")
        typer.echo(doubt)
    if not yes:
        typer.confirm(f"Delete the topics {', '.join(map(cluster.topic, doomed))} at {cluster.bootstrap}?", abort=True)
    typer.echo(_delete(settings, cluster, doomed, another_history=another_history))


def _delete(settings: "Settings", cluster: "Cluster", doomed: tuple[str, ...], *, another_history: bool) -> str:
    """Deletes topics, also where there is no log (any more) to write it into; a sentence that says so."""
    from events.errors import MimoError
    from infra.kafka.topics import delete_topics
    from mimo.database import database
    from mimo.operations import Done, Operation, audited

    begun = False

    async def work(_: object) -> Done[str]:
        nonlocal begun
        begun = True
        deleted = await delete_topics(cluster, doomed)
        said = f"Deleted {', '.join(deleted)}." if deleted else "There was no topic to delete."
        return Done(said, said)

    operation = Operation("delete-topics", " ".join(doomed), {"another_history": "yes"} if another_history else {})
    try:
        with database(settings) as url:
            return asyncio.run(audited(url, operation, work))
    except MimoError as error:
        if begun:
            raise
        typer.echo(f"mimo: It is not written into the log: {error}", err=True)
    return asyncio.run(work(None)).result

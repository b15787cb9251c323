"""`mimo kafka`: a Kafka broker of one's own on this machine, in the background: start, stop, status, wipe.

It must not know how a broker is made (`infra/kafka/broker.py`), nor what its topics are used for.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from events.errors import CannotStart
from infra.kafka.configuration import PORT
from mimo.options import AsJson, Data, read_settings

if TYPE_CHECKING:
    from infra.kafka.broker import LocalBroker, Standing

app = typer.Typer(help="A Kafka broker of your own on this machine, in the data folder.", no_args_is_help=True)


@app.command("start")
def kafka_start(
    data: Data = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help=f"Port for clients; 0: any. \\[default: {PORT}]")
    ] = None,
) -> None:
    """Start a broker in the background; it runs until `mimo kafka stop`.

    The first time, Apache Kafka is downloaded (44 MB) and kept in your cache folder. It listens on this machine only.
    """
    broker = _broker(data, PORT if port is None else port)
    with broker.held():
        found = broker.standing()
        if found.running and port not in (None, 0) and found.address != broker.bootstrap:
            raise CannotStart(f"{_sentence(found)} Stop it first: `mimo kafka stop`.")
        if not found.running:
            broker.start(lambda sentence: typer.echo(f"mimo: {sentence}", err=True), tied=False)
        typer.echo(_sentence(broker.standing(), "already " if found.running else ""))


@app.command("stop")
def kafka_stop(data: Data = None) -> None:
    """Stop the broker; its topics stay."""
    broker = _existing(data)
    with broker.held():
        running = broker.process() is not None
        broker.stop()
    typer.echo(f"Kafka in {broker.folder} is stopped." if running else f"Kafka in {broker.folder} was not running.")


@app.command("status")
def kafka_status(data: Data = None, as_json: AsJson = False) -> None:
    """Show address, process, version and disk use; the exit code is 1 if no broker runs."""
    found = _existing(data).standing()
    typer.echo(json.dumps(asdict(found)) if as_json else _sentence(found))
    raise typer.Exit(0 if found.running else 1)


@app.command("wipe")
def kafka_wipe(data: Data = None) -> None:
    """Delete the stopped broker's topics and all else that it keeps; the relay fills topics again from the log."""
    broker = _existing(data)
    with broker.held():
        found = broker.standing()
        if found.running:
            raise CannotStart(f"{_sentence(found)} Stop it first: `mimo kafka stop`.")
        broker.wipe()
    typer.echo(f"{broker.folder} is wiped.")


def _broker(data: Path | None, port: int = PORT) -> "LocalBroker":
    from mimo.cluster import local_broker

    return local_broker(read_settings(data=data).data, port)


def _existing(data: Path | None) -> "LocalBroker":
    broker = _broker(data)
    if not broker.folder.exists():
        raise CannotStart(f"There is no Kafka broker in {broker.folder} yet: start one with `mimo kafka start`.")
    return broker


def _sentence(found: "Standing", already: str = "") -> str:
    size = f"{found.disk_bytes / 1e6:.1f} MB in {found.folder}"
    if not found.running:
        return f"Kafka is not running; {size}."
    state = "running" if found.serving else "starting"
    return f"Kafka {found.version} is {already}{state} at {found.address} (pid {found.pid}); {size}."

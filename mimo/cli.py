"""The `mimo` command: what people type. Each command is a few lines; the work is in the modules beside.

It must not hold any logic of its own.
"""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import structlog
import typer

from events.errors import MimoError
from infra.settings import LogFormat, LogLevel, settings_table
from mimo import audit, events, kafka, log, parked, pipeline, replay, scratch, topics, users, verifying
from mimo.options import Data, read_settings

app = typer.Typer(
    help="An education backend with real-time chat: commands in, events logged, views out.\n\n"
    "Start with [bold]mimo up[/bold]; it needs nothing but this folder. Settings come from the environment "
    "([bold]mimo settings[/bold] lists them); options go before them.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)
keys = typer.Typer(help="The keys that sign access tokens.", no_args_is_help=True)
app.add_typer(users.app, name="users")
app.add_typer(keys, name="keys")
app.add_typer(events.app, name="events")
app.add_typer(kafka.app, name="kafka")
app.add_typer(log.app, name="log")
app.add_typer(parked.app, name="parked")
app.add_typer(scratch.app, name="scratch")
app.add_typer(topics.app, name="topics")


def run() -> None:
    """Run the command line; what is wrong outside is said in one sentence, with exit code 1."""
    try:
        app(prog_name="mimo")
    except MimoError as error:
        typer.secho(f"mimo: {error}", err=True, fg=typer.colors.RED if sys.stderr.isatty() else None)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


@app.command()
def up(
    data: Data = None,
    command_port: Annotated[int | None, typer.Option(help="Port of the command API; 0: any. \\[default: 8001]")] = None,
    query_port: Annotated[int | None, typer.Option(help="Port of the query API; 0: any. \\[default: 8002]")] = None,
    projector_port: Annotated[
        int | None, typer.Option(help="Port of the projector's health and metrics; 0: any. \\[default: 8003]")
    ] = None,
    kafka: Annotated[bool, typer.Option("--kafka", help="Distribute the log through Kafka.")] = False,
    kafka_port: Annotated[
        int | None, typer.Option(help="Port of our own Kafka broker; 0: any; implies --kafka. \\[default: 9092]")
    ] = None,
    relay_port: Annotated[
        int | None, typer.Option(help="Port of the relay's health and metrics; 0: any. \\[default: 8004]")
    ] = None,
    operations_port: Annotated[
        int | None, typer.Option(help="Port of the operations worker's health and metrics; 0: any. \\[default: 8005]")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes of each API. \\[default: 1]")] = None,
    projector_workers: Annotated[
        int | None, typer.Option(help="Processes of the projector; they share its work. \\[default: 1]")
    ] = None,
) -> None:
    """Start the whole system and keep it running until Ctrl-C.

    Starts PostgreSQL (unless MIMO_DATABASE_URL names one), migrates, starts the command API, the query API, the
    projector and the operations worker, and prints one line "ready" with the addresses. What crashes is started again.
    With --kafka it also starts a Kafka broker (unless MIMO_KAFKA_BOOTSTRAP names a cluster) and the relay, and
    projectors follow Kafka.
    """
    from mimo import up as running
    from mimo.cluster import own_broker_port

    ports = {"command_port": command_port, "query_port": query_port, "projector_port": projector_port}
    ports |= {"relay_port": relay_port, "operations_port": operations_port}
    settings = read_settings(data=data, workers=workers, projector_workers=projector_workers, **ports)
    terminal = settings.log_format is LogFormat.TEXT or (settings.log_format is LogFormat.AUTO and sys.stderr.isatty())
    if terminal and "log_level" not in settings.model_fields_set:  # people want to see what matters
        settings = settings.model_copy(update={"log_level": LogLevel.WARNING})
    log = structlog.get_logger("mimo.up")

    def say(sentence: str) -> None:
        if terminal:
            typer.echo(f"mimo: {sentence}", err=True)
        else:
            log.warning(sentence)

    running.up(settings, say, typer.echo, own_broker_port(settings, kafka, kafka_port))


@app.command()
def migrate(data: Data = None) -> None:
    """Bring the database to the newest revision (mimo up does it by itself)."""
    from infra.migrations import runner
    from mimo.database import database

    settings = read_settings(data=data)
    with database(settings, make=True) as url:
        asyncio.run(runner.migrate(url, partitions=settings.partitions))
    typer.echo("The database is at the newest revision.")


app.command()(pipeline.status)
app.command()(pipeline.doctor)
app.command()(audit.operations)
app.command("dead-letters")(pipeline.dead_letters)
app.command()(replay.replay)
app.command()(replay.rollback)
app.command()(replay.generations)
app.command()(replay.drop)
app.command()(verifying.verify)
app.command()(verifying.diff)


@app.command()
def demo(
    users: Annotated[int, typer.Option(min=1, help="People; each costs the server half a second of hashing.")] = 6,
    courses: Annotated[int, typer.Option(min=1, help="Courses, each with a channel.")] = 2,
    rate: Annotated[float, typer.Option(min=0.1, help="Messages a second; in the long run one a person.")] = 10.0,
    messages: Annotated[int | None, typer.Option(min=1, help="Stop after so many messages, not after a time.")] = None,
    duration: Annotated[float, typer.Option(min=0.1, help="Seconds of talking.")] = 30.0,
    journal: Annotated[Path | None, typer.Option(help="Write a JSON line for each acknowledged command.")] = None,
    verify: Annotated[Path | None, typer.Option(help="Only compare an earlier journal with the views.")] = None,
    patience: Annotated[float, typer.Option(help="Seconds to go on trying while the system is away.")] = 60.0,
    command_url: Annotated[str | None, typer.Option(help="The command API. \\[default: by MIMO_COMMAND_PORT]")] = None,
    query_url: Annotated[str | None, typer.Option(help="The query API. \\[default: by MIMO_QUERY_PORT]")] = None,
) -> None:
    """Let a simulated school use the running system, and check that nothing was lost.

    People register, open courses, enrol and talk, all over the public HTTP API. At the end every acknowledged message
    is looked up in the views; the exit code is 0 if each is there once and in order.
    """
    from mimo.demo.client import Addresses
    from mimo.demo.command import run_demo, run_verify
    from mimo.demo.school import Plan

    found = read_settings()
    command = command_url or f"http://{found.host}:{found.command_port}"
    addresses = Addresses(command, query_url or f"http://{found.host}:{found.query_port}", patience)
    if verify is not None:
        raise typer.Exit(0 if run_verify(addresses, verify) else 1)
    plan = Plan(users, courses, rate, messages, duration)
    raise typer.Exit(0 if run_demo(addresses, plan, journal) else 1)


@keys.command("rotate")
def keys_rotate(data: Data = None) -> None:
    """Make a new signing key; it is used from the next start, and older ones verify until their tokens have expired."""
    from infra.secrets import rotate_signing_key

    typer.echo(f"Made {rotate_signing_key(read_settings(data=data).keys_folder)}; restart to use it.")


@keys.command("public")
def keys_public(data: Data = None) -> None:
    """Print the public keys (JWKS), for query APIs that shall have no private ones (MIMO_PUBLIC_KEYS)."""
    from infra.secrets import load_secrets
    from infra.tokens import issuing_tokens

    settings = read_settings(data=data)
    typer.echo(issuing_tokens(settings, load_secrets(settings)).jwks())


@app.command()
def settings() -> None:
    """List all settings as a table: variable, default, meaning."""
    typer.echo(settings_table())

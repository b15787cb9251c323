"""`mimo up`: the whole system on one machine: checks the ground, starts the database, migrates, then supervises.

It must not know what the parts are, nor how the ground is checked.
"""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack

from events.errors import CannotStart
from infra.embedded_postgres import EmbeddedPostgres
from infra.migrations.runner import migrate
from infra.postgres import without_password
from infra.secrets import load_secrets
from infra.settings import Settings, Switch
from mimo.database import embedded_postgres, prepare_folder
from mimo.ground import end_left_overs, free_ports, locked
from mimo.parts import connections, parts, ready_line, ready_urls, wanted_ports
from mimo.signals import Signals
from mimo.supervisor import Say, Supervisor


def up(settings: Settings, say: Say, ready: Callable[[str], None]) -> None:
    """Run the system until SIGINT or SIGTERM.

    Args:
        settings: as given by environment and command line.
        say: tells the person at the terminal a sentence.
        ready: receives the one line that says where everything is, once it can be used.

    Raises:
        CannotStart: something outside is missing or wrong; all that was started has ended.
    """
    data = prepare_folder(settings.data)
    with ExitStack() as stack:
        signals = stack.enter_context(Signals())
        stack.enter_context(locked(data))
        end_left_overs(data, say)
        settings = settings.model_copy(update={"data": data, **free_ports(settings.host, wanted_ports(settings))})
        try:
            postgres = _database(settings, stack, signals, say)
            settings = settings.model_copy(
                update={"database_url": postgres.url() if postgres else settings.database_url}
            )
            asyncio.run(migrate(settings.require_database_url, partitions=settings.partitions))
            load_secrets(settings)  # made here once, not by three processes at the same moment
            if settings.rate_limits is Switch.OFF:
                say("RATE LIMITS ARE OFF: anybody may try passwords as fast as they like. For load tests only.")
            supervisor = Supervisor(parts(settings, postgres), ready_urls(settings), postgres, say)
            supervisor.run(signals, lambda: ready(ready_line(settings)))
        except CannotStart:
            if not signals.stopping:
                raise
    say("Stopped.")


def _database(settings: Settings, stack: ExitStack, signals: Signals, say: Say) -> EmbeddedPostgres | None:
    """Start the embedded server, unless the settings name another."""
    if settings.database_url is not None:
        say(f"Using PostgreSQL at {without_password(settings.database_url)}.")
        return None
    postgres = embedded_postgres(settings.data, {"max_connections": str(connections(settings))})
    say(f"Starting PostgreSQL in {postgres.folder}.")
    stack.callback(postgres.stop)
    postgres.start(gave_up=lambda: signals.stopping)
    return postgres

"""`mimo demo`: runs the simulated school, shows its progress, and counts honestly at the end.

It must not know how the school works.
"""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles

import httpx2
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from events.errors import CannotStart
from mimo.demo.client import Addresses, Person, Tally, Unanswered
from mimo.demo.journal import Journal, Proof, prove, read_journal
from mimo.demo.school import Plan, School
from mimo.demo.school import Progress as Told

ANSWER_SECONDS = 30.0
CONNECTIONS = 64


def run_demo(addresses: Addresses, plan: Plan, journal_path: Path | None) -> bool:
    """Let the school use the system and print what came of it.

    Args:
        addresses: where the system is.
        plan: how large the school is.
        journal_path: a file for one line per acknowledged command; None: none.

    Returns:
        Whether the views hold every acknowledged message once and in order.

    Raises:
        CannotStart: the system is out of reach or refused something; what was acknowledged until then is printed.
    """
    journal = Journal(journal_path)
    try:
        return asyncio.run(_demo(addresses, plan, journal))
    except ExceptionGroup as group:
        raise _first(group) from None
    finally:
        journal.close()


def run_verify(addresses: Addresses, journal_path: Path) -> bool:
    """Compare the journal of an earlier demo with what the views show now, and print the result."""
    return asyncio.run(_verify(addresses, read_journal(journal_path)))


async def _demo(addresses: Addresses, plan: Plan, journal: Journal) -> bool:
    tally = Tally()
    run = secrets.token_hex(3)
    async with _http() as http:
        people = [
            Person(http, addresses, tally, f"student-{number}-{run}@example.org", secrets.token_urlsafe(12))
            for number in range(1, plan.users + 1)
        ]
        with _shown() as progress:
            school = School(plan, people, journal, progress)
            try:
                await school.talk(await school.open())
            except (ExceptionGroup, Unanswered):
                typer.echo(f"{tally.acknowledged} commands had been acknowledged, {tally.retries} retries.")
                raise
        proof = await prove(journal.entries, school.people, school.bookmarks)
    typer.echo(f"{tally.acknowledged} commands acknowledged, {tally.retries} retries, {tally.reads} reads.")
    typer.echo(_times(tally.milliseconds))
    typer.echo(f"{school.stale_reads} reads did not show the message of their bookmark.")
    _tell(proof)
    return proof.holds and school.stale_reads == 0


async def _verify(addresses: Addresses, entries: list[dict[str, str]]) -> bool:
    tally = Tally()
    owners = {entry["user_id"] for entry in entries if entry["command"] == "CreateCourse"}
    async with _http() as http:
        people = {
            entry["user_id"]: Person(http, addresses, tally, entry["email"], entry["password"])
            for entry in entries
            if entry["command"] == "RegisterUser" and entry["user_id"] in owners
        }
        for person in people.values():
            await person.sign_in()
        proof = await prove(entries, people, {})
    _tell(proof)
    return proof.holds


def _http() -> httpx2.AsyncClient:
    limits = httpx2.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    return httpx2.AsyncClient(timeout=ANSWER_SECONDS, limits=limits, trust_env=False)


@contextmanager
def _shown() -> Iterator[Told]:
    """A progress bar on a terminal; elsewhere one line when something is complete."""
    console = Console()
    columns = (TextColumn("{task.description:22}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        tasks = {}

        def told(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done)
            if done == total and not console.is_terminal:
                typer.echo(f"{done} {what}")

        yield told


def _times(milliseconds: list[float]) -> str:
    if len(milliseconds) < 2:
        return "Too few commands for a statement about their time."
    percentiles = quantiles(milliseconds, n=100, method="inclusive")
    return f"A command took {percentiles[49]:.1f} ms at the median, {percentiles[98]:.1f} ms at the 99th percentile."


def _tell(proof: Proof) -> None:
    typer.echo(
        f"{proof.acknowledged} messages acknowledged: {proof.found} found in the views, {proof.missing} missing, "
        f"{proof.twice} twice, {proof.out_of_order} out of order "
        f"({proof.unacknowledged} more whose acknowledgement was cut off)."
    )


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first of the errors that parallel tasks ended with: the others follow from it or say the same."""
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first if isinstance(first, CannotStart) else group

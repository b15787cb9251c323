"""A progress bar with rate and remaining time on a terminal; elsewhere a line now and then.

It must not know what progresses.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

STEPS = 10
"""Elsewhere than on a terminal so many lines are written for each thing that is done."""

Told = Callable[[str, int, int], None]
"""What is being done, how many events are, and how many there are."""


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:>9,.0f} events/s")


@contextmanager
def bar() -> Iterator[Told]:
    """Shows one bar, on standard error, until the block ends."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), _Rate())
    spoken = ("", -1)
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as bars:
        shown = bars.add_task("", total=None)

        def told(what: str, done: int, total: int) -> None:
            nonlocal spoken
            bars.update(shown, description=what, completed=done, total=total)
            step = (what, STEPS if total == 0 else STEPS * done // total)
            if not console.is_terminal and step != spoken:
                spoken = step
                typer.echo(f"{what}: {done} of {total} events", err=True)

        yield told

"""`mimo events`: looking at events in the log, and the documents of the public contract.

It must not know how events are found, nor how documents are made.
"""

from pathlib import Path
from typing import Annotated

import typer

from infra.event_log.wanted import Grouping
from mimo.options import AsJson, Data, read_settings

Types = Annotated[list[str] | None, typer.Option("--type", help="Events of this name; can be said several times.")]
Stream = Annotated[str | None, typer.Option(help="Of one stream, such as course-ID.")]
Key = Annotated[str | None, typer.Option(help="Of one user, course or channel, by its id.")]
Actor = Annotated[str | None, typer.Option(help="Done by: a user's id, operator:NAME, worker or anonymous.")]
Topic = Annotated[str | None, typer.Option(help="Of one topic, such as messages.")]
Since = Annotated[str | None, typer.Option(help="From then on: 15m, 2h, 3d (ago), 2026-11-23, 2026-11-23T12:30 (UTC).")]
Until = Annotated[str | None, typer.Option(help="Before then; written like --since.")]
First = Annotated[int | None, typer.Option("--from", min=1, help="The first position.")]
Last = Annotated[int | None, typer.Option("--to", min=1, help="The last position.")]
Form = Annotated[
    bool | None,
    typer.Option("--json/--text", help="JSON or readable lines. \\[default: readable on a terminal, JSON elsewhere]"),
]

app = typer.Typer(help="Events in the log, and the public contract.", no_args_is_help=True)


@app.callback()
def events() -> None:
    """Events in the log, and the public contract.

    Personal data (addresses, names, message texts) are sealed in the log. No command here opens them.
    """


@app.command("tail")
def events_tail(
    number: Annotated[int, typer.Option("--number", "-n", min=0, max=10_000, help="How many of the last.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new ones, until Ctrl-C.")] = False,
    types: Types = None,
    stream: Stream = None,
    key: Key = None,
    actor: Actor = None,
    topic: Topic = None,
    since: Since = None,
    until: Until = None,
    first: First = None,
    last: Last = None,
    as_json: Form = None,
    data: Data = None,
) -> None:
    """Show the last events, and follow new ones like tail -f.

    Following goes on when the database was away. Where nothing is running yet, it waits.
    """
    from infra.event_log.wanted import read_wanted
    from mimo import event_search

    wanted = read_wanted(
        types=types or (), stream=stream, key=key, actor=actor, topic=topic,
        since=since, until=until, first=first, last=last,
    )  # fmt: skip
    event_search.tail(read_settings(data=data), wanted, number, follow, as_json)


@app.command("show")
def events_show(
    where: Annotated[
        str,
        typer.Argument(
            metavar="EVENT", help="Its id, its position, TOPIC/PARTITION/OFFSET or STREAM@VERSION.", show_default=False
        ),
    ],
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Show one event in full. Personal data stay sealed."""
    from infra.event_log.json_lines import json_line
    from infra.event_log.places import read_where
    from mimo import event_search
    from mimo.event_text import event_in_full

    found = event_search.show(read_settings(data=data), read_where(where))
    typer.echo(json_line(found) if as_json else event_in_full(found))


@app.command("grep")
def events_grep(
    pattern: Annotated[str, typer.Argument(help="A regular expression, as PostgreSQL has them; (?i) ignores case.")],
    types: Types = None,
    stream: Stream = None,
    key: Key = None,
    actor: Actor = None,
    topic: Topic = None,
    since: Since = None,
    until: Until = None,
    first: First = None,
    last: Last = None,
    as_json: Form = None,
    data: Data = None,
) -> None:
    """Find events whose data match a pattern, and show them as they are found.

    Data are searched as the log holds them, as JSON. Personal data (addresses, names, message texts) are sealed there:
    they are shown as sealed, never opened, and cannot be searched.
    """
    from infra.event_log.wanted import read_wanted
    from mimo import event_search

    wanted = read_wanted(
        types=types or (), stream=stream, key=key, actor=actor, topic=topic, pattern=pattern,
        since=since, until=until, first=first, last=last,
    )  # fmt: skip
    event_search.grep(read_settings(data=data), wanted, as_json)


@app.command("export")
def events_export(
    out: Annotated[Path | None, typer.Option(help="A file, instead of standard output; whole or not at all.")] = None,
    types: Types = None,
    stream: Stream = None,
    key: Key = None,
    actor: Actor = None,
    topic: Topic = None,
    since: Since = None,
    until: Until = None,
    first: First = None,
    last: Last = None,
    data: Data = None,
) -> None:
    """Write events as JSON lines, all that the log holds of each. Personal data stay sealed."""
    from infra.event_log.wanted import read_wanted
    from mimo import event_search

    wanted = read_wanted(
        types=types or (), stream=stream, key=key, actor=actor, topic=topic,
        since=since, until=until, first=first, last=last,
    )  # fmt: skip
    number = event_search.export(read_settings(data=data), wanted, out)
    if out is not None:
        typer.echo(f"Wrote {number} events to {out}.")


@app.command("count")
def events_count(
    by: Annotated[Grouping | None, typer.Option(help="Count each of these by itself.")] = None,
    types: Types = None,
    stream: Stream = None,
    key: Key = None,
    actor: Actor = None,
    topic: Topic = None,
    since: Since = None,
    until: Until = None,
    first: First = None,
    last: Last = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Count events, by day (UTC), type, topic, stream or actor if wanted."""
    from infra.event_log.wanted import read_wanted
    from mimo import event_search

    wanted = read_wanted(
        types=types or (), stream=stream, key=key, actor=actor, topic=topic,
        since=since, until=until, first=first, last=last,
    )  # fmt: skip
    event_search.show_counts(event_search.count(read_settings(data=data), wanted, by), by, as_json)


@app.command("docs")
def events_docs(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 if a file is out of date.")
    ] = False,
    folder: Annotated[Path, typer.Option(help="Folder of the documents.")] = Path("docs"),
) -> None:
    """Make JSON Schemas, the AsyncAPI document and the page about events from the event classes."""
    from mimo.contract import outdated

    changed = outdated(folder)
    for path, text in changed.items():
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        typer.echo(f"{path} {'is out of date' if check else 'is renewed'}")
    if check and changed:
        typer.echo("Run `mimo events docs`.")
        raise typer.Exit(1)

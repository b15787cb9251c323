"""Judges how the log flows on: the relay, the projections, and what was set aside.

It must not know Kafka's topics; the books in PostgreSQL tell (mimo/status.py).
"""

from __future__ import annotations

from infra.relay.standing import Standing
from mimo.doctor.finding import Finding, fine, note, wrong
from mimo.status import Line, Status

SLOW_SECONDS = 10.0
"""Behind the log for longer, somebody should look whether it catches up."""


def judge_pipeline(status: Status, *, kafka: bool) -> list[Finding]:
    """What is to be said of everything that follows the log.

    Args:
        status: as the books have it.
        kafka: whether the system is in Kafka mode now.
    """
    return [
        *_relay(status.relay, kafka),
        *_dead_letters(status.dead_letters),
        *[_projection(line) for line in status.lines],
        *([] if status.lines else [note("projections", "None was built yet; the first start of the projector does.")]),
    ]


def _relay(relay: Standing | None, kafka: bool) -> list[Finding]:
    if relay is None:
        return [note("relay", "No relay has run yet.")] if kafka else []
    if relay.stopped is not None and (kafka or relay.running):
        return [wrong("relay", f"It refuses to go on. {relay.stopped}", "Do what the sentence says; it looks again.")]
    if not kafka and not relay.running:
        return [note("relay", f"Embedded mode; Kafka was used before and is {relay.lag_events} events behind.")]
    if not relay.running:
        remedy = "Start it: `mimo up --kafka`, or `python -m infra.relay`."
        return [wrong("relay", f"{_behind(relay)}: {relay.reason}.", remedy)]
    if relay.lag_seconds > SLOW_SECONDS:
        return [wrong("relay", f"{_behind(relay)}.", "Look again: if the number does not shrink, see its log lines.")]
    return [fine("relay", f"{_behind(relay)}.")]


def _behind(relay: Standing) -> str:
    return f"Kafka is {relay.lag_events} events and {relay.lag_seconds:.1f} s behind the log"


def _dead_letters(number: int) -> list[Finding]:
    if number == 0:
        return []
    sentence = f"Records that could not be read as events: {number}. Somebody else writes to the topics."
    return [wrong("topics", sentence, "See `mimo dead-letters`, `--show` and `--discard` them; no event was lost.")]


def _projection(line: Line) -> Finding:
    name = f"projection {line.projection}"
    if line.status == "aside":
        return note(name, f"Generation {line.generation} is being built for `mimo verify`.")
    if line.unfollowed_since is not None and line.status != "building":
        since = f"{line.unfollowed_since:%F %H:%M}"
        return note(
            f"{name}, version {line.version}",
            f"Nobody has followed generation {line.generation} since {since}. If that is another version than the "
            "projectors have, it is dropped a day later; until then old code finds it again.",
        )
    if line.status == "standby":
        name += f", generation {line.generation}, which stands by"
    behind = f"It is {line.events_behind} events and {line.seconds_behind:.1f} s behind the log"
    if line.stopped is not None:
        remedy = 'See "When a projection stops" in docs/operations.md; it tries again by itself.'
        return wrong(name, f"It stands still. {line.stopped}.", remedy)
    if line.parked:
        return wrong(
            name,
            f"Events that are parked: {line.parked}.",
            "`mimo parked` says why; once that is mended, `mimo parked retry` applies them.",
        )
    if line.status == "building":
        return note(name, f"Generation {line.generation} is being built. {behind}.")
    return (note if line.seconds_behind > SLOW_SECONDS else fine)(name, f"{behind}.")

"""Looks at the parts that run on this machine: whether they answer, and whether somebody else has their ports.

It must not know what the parts do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from infra.processes import matching
from infra.settings import Settings
from mimo.doctor.finding import Finding, fine, note, wrong
from mimo.ground import MARK, holder_of
from mimo.parts import address
from mimo.readiness import Readiness, ask_ready

PARTS = {
    "command API": ("command_api", "command_port"),
    "query API": ("query_api", "query_port"),
    "projector": ("projectors", "projector_port"),
    "relay": ("infra.relay", "relay_port"),
    "operations worker": ("mimo.operating", "operations_port"),
}
"""By name: the package that is started, and the setting of its port."""


@dataclass(frozen=True)
class Process:
    """A part as it was found.

    Attributes:
        name: how people call it.
        option: how its port is chosen.
        port: where it listens, or would.
        running: whether `mimo up` on this data folder runs it.
        said: what answered at its port.
        holder: who has the port, if nobody of ours answers there; "" when nobody.
    """

    name: str
    option: str
    port: int
    running: bool
    said: Readiness
    holder: str = ""


def look(settings: Settings) -> list[Process]:
    """Asks all parts on this machine.

    Args:
        settings: say where parts listen that `mimo up` did not start.
    """
    started = _started(settings.data)
    return [_look_at(name, settings, started.get(name)) for name in PARTS]


def judge_processes(found: Sequence[Process], *, kafka: bool) -> list[Finding]:
    """What is to be said of the parts.

    Args:
        found: as `look` found them.
        kafka: whether the system is in Kafka mode, so that a relay is missed.
    """
    wanted = [one for one in found if kafka or one.name != "relay" or one.said.answers]
    silent = [one for one in wanted if not one.running and not one.said.answers and not one.holder]
    findings = [_judge(one) for one in wanted if one not in silent]
    if silent and len(silent) == len(wanted):
        findings.append(note("parts", "mimo is not running on this machine."))
    elif silent:
        names = ", ".join(one.name for one in silent)
        findings.append(wrong("parts", f"Not running here: {names}.", "Start them, unless they run elsewhere."))
    return findings


def _judge(one: Process) -> Finding:
    if one.said.answers and one.said.ready:
        return fine(one.name, f"It is ready on port {one.port}.")
    if one.said.answers:
        return wrong(one.name, f"It is not ready: {one.said.reason}.", "See docs/operations.md, or its log lines.")
    if one.running:
        return wrong(one.name, f"It runs, but does not answer on port {one.port}.", "See its log lines.")
    return wrong(
        one.name, f"Its port {one.port} is in use{one.holder}.", f"Stop that, or choose another port with {one.option}."
    )


def _look_at(name: str, settings: Settings, environment: Mapping[str, str] | None) -> Process:
    _, setting = PARTS[name]
    variable, option = f"MIMO_{setting.upper()}", f"--{setting.replace('_', '-')}"
    running = environment is not None
    host, port = settings.host, int(getattr(settings, setting))
    if environment is not None:
        host, port = environment.get("MIMO_HOST", host), int(environment.get(variable, port))
    said = ask_ready(f"{address(host, port)}/readyz")
    holder = "" if running or said.answers else holder_of(host, port)
    return Process(name, option, port, running, said, holder)


def _started(data: Path) -> dict[str, Mapping[str, str]]:
    """The environments of the parts that `mimo up` runs on a data folder, by name."""
    place = str(data.resolve())
    found: dict[str, Mapping[str, str]] = {}
    for process in matching(lambda one: one.environ().get(MARK) == place):
        with suppress(psutil.Error, OSError):  # it ended just now
            command, environment = process.cmdline(), process.environ()
            found |= {name: environment for name, (package, _) in PARTS.items() if package in command}
    return found

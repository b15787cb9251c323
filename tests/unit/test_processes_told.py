"""What `mimo status` says of the processes."""

from dataclasses import replace
from datetime import UTC, datetime

from mimo.presence import Process, process_sentences

TOLD = datetime(2026, 11, 23, 12, 30, 5, tzinfo=UTC)
READY = Process("query API", "desk-1", 17, "0.1.0", TOLD, TOLD, "ready", [])


def test_ready_processes_are_counted() -> None:
    assert process_sentences([]) == ["0 processes, 0 ready"]
    assert process_sentences([READY]) == ["1 process, 1 ready"]
    assert process_sentences([READY, READY]) == ["2 processes, 2 ready"]


def test_of_others_it_is_said_why() -> None:
    missing = [{"name": "log", "reason": "it is away"}, {"name": "sessions", "reason": "nothing heard"}]
    unready, silent = replace(READY, state="unready", not_ready=missing), replace(READY, state="silent", pid=18)
    assert process_sentences([READY, unready, silent]) == [
        "3 processes, 1 ready",
        "query API 17 on desk-1 is not ready: log: it is away; sessions: nothing heard",
        "query API 18 on desk-1: nothing heard since 2026-11-23 12:30:05",
    ]

"""The supervisor keeps parts running, says what happens, gives up on what never comes up, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import psutil
import pytest

from events.errors import CannotStart
from infra.processes import has_ended
from mimo.part import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, STEADY_SECONDS, Part
from mimo.signals import Signals
from mimo.supervisor import Supervisor
from tests.until import until

RUNS = """
import os, pathlib, sys, time
file = pathlib.Path(sys.argv[1])
file.with_suffix(".new").write_text(str(os.getpid()))
file.with_suffix(".new").rename(file)
time.sleep(600)
"""
HAS_A_CHILD = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[2], sys.argv[1]])
child.wait()
"""
IGNORES_SIGTERM = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + RUNS


READY = b'{"status": "ready", "not_ready": []}'
NOT_READY = b'{"status": "unready", "not_ready": [{"name": "kafka", "reason": "nobody is there"}]}'


class Answer(BaseHTTPRequestHandler):
    """Says ready, or why not on /later."""

    def do_GET(self) -> None:
        """Answer."""
        ready = self.path != "/later"
        self.send_response(200 if ready else 503)
        self.end_headers()
        self.wfile.write(READY if ready else NOT_READY)

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@pytest.fixture
def ready_url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/readyz"
    server.shutdown()
    server.server_close()
    thread.join()


def part(name: str, script: str, *arguments: str) -> Part:
    return Part(name, [sys.executable, "-c", script, *arguments], lambda: os.environ)


def pid_in(file: Path) -> psutil.Process:
    return psutil.Process(int(until(lambda: file.exists() and file.read_text(), f"{file.name} is written")))


class Script:
    """Stands in for the signals: at each wait it does the next step of a test, and at the end it asks to stop."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        self._steps = list(steps)
        self.stops = 0

    @property
    def stopping(self) -> bool:
        return self.stops > 0

    def wait(self, seconds: float) -> None:
        """Do the next step when it is possible."""
        if self.stopping:
            signal.sigtimedwait([], min(seconds, 0.02))
        elif not self._steps:
            self.stops = 1
        elif self._steps[0]():
            self._steps.pop(0)
        else:
            signal.sigtimedwait([], 0.02)


def run(parts: list[Part], script: Script, ready_urls: dict[str, str] | None = None) -> tuple[list[str], int]:
    """Run a supervisor through a script; returns what it said and how often it was ready."""
    said: list[str] = []
    ready: list[None] = []
    supervisor = Supervisor(parts, ready_urls or {}, None, said.append)
    supervisor.run(script, lambda: ready.append(None))  # type: ignore[arg-type]
    return said, len(ready)


def test_a_killed_part_is_started_again_and_that_is_said(tmp_path: Path, ready_url: str) -> None:
    file = tmp_path / "pid"
    first: list[psutil.Process] = []

    def kill() -> bool:
        if not file.exists():
            return False
        first.append(pid_in(file))
        file.unlink()
        first[0].kill()
        return True

    said, ready = run([part("worker", RUNS, str(file))], Script(kill, file.exists), {"worker": ready_url})
    assert said == ["The worker ended (killed by SIGKILL); starting it again in 0.25 s."]
    assert ready == 1
    second = int(file.read_text())
    assert second != first[0].pid
    assert not psutil.pid_exists(second)


def test_what_a_killed_part_had_started_ends_with_it(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    one = part("worker", HAS_A_CHILD, str(file), RUNS)
    grandchildren: list[psutil.Process] = []

    def kill() -> bool:
        if not file.exists():
            return False
        assert one.pid is not None
        grandchildren.append(pid_in(file))
        os.kill(one.pid, signal.SIGKILL)
        return True

    run([one], Script(kill, lambda: has_ended(grandchildren[0])))


def test_a_part_that_never_comes_up_is_given_up_and_the_others_are_ended(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    steady = part("steady", RUNS, str(file))
    broken = part("broken", "raise SystemExit(3)")
    never = Script(lambda: False)
    with pytest.raises(CannotStart, match=r"The broken ended 4 times before it was ready \(with exit code 3\)"):
        run([steady, broken], never, {"broken": "http://127.0.0.1:9/readyz"})
    assert steady.pid is None


def test_a_part_that_ignores_the_request_to_end_is_killed_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mimo.supervisor.STOP_SECONDS", 0.2)
    file = tmp_path / "pid"
    run([part("stubborn", IGNORES_SIGTERM, str(file))], Script(file.exists))
    assert not psutil.pid_exists(int(file.read_text()))


NOTES_ITS_END = """
import pathlib, signal, sys, time
file = pathlib.Path(sys.argv[1])
def end(*_):
    file.write_text(str(time.monotonic()))
    sys.exit()
signal.signal(signal.SIGTERM, end)
file.with_suffix(".up").touch()
print("up", flush=True)
time.sleep(600)
"""


def test_a_part_that_others_use_is_ended_after_them_and_writes_where_it_is_told(tmp_path: Path) -> None:
    broker, user, output = tmp_path / "broker", tmp_path / "user", tmp_path / "output"
    command = [sys.executable, "-c", NOTES_ITS_END, "broker"]
    server = Part("broker", command, lambda: os.environ, serves=True, folder=tmp_path, output=output)
    up = Script(broker.with_suffix(".up").exists, user.with_suffix(".up").exists)
    run([server, part("user", NOTES_ITS_END, str(user))], up)
    assert float(user.read_text()) < float(broker.read_text())
    assert output.read_text() == "up\n"


def test_when_a_part_with_a_file_of_its_own_never_comes_up_the_file_is_named(tmp_path: Path) -> None:
    output = tmp_path / "output"
    broken = Part("broken", [sys.executable, "-c", "raise SystemExit(3)"], lambda: os.environ, output=output)
    with pytest.raises(CannotStart, match=f"with exit code 3; see {output}"):
        run([broken], Script(lambda: False), {"broken": "http://127.0.0.1:9/readyz"})


def test_after_a_while_it_says_what_it_waits_for(
    tmp_path: Path, ready_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mimo.supervisor.PATIENCE_SECONDS", 0.0)
    file = tmp_path / "pid"
    later = ready_url.replace("readyz", "later")
    said, ready = run([part("worker", RUNS, str(file))], Script(file.exists), {"worker": later})
    assert "Waiting for the worker: kafka: nobody is there." in said
    assert ready == 0


def test_the_pause_before_a_restart_grows_and_is_forgotten_after_steady_work() -> None:
    one = part("brief", "")
    now = 1000.0
    pauses = [fail(one, now, now + 0.1) for _ in range(9)]
    assert pauses[:3] == [FIRST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2, FIRST_PAUSE_SECONDS * 4]
    assert pauses[-1] == LONGEST_PAUSE_SECONDS
    assert fail(one, now, now + STEADY_SECONDS + 1) == FIRST_PAUSE_SECONDS


def fail(one: Part, started: float, ended: float) -> float:
    one.start(started)
    assert until(lambda: one.ended(ended), "the part ends") == "with exit code 0"
    return one.pause_seconds()


def test_a_part_ends_when_its_supervisor_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    supervisor = (
        "import os, sys; from mimo.part import Part; Part('p', [sys.executable, '-c', sys.argv[1], sys.argv[2]],"
        " lambda: os.environ).start(0.0); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", supervisor, RUNS, str(file)], stdin=subprocess.PIPE) as process:
        worker = pid_in(file)
        process.kill()
    until(lambda: has_ended(worker), "the part ends")


def test_signals_are_remembered_wake_the_loop_and_go_back_to_what_they_were() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Signals() as signals:
        assert not signals.stopping
        os.kill(os.getpid(), signal.SIGTERM)
        signals.wait(30.0)
        assert signals.stops == 1
        signals.wait(0.0)
        os.kill(os.getpid(), signal.SIGINT)
        signals.wait(30.0)
        assert signals.stops == 2
    assert signal.getsignal(signal.SIGTERM) is before

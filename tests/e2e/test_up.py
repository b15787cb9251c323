"""`mimo up`: the whole system comes up, gets over the death of any part or of all, and goes without leaving a trace."""

import re
import signal
import urllib.request
from pathlib import Path

from tests.e2e.conftest import MakeSystem
from tests.e2e.school import acknowledged, demo, verify
from tests.system import run_mimo
from tests.until import until


def test_it_comes_up_says_ready_once_and_goes_when_asked(make_system: MakeSystem) -> None:
    system = make_system().start()
    assert system.is_ready()
    for url in (f"{system.command}/docs", f"{system.query}/docs", f"{system.query}/"):
        assert url.endswith("/docs") or f"  page {url}  " in system.said()
        with urllib.request.urlopen(url) as page:
            assert page.status == 200
    assert system.stop() == 0
    assert system.is_gone()
    assert system.said().count("\nready  ") == 1
    assert "Traceback" not in system.said()


def test_any_part_may_be_killed_while_a_school_goes_on(make_system: MakeSystem, place: Path) -> None:
    system = make_system("--workers", "2", "--projector-workers", "2", MIMO_RATE_LIMITS="off").start()
    journal = place / "journal"
    with demo(system, journal, "--rate", "40", "--messages", "600") as school:
        for number, package in enumerate(("projectors", "command_api", "query_api"), start=1):
            until(lambda enough=number * 40: acknowledged(journal) >= enough, "messages are acknowledged")  # type: ignore[misc]
            killed = system.part(package)
            killed.kill()
            until(lambda old=killed.pid, name=package: system.part(name).pid != old, f"{package} is back")  # type: ignore[misc]
            until(system.is_ready, f"the system is ready again after {package} was killed")
        system.postmaster().kill()
        until(lambda: "PostgreSQL ended" in system.said(), "the end of PostgreSQL is said")
        until(system.is_ready, "the system is ready again after PostgreSQL was killed")
        output, _ = school.communicate(timeout=120)
    assert school.returncode == 0, output
    assert "600 messages acknowledged: 600 found" in output
    for name in ("projector", "command API", "query API"):
        assert f"The {name} ended (killed by SIGKILL)" in system.said()
    assert system.stop() == 0
    assert system.is_gone()


def test_everything_may_be_killed_in_the_middle_and_nothing_acknowledged_is_lost(
    make_system: MakeSystem, place: Path
) -> None:
    journal = place / "journal"
    first = make_system("--workers", "2", "--projector-workers", "2", MIMO_RATE_LIMITS="off").start()
    with demo(first, journal, "--rate", "200", "--messages", "5000", "--patience", "1"):
        until(lambda: acknowledged(journal) >= 200, "messages are acknowledged")
        first.kill_everything()
    second = make_system().start()
    verify(second, journal)


def test_a_second_one_on_the_same_data_is_refused(make_system: MakeSystem) -> None:
    system = make_system().start()
    refused = run_mimo("up", "--data", str(system.data))
    assert refused.returncode == 1
    assert f"Another mimo (pid {system.supervisor.pid}) is running on" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert system.is_ready()
    assert system.stop(signal.SIGINT) == 0
    assert system.is_gone()


def test_status_grant_and_migrate_work_beside_it_and_without_it(make_system: MakeSystem, place: Path) -> None:
    system = make_system().start()
    journal = place / "journal"
    with demo(system, journal, "--messages", "10") as school:
        output, _ = school.communicate(timeout=60)
    assert school.returncode == 0, output
    email = next(word.strip('",') for word in journal.read_text().split() if "@example.org" in word)
    data = ("--data", str(system.data))
    granted = run_mimo("users", "grant", email.upper(), "admin", *data)
    assert granted.stdout == f"{email.upper()} is now admin.\n", granted.stderr
    again = run_mimo("users", "grant", email, "admin", *data)
    assert again.stdout == f"{email} is already admin.\n", again.stderr
    system.stop()
    unknown = run_mimo("users", "grant", "nobody@example.org", "admin", *data)
    assert (unknown.returncode, unknown.stderr) == (1, "mimo: Nobody is registered with nobody@example.org.\n")
    status = run_mimo("status", *data)
    assert status.returncode == 0
    assert re.search(r"│ messages_v1_g1 +│ live +│ 0 +│ 0\.0 ", status.stdout), status.stdout
    assert "events in the log" in status.stdout
    assert run_mimo("migrate", *data).returncode == 0
    assert system.is_gone()


def test_an_external_database_is_used_when_settings_name_one(make_system: MakeSystem, database_url: str) -> None:
    system = make_system(MIMO_DATABASE_URL=database_url).start()
    assert system.postgres() == []
    assert not (system.data / "postgres").exists()
    assert database_url.split(":")[2].partition("@")[0] not in system.said()
    assert system.stop() == 0

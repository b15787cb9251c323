"""The embedded server comes up, goes down, and gets over every way of being killed."""

import asyncio
import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from events.errors import CannotStart
from infra.embedded_postgres import EmbeddedPostgres
from infra.processes import has_ended
from infra.temporary_folder import sweep, temporary_folder
from infra.unprivileged import Account
from tests.postgres import PREFIX, end_left_over
from tests.until import until


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that an unprivileged account can reach."""
    with temporary_folder("mimo-test-", end_left_over) as place:
        place.chmod(0o755)
        yield place
        end_left_over(place)


@pytest.fixture
def server(folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(folder / "postgres", durable=False)
    yield server
    server.stop()


def ask(server: EmbeddedPostgres, statement: str) -> object:
    async def asked() -> object:
        connection = await asyncpg.connect(server.url())
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(asked())


def postmaster(server: EmbeddedPostgres) -> psutil.Process:
    assert server.process is not None
    return psutil.Process(server.process.pid)


def test_it_answers_under_its_address_and_keeps_data_over_a_restart(server: EmbeddedPostgres) -> None:
    server.start()
    ask(server, "create table kept as select 42 as answer")
    server.stop()
    assert not server.running()
    server.start()
    assert ask(server, "select answer from kept") == 42


def test_its_password_is_for_our_eyes_only_and_needed(server: EmbeddedPostgres) -> None:
    server.start()
    access = server.folder / "access.json"
    assert access.stat().st_mode & 0o077 == 0
    password = json.loads(access.read_text())["password"]
    wrong = server.url().replace(password, "wrong")
    with pytest.raises(asyncpg.InvalidPasswordError):
        asyncio.run(asyncpg.connect(wrong))


def test_it_is_durable_unless_told_otherwise(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "postgres")
    server.start()
    try:
        assert ask(server, "select current_setting('fsync') || current_setting('synchronous_commit')") == "onon"
        assert ask(server, "select current_setting('jit')") == "off"
    finally:
        server.stop()


def test_a_killed_server_recovers_what_was_committed(server: EmbeddedPostgres) -> None:
    server.start()
    ask(server, "create table kept as select 42 as answer")
    postmaster(server).kill()
    server.start()
    assert ask(server, "select answer from kept") == 42


def test_a_left_over_server_is_ended_even_when_it_was_stopped_with_sigstop(server: EmbeddedPostgres) -> None:
    server.start()
    left_over = postmaster(server)
    left_over.suspend()
    successor = EmbeddedPostgres(server.folder, durable=False)
    successor.start()
    try:
        assert ask(successor, "select 1") == 1
        assert has_ended(left_over)
    finally:
        successor.stop()


def test_a_pid_file_that_names_somebody_else_harms_nobody(server: EmbeddedPostgres) -> None:
    server.start()
    server.stop()
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        (server.cluster / "postmaster.pid").write_text(f"{stranger.pid}\n{server.cluster}\n")
        server.start()
        assert ask(server, "select 1") == 1
        assert stranger.poll() is None
    finally:
        stranger.communicate(b"\n")


def test_a_cluster_that_was_half_made_is_thrown_away(server: EmbeddedPostgres) -> None:
    half_made = server.folder / "making-abc" / "cluster"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18")
    server.start()
    assert ask(server, "select 1") == 1
    assert not list(server.folder.glob("making-*"))


STARTER = """
import sys
from pathlib import Path
from infra.embedded_postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), durable=False)
server.start()
print(server.process.pid, flush=True)
sys.stdin.read()
"""


def starter(folder: Path) -> "subprocess.Popen[str]":
    """Another process that starts a server and waits."""
    return subprocess.Popen(
        [sys.executable, "-c", STARTER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_it_ends_with_the_process_that_started_it(folder: Path) -> None:
    with starter(folder / "postgres") as process:
        assert process.stdout is not None
        server = psutil.Process(int(process.stdout.readline()))
        process.kill()
    until(lambda: not server.is_running(), "the server ends")


def test_killing_the_first_start_at_any_moment_leaves_a_folder_that_works(folder: Path) -> None:
    with starter(folder / "postgres") as process:
        until(lambda: list((folder / "postgres").glob("making-*/cluster/base")), "initdb is at work")
        process.kill()
    server = EmbeddedPostgres(folder / "postgres", durable=False)
    server.start()
    try:
        assert ask(server, "select 1") == 1
    finally:
        server.stop()


def test_it_takes_another_port_when_somebody_has_its_own(server: EmbeddedPostgres) -> None:
    server.start()
    server.stop()
    port = json.loads((server.folder / "access.json").read_text())["port"]
    with socket.create_server(("127.0.0.1", port)):
        server.start()
        assert f":{port}/" not in server.url()
        assert ask(server, "select 1") == 1


def test_a_closed_parent_folder_is_named(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    inner = closed / "data"
    inner.mkdir()
    account = Account("somebody", uid=54321, gid=54321)
    with pytest.raises(CannotStart, match=r"cannot enter .*closed"):
        account.require_reach(inner, "the data folder")


def test_a_folder_without_a_database_is_said(folder: Path) -> None:
    with pytest.raises(CannotStart, match="mimo up"):
        EmbeddedPostgres(folder / "nothing").url()


def test_the_next_run_sweeps_away_what_a_killed_run_left() -> None:
    abandoned = Path(tempfile.mkdtemp(prefix=PREFIX))
    (abandoned / "lock").write_text("1")
    (abandoned / "postgres").mkdir()
    sweep(PREFIX, end_left_over)
    assert not abandoned.exists()


def test_the_server_sees_nothing_of_our_environment(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("MIMO_SECRET_KEY", "ab" * 32)
    server.start()
    environment = postmaster(server).environ()
    assert "PATH" in environment
    assert not [name for name in environment if name.startswith(("MIMO_", "PGPORT"))]


def test_waiting_for_the_start_can_be_given_up(server: EmbeddedPostgres) -> None:
    with pytest.raises(CannotStart):
        server.start(gave_up=lambda: True)
    assert not server.running()

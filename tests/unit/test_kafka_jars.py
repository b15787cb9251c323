"""What a local broker is made of: locked, downloaded once and quietly, checked before every use."""

import hashlib
import re
import sys
import threading
import tomllib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from events.errors import CannotStart
from infra.folder_lock import FolderLock
from infra.kafka.jars import LOCK, Jar, cache_folder, class_path, kafka_version, locked_jars
from tests.until import until


def jar(name: str, content: bytes) -> Jar:
    return Jar("org.example", name, "1.0", hashlib.sha256(content).hexdigest())


class Repository:
    """A Maven repository on this machine.

    Attributes:
        files: by the last part of their address.
        asked: how often each was asked for.
        gate: answers wait until it is set.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: Counter[str] = Counter()
        self.gate = threading.Event()
        self.gate.set()
        repository = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.rpartition("/")[2]
                repository.asked[name] += 1
                repository.gate.wait(30)
                content = repository.files.get(name)
                self.send_response(404 if content is None else 200)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    """A repository, and a user whose jgo looks for everything there."""
    repository = Repository()
    settings = tmp_path / "jgo.conf"
    settings.write_text(f"[repositories]\ncentral = {repository.address}\n")
    monkeypatch.setenv("JGO_CONFIG_FILE", str(settings))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    thread = threading.Thread(target=repository.server.serve_forever, args=(0.01,))
    thread.start()
    yield repository
    repository.close()
    thread.join()


def test_a_missing_jar_is_downloaded_once_and_quietly(
    repository: Repository, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    repository.files = {"one-1.0.jar": b"first", "two-1.0.jar": b"second"}
    jars, said = [jar("one", b"first"), jar("two", b"second")], list[str]()
    cache = tmp_path / "cache"
    paths = class_path(said.append, cache, jars)
    assert [path.read_bytes() for path in paths] == [b"first", b"second"]
    assert len(said) == 1
    assert str(cache) in said[0]
    assert class_path(said.append, cache, jars) == paths
    assert repository.asked["one-1.0.jar"] == 1
    assert len(said) == 1
    assert capfd.readouterr() == ("", "")
    assert {path.name for path in cache.iterdir()} == {"one-1.0.jar", "two-1.0.jar", "lock"}


def test_a_jar_that_is_not_the_locked_one_is_refused(repository: Repository, tmp_path: Path) -> None:
    repository.files = {"one-1.0.jar": b"somebody else's"}
    with pytest.raises(CannotStart, match=r"one-1\.0\.jar.*SHA-256.*not used"):
        class_path(cache=tmp_path / "cache", jars=[jar("one", b"first")])
    assert not (tmp_path / "cache" / "one-1.0.jar").exists()


def test_a_jar_that_was_cut_short_in_the_cache_is_downloaded_again(repository: Repository, tmp_path: Path) -> None:
    repository.files = {"one-1.0.jar": b"first"}
    (tmp_path / "one-1.0.jar").write_bytes(b"fir")
    assert class_path(cache=tmp_path, jars=[jar("one", b"first")])[0].read_bytes() == b"first"


def test_what_was_downloaded_before_a_failure_is_kept(repository: Repository, tmp_path: Path) -> None:
    repository.files = {"one-1.0.jar": b"first"}
    jars = [jar("one", b"first"), jar("two", b"second")]
    with pytest.raises(CannotStart, match="cannot be downloaded"):
        class_path(cache=tmp_path, jars=jars)
    repository.files["two-1.0.jar"] = b"second"
    class_path(cache=tmp_path, jars=jars)
    assert repository.asked["one-1.0.jar"] == 1


def test_several_at_once_download_once(repository: Repository, tmp_path: Path) -> None:
    repository.files = {"one-1.0.jar": b"first"}
    repository.gate.clear()
    said: list[str] = []
    with ThreadPoolExecutor() as pool:
        ways = [pool.submit(class_path, said.append, tmp_path, [jar("one", b"first")]) for _ in range(4)]
        until(lambda: sum("Waiting" in sentence for sentence in said) == 3, "three wait for the fourth")
        repository.gate.set()
    assert all(way.result()[0].read_bytes() == b"first" for way in ways)
    assert repository.asked["one-1.0.jar"] == 1


def test_a_killed_download_leaves_nothing_in_the_way(repository: Repository, tmp_path: Path) -> None:
    repository.files = {"one-1.0.jar": b"first"}
    half = tmp_path / "incoming" / "org" / "example" / "one" / "1.0" / "one-1.0.jar"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"fi")
    (tmp_path / "lock").write_text("1")
    assert class_path(cache=tmp_path, jars=[jar("one", b"first")])[0].read_bytes() == b"first"


def test_without_network_and_cache_one_sentence_says_what_to_do(
    repository: Repository, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    repository.close()
    with pytest.raises(CannotStart) as refused:
        class_path(cache=tmp_path / "cache", jars=[jar("one", b"first")])
    sentence = str(refused.value)
    assert "cannot be downloaded (ConnectionRefusedError: Connection refused)" in sentence
    assert all(way in sentence for way in ("network", str(tmp_path / "cache"), "MIMO_KAFKA_BOOTSTRAP"))
    assert "\n" not in sentence
    assert capfd.readouterr() == ("", "")


def test_without_jgo_a_sentence_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jgo.config", None)
    with pytest.raises(CannotStart, match=r"mimo\[kafka\]"):
        class_path(cache=tmp_path, jars=[jar("one", b"first")])


def test_what_is_in_the_cache_needs_no_jgo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jgo.config", None)
    (tmp_path / "one-1.0.jar").write_bytes(b"first")
    assert class_path(cache=tmp_path, jars=[jar("one", b"first")]) == [tmp_path / "one-1.0.jar"]


def test_a_cache_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotStart, match=r"cannot be kept in .*file.*XDG_CACHE_HOME"):
        class_path(cache=tmp_path / "file" / "cache", jars=[jar("one", b"first")])


def test_the_cache_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "mimo" / "kafka"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "home" / ".cache" / "mimo" / "kafka"


def test_the_lock_file_holds_what_was_asked_for() -> None:
    wanted = tomllib.loads(LOCK.with_name("jgo.toml").read_text())["dependencies"]["coordinates"]
    locked = {f"{jar.group}:{jar.name}:{jar.version}" for jar in locked_jars()}
    assert set(wanted) <= locked, "run: python -m infra.kafka.lock"


def test_the_lock_file_holds_one_version_of_each_jar_by_hash_and_tells_no_address() -> None:
    jars = locked_jars()
    assert len({jar.name for jar in jars}) == len(jars) > 40
    assert all(re.fullmatch("[0-9a-f]{64}", jar.sha256) for jar in jars)
    assert {jar.version for jar in jars if jar.group == "org.apache.kafka"} == {kafka_version()}
    assert "://" not in LOCK.read_text() + LOCK.with_name("jgo.toml").read_text()


def test_the_lock_of_the_cache_is_given_back(repository: Repository, tmp_path: Path) -> None:
    repository.files = {"one-1.0.jar": b"first"}
    class_path(cache=tmp_path, jars=[jar("one", b"first")])
    lock = FolderLock(tmp_path)
    assert lock.acquire()
    lock.release()

"""The jars of a local Kafka broker: locked with their checksums, downloaded once by `jgo`, kept in the user's cache.

Every jar is checked before every use, so a cache that was cut short or tampered with is mended, not run. It must not
know what the jars do.
"""

import hashlib
import logging
import os
import shutil
import time
import tomllib
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import track

from events.errors import CannotStart
from infra.folder_lock import FolderLock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jgo.maven import MavenContext

LOCK = Path(__file__).with_name("jgo.lock.toml")
BROKER = "kafka_2.13"
"""The jar whose version is Kafka's."""
POLL_SECONDS = 0.1
Say = Callable[[str], None]


def say_nothing(_sentence: str) -> None:
    """For those who do not want to be told."""


@dataclass(frozen=True)
class Jar:
    """One file of the class path.

    Attributes:
        group: of its Maven coordinate, such as `org.apache.kafka`.
        name: of its Maven coordinate.
        version: of its Maven coordinate.
        sha256: what its content must add up to, in hex digits.
    """

    group: str
    name: str
    version: str
    sha256: str

    @property
    def filename(self) -> str:
        """What it is called in the cache."""
        return f"{self.name}-{self.version}.jar"

    def is_at(self, path: Path) -> bool:
        """Whether that file is this jar, to the last byte."""
        try:
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256
        except OSError:
            return False


def locked_jars(lock: Path = LOCK) -> list[Jar]:
    """The jars that the lock file names."""
    entries = tomllib.loads(lock.read_text(encoding="utf-8"))["dependencies"]
    return [Jar(entry["groupId"], entry["artifactId"], entry["version"], entry["sha256"]) for entry in entries]


def kafka_version() -> str:
    """The version of the local broker."""
    return next(jar.version for jar in locked_jars() if jar.name == BROKER)


def cache_folder() -> Path:
    """Where the jars are kept: `mimo/kafka` in the user's cache folder (XDG_CACHE_HOME, or ~/.cache).

    Raises:
        CannotStart: this user has no home folder.
    """
    try:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:
        raise CannotStart("There is no folder to keep Kafka's files in: set XDG_CACHE_HOME to one.") from None
    return base.absolute() / "mimo" / "kafka"


def class_path(say: Say = say_nothing, cache: Path | None = None, jars: Iterable[Jar] | None = None) -> list[Path]:
    """The files of all jars, checked; what is missing or wrong in the cache is downloaded.

    Args:
        say: is told a sentence when something is downloaded.
        cache: where they are kept.
        jars: which ones; by default those of the lock file.

    Raises:
        CannotStart: they are not there and cannot be downloaded.
    """
    cache = cache or cache_folder()
    jars = list(locked_jars() if jars is None else jars)
    if _missing(jars, cache):
        with _only_downloader(cache, say):
            missing = _missing(jars, cache)  # another process may have been at it
            if missing:
                _download(missing, cache, say)
    return [cache / jar.filename for jar in jars]


def context(repository: Path) -> "MavenContext":
    """A quiet jgo that downloads into a folder, from where the user's own jgo settings say.

    Raises:
        CannotStart: jgo is not installed.
    """
    try:
        from jgo.config import GlobalSettings
        from jgo.constants import MAVEN_CENTRAL_URL
        from jgo.maven import MavenContext
    except ImportError:
        raise CannotStart(
            "A local Kafka broker needs the extra mimo[kafka]: pip install 'mimo[kafka]', or name a cluster with "
            "MIMO_KAFKA_BOOTSTRAP."
        ) from None
    logging.getLogger("jgo").setLevel(logging.CRITICAL)
    addresses = dict(GlobalSettings.load().repositories)
    addresses.setdefault("central", MAVEN_CENTRAL_URL)
    return MavenContext(repo_cache=repository, remote_repos=addresses)


def _missing(jars: Iterable[Jar], cache: Path) -> list[Jar]:
    return [jar for jar in jars if not jar.is_at(cache / jar.filename)]


@contextmanager
def _only_downloader(cache: Path, say: Say) -> "Iterator[None]":
    """Wait until nobody else downloads into the cache."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        lock = FolderLock(cache)
        told = False
        while not lock.acquire():
            if not told:
                say(f"Waiting for another process (pid {lock.holder()}) that downloads Kafka.")
                told = True
            time.sleep(POLL_SECONDS)
    except OSError as error:
        raise CannotStart(
            f"Kafka's files cannot be kept in {cache} ({error.strerror}): set XDG_CACHE_HOME to another folder."
        ) from None
    try:
        yield
    finally:
        lock.release()


def _download(jars: list[Jar], cache: Path, say: Say) -> None:
    """Download jars beside their final place, check them, and move each there at once."""
    say(f"Downloading Apache Kafka {kafka_version()} ({len(jars)} files, at most 44 MB) into {cache}, once.")
    incoming = cache / "incoming"
    shutil.rmtree(incoming, ignore_errors=True)  # of a download that was killed
    maven = context(incoming)
    screen = Console(stderr=True)
    try:
        for jar in track(jars, "Downloading", console=screen, transient=True, disable=not screen.is_terminal):
            path = maven.project(jar.group, jar.name).at_version(jar.version).artifact().resolve()
            if not jar.is_at(path):
                raise CannotStart(
                    f"{jar.filename} was downloaded, but is not the file that mimo was tested with (its SHA-256 is "
                    "another): it is not used. Try again, or look at who is between you and the repository."
                )
            path.replace(cache / jar.filename)
    except (OSError, RuntimeError) as error:  # what `requests` and jgo raise
        raise CannotStart(
            f"Kafka's files cannot be downloaded ({_reason(error)}). Connect this machine to the network once, copy "
            f"{cache} from a machine that has them, or name a cluster with MIMO_KAFKA_BOOTSTRAP."
        ) from None
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def _reason(error: Exception) -> str:
    """The innermost cause, without the addresses and object names around it."""
    cause: BaseException = error
    while (inner := cause.__cause__ or cause.__context__) is not None:
        cause = inner
    return f"{type(cause).__name__}: {getattr(cause, 'strerror', None) or cause}".splitlines()[0][:200]

"""Passwords: which are acceptable, and hashing and checking them in a small pool of threads.

bcrypt costs about 0.3 s of CPU on purpose, so it never runs on the event loop, and what waits for it is bounded.
It must not know accounts, nor where hashes are stored. `passlib` here is libpass, its maintained successor.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TypeVar

from passlib.context import CryptContext

from events.errors import InvalidRequest, RateLimited

MIN_CHARACTERS = 8
MAX_BYTES = 256
WAITING_PER_THREAD = 40
RETRY_AFTER_SECONDS = 3.0
_NICENESS = 5
_COMMON = Path(__file__).with_name("common_passwords.txt")
_T = TypeVar("_T")


def normalised(password: str) -> str:
    """The same text for the same characters, however a keyboard composes them (RFC 8265, OpaqueString)."""
    return unicodedata.normalize("NFC", password)


def ensure_acceptable(password: str, personal: Iterable[str] = (), pointer: str = "/password") -> None:
    """Refuses weak and over-long passwords.

    Args:
        password: as it was typed.
        personal: what it must not simply repeat, such as the e-mail address.
        pointer: JSON pointer of the member, for the refusal.

    Raises:
        InvalidRequest: it is too short, too long, or one of the first that anybody would try.
    """
    text = normalised(password)
    if len(text) < MIN_CHARACTERS:
        raise InvalidRequest(f"A password has at least {MIN_CHARACTERS} characters.", pointer)
    if len(text.encode()) > MAX_BYTES:
        raise InvalidRequest(f"A password has at most {MAX_BYTES} bytes.", pointer)
    folded = text.casefold()
    if folded in _common_passwords() or len(set(folded)) == 1:
        raise InvalidRequest("This password is one of the most common ones; choose another.", pointer)
    if folded in {word.casefold() for word in personal}:
        raise InvalidRequest("The password must not be your name or e-mail address.", pointer)


@cache
def _common_passwords() -> frozenset[str]:
    lines = _COMMON.read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("# "))


class Passwords:
    """Hashes and checks passwords; close it at the end.

    Args:
        rounds: bcrypt's cost, as a power of two.
        threads: how many are hashed at a time; default: one for each two cores.
        waiting: how many may wait for a thread; default: 40 a thread, some 12 s: a class that signs in at once.
    """

    def __init__(self, rounds: int = 12, threads: int | None = None, waiting: int | None = None) -> None:
        threads = threads or max(1, (os.cpu_count() or 2) // 2)
        self._room = threads + (threads * WAITING_PER_THREAD if waiting is None else waiting)
        self._context = CryptContext(
            schemes=["bcrypt_sha256", "bcrypt"],
            deprecated="auto",
            bcrypt_sha256__default_rounds=rounds,
            bcrypt_sha256__min_rounds=rounds,
        )
        self._pool = ThreadPoolExecutor(threads, "passwords", initializer=_yield_to_requests)
        self._nobody = self._pool.submit(self._context.hash, os.urandom(16).hex())

    async def hash(self, password: str) -> bytes:
        """The hash to store.

        Raises:
            RateLimited: too many passwords are waiting.
        """
        text = normalised(password)
        return await self._run(lambda: bytes(self._context.hash(text), "ascii"))

    async def check(self, password: str, stored: bytes | None) -> tuple[bool, bytes | None]:
        """Whether a password is right, and the hash to store instead if the old one is out of date.

        Takes the same work when nobody is known (`stored` is None) and for empty or over-long passwords.

        Raises:
            RateLimited: too many passwords are waiting.
        """
        text = normalised(password)
        fits = _fits(text)

        def check() -> tuple[bool, bytes | None]:
            against = stored.decode("ascii") if stored is not None else self._nobody.result()
            right, renewed = self._verify(text if fits else "", against)
            if not right or not fits or stored is None:
                return False, None
            return True, renewed.encode("ascii") if renewed else None

        return await self._run(check)

    def close(self) -> None:
        """Ends the threads; what waits is dropped."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _verify(self, text: str, against: str) -> tuple[bool, str | None]:
        try:
            right, renewed = self._context.verify_and_update(text, against)
        except ValueError:  # plain bcrypt cannot take zero bytes or more than 72 bytes
            self._context.verify(text, self._nobody.result())
            return False, None
        return bool(right), renewed

    async def _run(self, work: Callable[[], _T]) -> _T:
        if self._room <= 0:
            raise RateLimited("Too many people are signing in at this moment.", RETRY_AFTER_SECONDS)
        self._room -= 1
        future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        future.add_done_callback(self._done)
        return await asyncio.shield(future)

    def _done(self, future: asyncio.Future[_T]) -> None:
        self._room += 1
        if not future.cancelled():
            future.exception()  # when the caller went away, nobody else looks at it


def _fits(text: str) -> bool:
    try:
        return len(text.encode()) <= MAX_BYTES
    except UnicodeEncodeError:  # lone surrogates, which are not text
        return False


def _yield_to_requests() -> None:
    """Lets request handling go first when both want a core (Linux: niceness belongs to a thread)."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)

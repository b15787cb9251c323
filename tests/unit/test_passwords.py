"""Passwords: what is acceptable, the hashing pool and its bounds, and hashes of earlier times."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from importlib.metadata import packages_distributions

import bcrypt
import pytest

from events.errors import InvalidRequest, RateLimited
from infra.passwords import Passwords, ensure_acceptable

CHEAP_ROUNDS = 4


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    pool = Passwords(CHEAP_ROUNDS, threads=1, waiting=2)
    yield pool
    pool.close()


def test_passlib_is_the_maintained_one() -> None:
    assert packages_distributions()["passlib"] == ["libpass"]


@pytest.mark.parametrize(
    "password", ["sevench", "", "password1", "PASSWORD1", "aaaaaaaaaaaa", "x" * 257, "é" * 129, "ada@example.org"]
)
def test_weak_and_over_long_passwords_are_refused(password: str) -> None:
    with pytest.raises(InvalidRequest):
        ensure_acceptable(password, ("ada@example.org",))


@pytest.mark.parametrize("password", ["x" * 255 + "y", "ünï cödé", "пароль другой", "tr0ub4dor&3", "🐢🐢🐢🐢🐢🐢🐢🦊"])
def test_long_and_unicode_passwords_are_fine(password: str) -> None:
    ensure_acceptable(password)


async def test_a_right_password_is_right_and_others_are_not(passwords: Passwords) -> None:
    stored = await passwords.hash("correct horse")
    assert stored.startswith(b"$bcrypt-sha256$")
    assert await passwords.check("correct horse", stored) == (True, None)
    for wrong in ("", "correct hors", "correct horse ", "x" * 300, "\0", "\ud800"):
        assert await passwords.check(wrong, stored) == (False, None)


async def test_nothing_is_cut_off_at_72_bytes(passwords: Passwords) -> None:
    stored = await passwords.hash("x" * 100 + "a")
    assert (await passwords.check("x" * 100 + "b", stored))[0] is False
    assert (await passwords.check("x" * 100 + "a", stored))[0] is True


async def test_the_same_characters_typed_differently_are_the_same_password(passwords: Passwords) -> None:
    stored = await passwords.hash("caf\u00e9 au lait")
    assert (await passwords.check("cafe\u0301 au lait", stored))[0] is True


async def test_nobodys_password_is_checked_with_the_same_work_and_is_wrong(passwords: Passwords) -> None:
    verified: list[str] = []
    verify = passwords._verify
    passwords._verify = lambda text, against: verified.append(against) or verify(text, against)  # type: ignore[func-returns-value, method-assign]
    for typed in ("correct horse", "", "x" * 300):
        assert await passwords.check(typed, None) == (False, None)
    assert len(verified) == 3
    assert all(against.startswith("$bcrypt-sha256$") for against in verified)


async def test_old_and_cheap_hashes_are_upgraded_at_login(passwords: Passwords) -> None:
    old = bcrypt.hashpw(b"correct horse", bcrypt.gensalt(4))
    right, renewed = await passwords.check("correct horse", old)
    assert right
    assert renewed is not None
    assert renewed.startswith(b"$bcrypt-sha256$")
    assert await passwords.check("correct horse", renewed) == (True, None)
    assert await passwords.check("x" * 100, old) == (False, None)
    dearer = Passwords(5, threads=1)
    right, renewed = await dearer.check("correct horse", await passwords.hash("correct horse"))
    dearer.close()
    assert renewed is not None


async def test_what_waits_is_bounded_and_more_is_told_to_slow_down(passwords: Passwords) -> None:
    gate = threading.Event()
    waiting = [asyncio.ensure_future(passwords._run(gate.wait)) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(RateLimited):
        await passwords.hash("one too many")
    waiting[0].cancel()
    gate.set()
    assert await asyncio.gather(*waiting[1:]) == [True, True]
    assert await passwords.hash("room again")

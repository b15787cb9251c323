"""Sealing personal data with the data subject's own key: AES-256-GCM (NIST SP 800-38D).

A token is base64 of nonce (12 bytes), ciphertext and tag (16 bytes); the event's id and the person's id are
authenticated with it, so no token can be moved to another event or person. Erasing a person is deleting the key.
It must not know events; where keys come from is handed over.
"""

import os
from base64 import b64encode
from binascii import a2b_base64
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from events.errors import Forbidden, UndecodableEvent

KEY_BYTES = 32
NONCE_BYTES = 12
KEYS_REMEMBERED = 100_000
CIPHERS_READY = 4_000
"""A ready cipher takes 2.4 kB, its key 0.1; making one takes no longer than fetching one of very many from memory."""

FetchKeys = Callable[[Collection[UUID]], Awaitable[Mapping[UUID, bytes]]]


def new_key() -> bytes:
    """A fresh key for one person."""
    return os.urandom(KEY_BYTES)


class KeyRing:
    """The keys at hand; implements `events.catalog.Sealer`.

    `load` first, then seal and open: nothing is forgotten in between, as long as no `await` stands there.

    Args:
        fetch: looks keys up; people without a key (erased) are missing from its answer.
        remembered: how many people's keys are kept at most.
    """

    def __init__(self, fetch: FetchKeys, remembered: int = KEYS_REMEMBERED) -> None:
        self._fetch = fetch
        self._remembered = remembered
        # By the id's number, with the id's bytes: hashing and converting a UUID costs as much as deciphering.
        self._keys: dict[int, bytes] = {}
        self._ciphers: dict[int, tuple[AESGCM, bytes]] = {}
        self._erased: set[int] = set()
        """A look-up that was on its way when they were erased must not bring their keys back."""
        self.forgettings = 0
        """How often everything was forgotten: while it stands still, what was loaded is there, but for the erased."""

    async def load(self, subjects: Iterable[UUID]) -> None:
        """Makes the keys of these people available."""
        wanted = {subject.int: subject for subject in subjects}
        keys = self._keys
        # Not `wanted.keys() - keys.keys()`: that walks through every key at hand, on each append. Asked again after
        # each fetch: meanwhile others may have made room, and a key that is at hand must not be taken for erased.
        while missing := [subject for number, subject in wanted.items() if number not in keys]:
            if len(keys) + len(missing) > self._remembered:
                self.forget_everybody()
                missing = list(wanted.values())
            found = await self._fetch(missing)
            for subject, key in found.items():
                self.add(subject, key)
            for subject in missing:
                if subject not in found or subject.int in self._erased:
                    del wanted[subject.int]

    def add(self, subject: UUID, key: bytes) -> None:
        """Makes a key available that was just made."""
        if subject.int not in self._erased:
            self._keys[subject.int] = key
            self._ciphers.pop(subject.int, None)

    def forget(self, subject: UUID) -> None:
        """Drops the key of somebody who was erased, for good."""
        self._erased.add(subject.int)
        self._keys.pop(subject.int, None)
        self._ciphers.pop(subject.int, None)

    def forget_everybody(self) -> None:
        """Drops all keys; those that still exist are looked up again when they are needed."""
        self._keys.clear()
        self._ciphers.clear()
        self.forgettings += 1

    def seal(self, subject: UUID, plain: bytes, context: bytes) -> str:
        """Seals `plain` for a person.

        Raises:
            Forbidden: the person has no key (any more).
        """
        known = self._ciphers.get(subject.int) or self._cipher(subject)
        if known is None:
            raise Forbidden("This account does not exist any more.")
        cipher, person = known
        nonce = os.urandom(NONCE_BYTES)
        return b64encode(nonce + cipher.encrypt(nonce, plain, context + person)).decode()

    def open(self, subject: UUID, sealed: str, context: bytes) -> bytes | None:
        """Opens a token; None when the person's key is gone.

        Raises:
            UndecodableEvent: the token is damaged, or was made for another event or person.
        """
        known = self._ciphers.get(subject.int) or self._cipher(subject)
        if known is None:
            return None
        cipher, person = known
        try:
            raw = a2b_base64(sealed, strict_mode=True)
            return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], context + person)
        except (InvalidTag, ValueError) as error:
            raise UndecodableEvent("Sealed personal data do not open with the person's key.") from error

    def _cipher(self, subject: UUID) -> tuple[AESGCM, bytes] | None:
        """Makes a person's cipher ready; None when their key is not at hand."""
        key = self._keys.get(subject.int)
        if key is None:
            return None
        if len(self._ciphers) >= CIPHERS_READY:
            self._ciphers.clear()
        known = self._ciphers[subject.int] = (AESGCM(key), subject.bytes)
        return known

"""The key ring: seals and opens with the person's key, forgets when it is full, never with a wrong key."""

from base64 import b64decode
from collections.abc import Collection, Mapping
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.errors import Forbidden, UndecodableEvent
from infra.sealing import KEY_BYTES, NONCE_BYTES, KeyRing, new_key

ADA, BOB, CAY = (UUID(int=number) for number in (1, 2, 3))
EVENT, OTHER_EVENT = b"e" * 16, b"o" * 16
TAG_BYTES = 16


class Vault:
    """Where the keys are; counts who was asked for."""

    def __init__(self, *people: UUID) -> None:
        self.keys = {person: new_key() for person in people}
        self.asked: list[set[UUID]] = []

    async def __call__(self, subjects: Collection[UUID]) -> Mapping[UUID, bytes]:
        self.asked.append(set(subjects))
        return {subject: self.keys[subject] for subject in subjects if subject in self.keys}


async def test_what_is_sealed_opens() -> None:
    ring = KeyRing(Vault(ADA))
    await ring.load([ADA])
    assert ring.open(ADA, ring.seal(ADA, b"plain", EVENT), EVENT) == b"plain"


@given(st.binary(max_size=300))
def test_a_token_is_base64_of_nonce_text_and_tag(plain: bytes) -> None:
    ring = KeyRing(Vault())
    ring.add(ADA, b"k" * KEY_BYTES)
    token = ring.seal(ADA, plain, EVENT)
    assert len(b64decode(token, validate=True)) == NONCE_BYTES + len(plain) + TAG_BYTES
    assert ring.open(ADA, token, EVENT) == plain


def test_the_same_text_never_seals_to_the_same_token() -> None:
    ring = KeyRing(Vault())
    ring.add(ADA, new_key())
    assert len({ring.seal(ADA, b"yes", EVENT) for _ in range(100)}) == 100


async def test_a_person_without_a_key_is_erased() -> None:
    vault = Vault(ADA)
    ring = KeyRing(vault)
    await ring.load([ADA, BOB])
    token = ring.seal(ADA, b"plain", EVENT)
    assert ring.open(BOB, token, EVENT) is None
    with pytest.raises(Forbidden):
        ring.seal(BOB, b"plain", EVENT)


def test_a_token_belongs_to_one_event_and_one_person() -> None:
    ring = KeyRing(Vault())
    ring.add(ADA, b"k" * KEY_BYTES)
    ring.add(BOB, b"k" * KEY_BYTES)
    ring.add(CAY, b"c" * KEY_BYTES)
    token = ring.seal(ADA, b"plain", EVENT)
    for person, event in ((ADA, OTHER_EVENT), (BOB, EVENT), (CAY, EVENT)):
        with pytest.raises(UndecodableEvent):
            ring.open(person, token, event)


@pytest.mark.parametrize("damaged", ["", "AAAA", "not base64", "é" * 40, "A" * 100])
def test_a_damaged_token_is_said_to_be_so(damaged: str) -> None:
    ring = KeyRing(Vault())
    ring.add(ADA, new_key())
    with pytest.raises(UndecodableEvent):
        ring.open(ADA, damaged, EVENT)


async def test_keys_are_asked_for_once() -> None:
    vault = Vault(ADA, BOB)
    ring = KeyRing(vault)
    await ring.load([ADA, ADA])
    await ring.load([ADA, BOB])
    await ring.load([ADA, BOB])
    await ring.load([])
    assert vault.asked == [{ADA}, {BOB}]


async def test_a_full_ring_forgets_but_always_holds_what_was_just_loaded() -> None:
    vault = Vault(ADA, BOB, CAY)
    ring = KeyRing(vault, remembered=2)
    await ring.load([ADA, BOB])
    await ring.load([ADA, CAY])
    for person in (ADA, CAY):
        assert ring.open(person, ring.seal(person, b"plain", EVENT), EVENT) == b"plain"
    assert vault.asked == [{ADA, BOB}, {ADA, CAY}]
    with pytest.raises(Forbidden):
        ring.seal(BOB, b"plain", EVENT)


async def test_more_people_than_ciphers_are_ready_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.sealing.CIPHERS_READY", 1)
    ring = KeyRing(Vault(ADA, BOB))
    await ring.load([ADA, BOB])
    tokens = {person: ring.seal(person, b"plain", EVENT) for person in (ADA, BOB)}
    assert [ring.open(person, tokens[person], EVENT) for person in (ADA, BOB, ADA)] == [b"plain"] * 3
    ring.forget(ADA)
    assert ring.open(ADA, tokens[ADA], EVENT) is None
    assert ring.open(BOB, tokens[BOB], EVENT) == b"plain"


async def test_a_key_that_others_pushed_out_during_a_load_is_not_taken_for_erased() -> None:
    vault = Vault(ADA, BOB, CAY)
    ring = KeyRing(vault, remembered=2)
    await ring.load([ADA])
    token = ring.seal(ADA, b"plain", EVENT)

    async def while_others_load(subjects: Collection[UUID]) -> Mapping[UUID, bytes]:
        if BOB in subjects and CAY not in vault.asked[-1]:
            await ring.load([CAY])
            await ring.load([BOB, CAY])
        return await vault(subjects)

    ring._fetch = while_others_load
    await ring.load([ADA, BOB])
    assert ring.open(ADA, token, EVENT) == b"plain"


async def test_whoever_is_erased_cannot_be_read_any_more_nor_sealed_for() -> None:
    vault = Vault(ADA, BOB)
    ring = KeyRing(vault)
    await ring.load([ADA, BOB])
    tokens = {person: ring.seal(person, b"plain", EVENT) for person in (ADA, BOB)}
    ring.forget(ADA)
    await ring.load([ADA, BOB])
    assert ring.open(ADA, tokens[ADA], EVENT) is None
    assert ring.open(BOB, tokens[BOB], EVENT) == b"plain"
    with pytest.raises(Forbidden):
        ring.seal(ADA, b"plain", EVENT)


async def test_a_look_up_that_was_on_its_way_does_not_bring_an_erased_persons_key_back() -> None:
    vault = Vault(ADA, BOB)
    ring = KeyRing(vault)

    async def while_one_is_erased(subjects: Collection[UUID]) -> Mapping[UUID, bytes]:
        found = await vault(subjects)
        ring.forget(ADA)
        return found

    ring._fetch = while_one_is_erased
    await ring.load([ADA, BOB])
    with pytest.raises(Forbidden):
        ring.seal(ADA, b"plain", EVENT)
    assert ring.open(BOB, ring.seal(BOB, b"plain", EVENT), EVENT) == b"plain"


async def test_when_everybody_is_forgotten_keys_that_still_exist_are_looked_up_again() -> None:
    vault = Vault(ADA, BOB)
    ring = KeyRing(vault)
    await ring.load([ADA, BOB])
    del vault.keys[BOB]
    before = ring.forgettings
    ring.forget_everybody()
    await ring.load([ADA, BOB])
    assert ring.forgettings == before + 1
    assert ring.open(ADA, ring.seal(ADA, b"plain", EVENT), EVENT) == b"plain"
    with pytest.raises(Forbidden):
        ring.seal(BOB, b"plain", EVENT)

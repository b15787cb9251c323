"""The server's secrets are made once, readable by their owner only, and can be rotated."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from events.errors import CannotStart
from infra.secrets import load_secrets, normalised_email, rotate_signing_key
from infra.settings import load_settings


def test_they_are_made_once_for_our_eyes_only(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path)
    first = load_secrets(settings)
    assert load_secrets(settings) == first
    assert settings.keys_folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in settings.keys_folder.iterdir()} == {0o600}
    assert len(list(settings.keys_folder.iterdir())) == 2


def test_of_many_makers_at_once_one_wins(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: load_secrets(settings), range(8)))
    assert all(one == found[0] for one in found)


def test_they_are_not_in_their_text(tmp_path: Path) -> None:
    secrets = load_secrets(load_settings(data=tmp_path))
    assert repr(secrets) == "Secrets()"


@pytest.mark.parametrize("name", ["secret.key", "signing-00000000T000000.pem"])
def test_a_key_that_is_open_to_others_is_refused(tmp_path: Path, name: str) -> None:
    settings = load_settings(data=tmp_path)
    load_secrets(settings)
    (settings.keys_folder / name).chmod(0o644)
    with pytest.raises(CannotStart, match="chmod 600"):
        load_secrets(settings)


def test_a_damaged_key_is_refused_and_never_replaced(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path)
    load_secrets(settings)
    path = settings.keys_folder / "secret.key"
    path.write_text("abc")
    with pytest.raises(CannotStart, match=r"secret\.key"):
        load_secrets(settings)
    assert path.read_text() == "abc"


def test_settings_go_before_files(tmp_path: Path) -> None:
    pem = tmp_path / "own.pem"
    pem.touch(0o600)
    pem.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    settings = load_settings(data=tmp_path / "data", secret_key="ab" * 32, signing_keys=str(pem))
    secrets = load_secrets(settings)
    assert secrets.hmac_key == bytes.fromhex("ab" * 32)
    assert secrets.signing_keys == (pem.read_text(),)
    assert not settings.data.exists()


def test_only_p256_keys_sign(tmp_path: Path) -> None:
    for name, key in (
        ("rsa.pem", rsa.generate_private_key(65537, 2048)),
        ("p384.pem", ec.generate_private_key(ec.SECP384R1())),
    ):
        pem = tmp_path / name
        pem.touch(0o600)
        pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        with pytest.raises(CannotStart, match=f"{name} is not a P-256 key"):
            load_secrets(load_settings(data=tmp_path, signing_keys=str(pem)))


def test_after_a_rotation_the_new_key_signs_and_the_old_one_still_verifies(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path)
    (old,) = load_secrets(settings).signing_keys
    new = rotate_signing_key(settings.keys_folder).read_text()
    assert load_secrets(settings).signing_keys == (new, old)


def test_a_key_goes_once_its_successor_has_signed_for_longer_than_tokens_live(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path)
    start = datetime.now(UTC)
    (oldest,) = load_secrets(settings).signing_keys
    second = rotate_signing_key(settings.keys_folder, start).read_text()
    third = rotate_signing_key(settings.keys_folder, start + timedelta(minutes=10)).read_text()
    assert load_secrets(settings).signing_keys == (third, second, oldest)
    fourth = rotate_signing_key(settings.keys_folder, start + timedelta(hours=2)).read_text()
    assert load_secrets(settings).signing_keys == (fourth, third)


def test_spellings_of_an_address_that_mean_the_same_give_the_same_hash(tmp_path: Path) -> None:
    secrets = load_secrets(load_settings(data=tmp_path))
    assert secrets.email_hmac(" Ada@Example.org ") == secrets.email_hmac("ada@example.org")
    assert secrets.email_hmac("ada@example.org") != secrets.email_hmac("bob@example.org")
    assert normalised_email("STRASSE@example.org") == normalised_email("straße@example.org")


def test_a_hash_serves_one_purpose(tmp_path: Path) -> None:
    secrets = load_secrets(load_settings(data=tmp_path))
    assert secrets.keyed_hash("a", b"value") != secrets.keyed_hash("b", b"value")


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotStart, match="cannot be made"):
        load_secrets(load_settings(data=tmp_path / "file" / "data"))

"""The server's own secrets: the HMAC key, and the keys that sign access tokens. From settings, else from files.

Files are made when they are missing, readable by their owner only. It must not know tokens, users or requests.
"""

import hashlib
import hmac
import os
import stat
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_bytes, token_hex

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from events.errors import CannotStart
from infra.settings import Settings

HMAC_KEY_BYTES = 32
HMAC_FILE = "secret.key"
SIGNING_PATTERN = "signing-*.pem"
OVERLAP = timedelta(hours=1)
"""How long an old signing key goes on verifying after a rotation; longer than any access token lives."""


@dataclass(frozen=True)
class Secrets:
    """What the server keeps to itself.

    Attributes:
        hmac_key: the key of all keyed hashes.
        signing_keys: private keys in PEM (P-256); the first signs, all verify.
    """

    hmac_key: bytes = field(repr=False)
    signing_keys: tuple[str, ...] = field(repr=False)

    def keyed_hash(self, purpose: str, value: bytes) -> bytes:
        """An HMAC (SHA-256, 32 bytes) that tells nothing about `value` to who lacks the key.

        Args:
            purpose: what it is for; the same value gives unrelated hashes for two purposes.
            value: what is hashed.
        """
        key = hmac.digest(self.hmac_key, purpose.encode(), hashlib.sha256)
        return hmac.digest(key, value, hashlib.sha256)

    def email_hmac(self, email: str) -> str:
        """The hash (hex) under which an e-mail address is claimed; spellings that mean the same give the same."""
        return self.keyed_hash("email", normalised_email(email).encode()).hex()


def normalised_email(email: str) -> str:
    """An address as it is compared: without outer spaces, in Unicode's canonical form, case folded."""
    return unicodedata.normalize("NFKC", email.strip()).casefold()


def load_secrets(settings: Settings) -> Secrets:
    """Read the secrets; make those files that are missing.

    Safe when several processes do it at once: whoever makes a file first wins, all read the same.

    Raises:
        CannotStart: a file cannot be read or made, is open to others, or holds something else than a P-256 key.
    """
    folder = settings.keys_folder
    if settings.secret_key is not None:
        hmac_key = bytes.fromhex(settings.secret_key.get_secret_value())
    else:
        hmac_key = _hmac_key_from_file(folder)
    paths = [Path(path) for path in settings.signing_keys] or _signing_files(folder)
    return Secrets(hmac_key, tuple(_signing_key(path) for path in paths))


def rotate_signing_key(folder: Path, now: datetime | None = None) -> Path:
    """Make a new signing key, which signs from the next start on; old ones verify until they have no tokens left.

    Args:
        folder: the folder of the keys.
        now: the time of the new key; the current one by default.

    Returns:
        The new file.

    Raises:
        CannotStart: the folder cannot be written.
    """
    moment = now or datetime.now(UTC)
    _private_folder(folder)
    files = _existing_signing_files(folder)
    for older, newer in zip(files[1:], files, strict=False):  # one that was replaced long enough ago
        if _made_at(newer) < moment - OVERLAP:
            older.unlink()
    return _new_signing_file(folder, moment)


def _hmac_key_from_file(folder: Path) -> bytes:
    path = folder / HMAC_FILE
    if not path.exists():
        _private_folder(folder)
        make_private_file(path, token_bytes(HMAC_KEY_BYTES).hex())
    try:
        key = bytes.fromhex(_read_private(path))
    except ValueError:
        key = b""
    if len(key) < HMAC_KEY_BYTES:
        raise CannotStart(f"{path} does not hold a key of {HMAC_KEY_BYTES * 2} hex digits.")
    return key


def _signing_files(folder: Path) -> list[Path]:
    """The signing keys of the folder, newest first; the first one is made if there is none."""
    files = _existing_signing_files(folder)
    if not files:
        _private_folder(folder)
        first = folder / "signing-00000000T000000.pem"  # one name, so that of two makers one wins
        make_private_file(first, _new_pem())
        files = _existing_signing_files(folder)
    return files


def _existing_signing_files(folder: Path) -> list[Path]:
    return sorted(folder.glob(SIGNING_PATTERN), reverse=True)


def _new_signing_file(folder: Path, moment: datetime) -> Path:
    path = folder / f"signing-{moment:%Y%m%dT%H%M%S}.pem"
    make_private_file(path, _new_pem())
    return path


def _made_at(path: Path) -> datetime:
    try:
        return datetime.strptime(path.stem.removeprefix("signing-"), "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _new_pem() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _signing_key(path: Path) -> str:
    pem = _read_private(path)
    try:
        key = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError) as error:
        raise CannotStart(f"{path} is not a private key in PEM without a passphrase: {error}.") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise CannotStart(f"{path} is not a P-256 key; make one: openssl ecparam -name prime256v1 -genkey -noout.")
    return pem


def _private_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStart(f"The folder {folder} cannot be made: {error.strerror}.") from None


def make_private_file(path: Path, text: str) -> None:
    """Write a file that only we may read, whole or not at all; one that exists stays as it is."""
    draft = path.with_name(f".{path.name}.{token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    except OSError as error:
        raise CannotStart(f"{path} cannot be written: {error.strerror}.") from None


def _read_private(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        text = path.read_text()
    except OSError as error:
        raise CannotStart(f"{path} cannot be read: {error.strerror}.") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise CannotStart(f"{path} holds a secret and is open to others: chmod 600 {path}")
    return text

"""The secrets of an installation in containers: made once, each where only its owner is shown it."""

import stat
from pathlib import Path

import pytest

from infra.docker import first_start, healthy
from infra.docker.first_start import LOGINS, SUPERUSER, make_secrets
from infra.secrets import load_secrets
from infra.settings import load_settings
from infra.tokens import TokenVerifier, issuing_tokens


def files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_everything_is_made_once_and_stays_as_it_is(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path)
    make_secrets(settings)
    made = files(tmp_path)
    make_secrets(settings)
    assert files(tmp_path) == made
    passwords = [made[f"passwords/{login}"] for login in (*LOGINS, SUPERUSER)]
    assert len(set(passwords)) == len(passwords)
    assert all(len(password) == 64 for password in passwords)


def test_a_login_is_private_and_the_database_is_told_the_same_password(tmp_path: Path) -> None:
    make_secrets(load_settings(data=tmp_path))
    for login in LOGINS:
        pgpass, password = tmp_path / "logins" / login / "pgpass", tmp_path / "passwords" / login
        assert pgpass.read_text() == f"*:*:*:{login}:{password.read_text()}\n"
        assert mode(pgpass) == 0o600, "asyncpg takes no other"
        assert mode(password) == 0o644, "the database runs under another account"


def test_the_public_keys_are_published_anew_and_hold_nothing_private(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path)
    make_secrets(settings)
    tokens = issuing_tokens(settings, load_secrets(settings))
    published = tmp_path / "public" / "jwks.json"
    assert published.read_bytes() == tokens.jwks()
    published.write_text("{}")
    make_secrets(settings)
    assert TokenVerifier.of_jwks(published.read_bytes(), "mimo", "mimo").jwks() == tokens.jwks()


def test_a_lost_login_is_made_anew_and_the_others_stay(tmp_path: Path) -> None:
    make_secrets(load_settings(data=tmp_path))
    made = files(tmp_path)
    (tmp_path / "logins" / "relay" / "pgpass").unlink()
    make_secrets(load_settings(data=tmp_path))
    changed = {name for name, text in files(tmp_path).items() if text != made[name]}
    assert changed == {"logins/relay/pgpass", "passwords/relay"}


def test_what_cannot_be_made_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "logins").touch()
    monkeypatch.setenv("MIMO_DATA", str(tmp_path))
    assert first_start.main() == 1
    assert str(tmp_path / "logins") in capsys.readouterr().err


def test_a_health_check_of_nobody_fails_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert healthy.main("1") == 1
    assert "no answer" in capsys.readouterr().out

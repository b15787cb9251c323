"""Settings come from the environment, cannot change, and say which one is wrong."""

import pytest
from pydantic import ValidationError

from events.errors import CannotStart
from infra.settings import CourseCreators, Settings, Switch, load_settings, settings_table


def test_everything_has_a_default_that_works_on_one_machine() -> None:
    settings = load_settings()
    assert (settings.command_port, settings.query_port, settings.workers) == (8001, 8002, 1)
    assert settings.database_url is None
    assert settings.rate_limits is Switch.ON


def test_the_command_line_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIMO_COMMAND_PORT", "7001")
    monkeypatch.setenv("MIMO_QUERY_PORT", "7002")
    monkeypatch.setenv("MIMO_COURSE_CREATORS", "instructors")
    settings = load_settings(command_port=9001, query_port=None)
    assert (settings.command_port, settings.query_port) == (9001, 7002)
    assert settings.course_creators is CourseCreators.INSTRUCTORS


def test_a_list_is_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIMO_ALLOWED_ORIGINS", "https://a.example/, http://localhost:3000")
    assert load_settings().allowed_origins == ("https://a.example", "http://localhost:3000")


def test_they_cannot_change() -> None:
    with pytest.raises(ValidationError):
        load_settings().workers = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WORKERS", "many"),
        ("COMMAND_PORT", "70000"),
        ("RATE_LIMITS", "perhaps"),
        ("SECRET_KEY", "abc"),
        ("SECRET_KEY", "ab" * 16),
        ("BCRYPT_ROUNDS", "2"),
        ("ACCESS_TOKEN_SECONDS", "3600"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,ingress"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
    ],
)
def test_a_wrong_value_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"MIMO_{name}", value)
    with pytest.raises(CannotStart, match=f"MIMO_{name}") as caught:
        load_settings()
    assert name != "SECRET_KEY" or value not in str(caught.value)


def test_secrets_are_not_in_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIMO_SECRET_KEY", "ab" * 32)
    monkeypatch.setenv("MIMO_DATABASE_URL", "postgresql://mimo:confidential@db/mimo")
    text = repr(load_settings()) + str(load_settings())
    assert "abab" not in text
    assert "confidential" not in text


def test_who_needs_a_database_and_has_none_is_told() -> None:
    with pytest.raises(CannotStart, match="MIMO_DATABASE_URL"):
        _ = load_settings().require_database_url


def test_the_table_lists_every_setting_with_its_meaning() -> None:
    lines = settings_table().splitlines()[2:]
    assert len(lines) == len(Settings.model_fields)
    assert all(line.split("|")[3].strip() not in {"", "None"} for line in lines)

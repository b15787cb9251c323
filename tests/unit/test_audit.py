"""How `mimo operations` shows what has not ended."""

from datetime import UTC, datetime, timedelta

from infra.presence import SILENT_SECONDS
from mimo.audit import _standing


def told(ago_seconds: float) -> dict[str, object]:
    at = datetime.now(UTC) - timedelta(seconds=ago_seconds)
    return {"doing": "verifying users", "done": 5, "total": 9, "told_at": at}


def test_what_goes_on_says_how_far_it_is() -> None:
    assert _standing(None) == "not ended"
    assert _standing(told(0)) == "verifying users: 5 of 9"


def test_what_was_killed_is_not_shown_as_going_on() -> None:
    silent = told(SILENT_SECONDS + 1)
    assert _standing(silent).startswith(f"not ended, nothing heard since {silent['told_at']:%H:%M:%S}")

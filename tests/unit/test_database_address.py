"""Database addresses are understood in their usual spellings, and shown without the password."""

import pytest

from events.errors import CannotStart
from infra.postgres import driver_url, without_password


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
def test_the_usual_schemes_mean_the_same(scheme: str) -> None:
    assert driver_url(f"{scheme}://u:p@h:1/d?sslmode=require") == "postgresql://u:p@h:1/d?sslmode=require"


@pytest.mark.parametrize("url", ["mysql://u@h/d", "h:5432/d", "", "postgresql://u:p@h:port/d"])
def test_anything_else_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(CannotStart, match="MIMO_DATABASE_URL"):
        driver_url(url)


def test_it_is_shown_without_the_password() -> None:
    assert without_password("postgres://u:confidential@h/d") == "h:5432/d"

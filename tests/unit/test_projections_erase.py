"""Whatever shows people brings what erases them, beside its tables."""

from __future__ import annotations

import pytest

from projectors.projection import Projection
from projectors.views import PROJECTIONS


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda projection: projection.name)
def test_tables_that_show_people_bring_what_erases_them(projection: Projection) -> None:
    brings = "create function erase(people uuid[]) returns void" in projection.tables_ddl
    assert brings is projection.shows_people

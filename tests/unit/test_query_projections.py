"""What the query API takes for granted about projections, which it must not import, is what the projectors do."""

import re
from pathlib import Path
from typing import get_args

import query_api.views
from projectors.generations import Status
from projectors.views import PROJECTIONS as PROJECTED
from query_api.checkpoints import PROJECTIONS
from query_api.desk_shapes import Generation

STATEMENTS = [path.read_text() for path in sorted(Path(query_api.views.__file__).parent.glob("*.py"))]
VIEW = re.compile(r'(?<=read\.)([a-z_]+)_v(\d+)|(?<=table\(")([a-z_]+)_v(\d+)')


def test_whatever_a_generation_can_be_there_for_is_known_to_the_desk() -> None:
    assert {*get_args(Generation.model_fields["status"].annotation)} == {*Status} - {Status.RETIRED}


def test_projections_are_read_as_they_are_built() -> None:
    built = {projection.name: (projection.version, set(projection.topics)) for projection in PROJECTED}
    assert {name: (behind.version, set(behind.topics)) for name, behind in PROJECTIONS.items()} == built
    for name, behind in PROJECTIONS.items():
        assert behind.projection == name
        own = "mimo.messages" if name == "search" else f"mimo.{name}"
        assert behind.topics[0] == own, "the topic of the rows comes first"


def test_every_view_is_read_in_the_version_whose_checkpoints_are_read_beside_it() -> None:
    versions = {}
    for projection in PROJECTED:
        for view in re.findall(r"create or replace view (\w+) as", projection.views_ddl):
            versions[view] = f"v{PROJECTIONS[projection.name].version}"
    read = {f"{first or second}_v{one or two}" for text in STATEMENTS for first, one, second, two in VIEW.findall(text)}
    assert read == set(versions)
    assert all(view.endswith(f"_{version}") for view, version in versions.items())

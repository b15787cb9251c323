"""Every event and schema version that was ever shipped decodes for ever: one stored sample of each."""

import json

import msgspec
import pytest

from events.catalog import EVENTS, UPCASTERS, decode
from tests.unit.events.examples import ring
from tests.unit.events.samples import Sample, sample_keys, sample_path, samples

every_sample = pytest.mark.parametrize("sample", samples(), ids=lambda sample: f"{sample.name}.v{sample.schema}")


@every_sample
def test_a_sample_decodes(sample: Sample) -> None:
    event = decode(sample.name, sample.schema, sample.data, sample.id, ring(sample_keys()))
    decoded = json.loads(msgspec.json.encode(event))
    later = decoded.keys() - sample.decoded.keys()  # members that the version got since, which were not there yet
    assert {name: decoded[name] for name in sample.decoded} == sample.decoded
    assert all(decoded[name] in (None, []) for name in later)


@every_sample
def test_a_sample_decodes_when_its_person_was_erased(sample: Sample) -> None:
    assert decode(sample.name, sample.schema, sample.data, sample.id, ring()).contract.name == sample.name


def test_every_name_and_schema_in_the_catalogue_has_a_sample() -> None:
    present = {(event.contract.name, event.contract.schema) for event in EVENTS}
    missing = [
        f"{name}.v{schema}: run python -m tests.unit.events.samples"
        for name, schema in present | set(UPCASTERS)
        if not sample_path(name, schema).exists()
    ]
    assert not missing


def test_no_earlier_schema_of_an_event_is_without_a_sample() -> None:
    held = {(sample.name, sample.schema) for sample in samples()}
    wanted = {(e.contract.name, schema) for e in EVENTS for schema in range(1, e.contract.schema + 1)}
    assert wanted <= held

"""The tools of the benchmarks: a wrong ratio, or figures of requests that failed, would be worse than none."""

from __future__ import annotations

from pathlib import Path

import pytest

from events.partition import partition_of
from tests.bench.measure import Pairs, interleaved, percentile
from tests.bench.real_history import KINDS, People, new_events, rows
from tests.bench.table import NoPlace, Table
from tests.bench.wrk import LoadFailed, read_result

GOOD = '{"requests":900,"seconds":3.0,"p50_ms":1.5,"p99_ms":9.0,"refused":0,"broken":0}'
TABLE = Table("log", "A table", ("batch", "ratio"), [("1", "2.00×")])


def test_ratios_are_taken_pair_by_pair() -> None:
    ratio = Pairs([10.0, 40.0, 90.0], [10.0, 20.0, 30.0]).ratio(float)
    assert (ratio.middle, ratio.least, ratio.greatest) == (2.0, 1.0, 3.0)
    assert str(ratio) == "2.00× (1.00–3.00)"


def test_who_begins_changes_from_round_to_round() -> None:
    order: list[float] = []

    def side(name: float) -> float:
        order.append(name)
        return name

    pairs = interleaved(3, lambda: side(1), lambda: side(2))
    assert order == [1, 2, 2, 1, 1, 2]
    assert pairs == Pairs([1] * 3, [2] * 3)


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert percentile(values, 0.5) == 51
    assert percentile(values, 0.99) == 100
    assert percentile([3.0], 0.99) == 3


@pytest.mark.parametrize("fault", ["refused", "broken"])
def test_a_load_with_failures_gives_no_figures(fault: str) -> None:
    with pytest.raises(LoadFailed):
        read_result("RESULT " + GOOD.replace(f'"{fault}":0', f'"{fault}":1'))


def test_a_good_load_is_read() -> None:
    load = read_result(f"Running 3s test\nRESULT {GOOD}\n")
    assert (load.requests_per_second, load.p50_ms, load.p99_ms) == (300, 1.5, 9)


def test_a_table_replaces_what_stood_in_its_place(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text("before\n<!-- bench:log -->\nold\n<!-- /bench:log -->\nafter\n")
    TABLE.write_into_document(document)
    TABLE.write_into_document(document)
    expected = f"before\n<!-- bench:log -->\n{TABLE.markdown()}\n<!-- /bench:log -->\nafter\n"
    assert document.read_text() == expected


def test_a_table_without_a_place_is_not_lost_silently(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text("nothing here\n")
    with pytest.raises(NoPlace):
        TABLE.write_into_document(document)


@pytest.mark.parametrize("kind", KINDS)
def test_a_loaded_history_is_numbered_as_the_log_would(kind: str) -> None:
    people = People()
    loaded = list(rows(new_events(KINDS[kind](people, 400)), people.ring))
    assert [row[0] for row in loaded] == list(range(1, 401))
    seen: dict[object, int] = {}
    for _, version, offset, _, partition, _, _, stream, topic, key, *_ in loaded:
        assert partition == partition_of(key, 12)
        for name, number in ((stream, version), ((topic, partition), offset)):
            assert number == seen.get(name, 0) + 1
            seen[name] = number

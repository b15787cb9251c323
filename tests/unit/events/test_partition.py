"""Partitions are Kafka's own, so that others who write with the same keys land where we do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.partition import murmur2, partition_of


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_gives_what_kafkas_own_test_expects(data: bytes, expected: int) -> None:
    assert murmur2(data) == expected & 0xFFFFFFFF


@given(st.text(max_size=60), st.integers(1, 1000))
def test_a_partition_is_in_range_and_always_the_same(key: str, partitions: int) -> None:
    first = partition_of(key, partitions)
    partition_of.cache_clear()
    assert 0 <= first < partitions
    assert partition_of(key, partitions) == first


def test_ids_spread_over_all_partitions() -> None:
    used = [partition_of(f"01938000-0000-7000-8000-{number:012x}", 12) for number in range(1200)]
    assert min(used.count(partition) for partition in range(12)) > 50

"""The read cache by example; `tests/property/test_read_cache.py` holds it against the truth."""

from query_api.cache import ENTRY_OVERHEAD_BYTES, EVERYTHING, Entry, Mark, ReadCache

MARK: Mark = ("users", "mimo.users", 3)
TOPIC = "mimo.users"


def entry(key: str, offset: int, *, tag: str | None = None, size_bytes: int = 0) -> Entry:
    return Entry(("person", key), f"{key} at {offset}", ((MARK, offset),), ((TOPIC, tag or key),), key, size_bytes)


def cache_at(offset: int, max_bytes: int = 1_000_000) -> ReadCache:
    cache = ReadCache(max_bytes)
    cache.publish({MARK: offset}, ())
    return cache


def test_a_row_stays_while_others_change() -> None:
    cache = cache_at(5)
    ada = entry("ada", 5)
    assert cache.offer(ada, cache.era)
    cache.publish({MARK: 9}, [(TOPIC, "bob")])
    assert cache.get(("person", "ada")) is ada


def test_a_row_goes_when_it_changes_and_so_does_what_anything_changes() -> None:
    cache = cache_at(5)
    ada, everybody = entry("ada", 5), entry("list", 5, tag=EVERYTHING)
    cache.offer(ada, cache.era)
    cache.offer(everybody, cache.era)
    cache.publish({MARK: 6}, [(TOPIC, "ada")])
    assert (len(cache), ada.alive, everybody.alive, cache.size_bytes) == (0, False, False, 0)


def test_a_row_read_before_the_last_publication_is_not_let_in() -> None:
    cache = cache_at(5)
    late = entry("ada", 5)
    cache.publish({MARK: 6}, [(TOPIC, "ada")])
    assert not cache.offer(late, cache.era)


def test_a_row_that_is_ahead_of_the_publication_is_let_in_and_dropped_with_the_event_that_it_holds_already() -> None:
    cache = cache_at(5)
    assert cache.offer(entry("ada", 8), cache.era)
    cache.publish({MARK: 8}, [(TOPIC, "ada")])
    assert cache.get(("person", "ada")) is None


def test_a_look_up_of_an_earlier_era_is_not_let_in() -> None:
    cache = cache_at(5)
    era, row = cache.era, entry("ada", 5)
    cache.forget()
    assert not cache.offer(entry("bob", 5), cache.era), "nothing is published in the new era yet"
    cache.publish({MARK: 5}, ())
    assert not cache.offer(row, era)
    assert cache.offer(entry("ada", 5), cache.era)


def test_the_least_recently_used_go_first_and_giants_never_come_in() -> None:
    cache = cache_at(5, max_bytes=10 * ENTRY_OVERHEAD_BYTES)
    for number in range(10):
        assert cache.offer(entry(str(number), 5), cache.era)
    assert cache.get(("person", "0"))
    cache.offer(entry("10", 5), cache.era)
    assert cache.get(("person", "0"))
    assert cache.get(("person", "1")) is None
    assert not cache.offer(entry("giant", 5, size_bytes=9 * ENTRY_OVERHEAD_BYTES), cache.era)
    assert len(cache) == 10


def test_a_newer_look_up_takes_the_place_of_the_older() -> None:
    cache = cache_at(5)
    older, newer = entry("ada", 5), entry("ada", 6)
    cache.offer(older, cache.era)
    cache.offer(newer, cache.era)
    assert (older.alive, newer.alive, len(cache)) == (False, True, 1)
    cache.publish({MARK: 6}, [(TOPIC, "ada")])
    assert len(cache) == 0

"""Whatever happens in whatever order, the read cache holds nothing but the truth.

A small world: a log, a view that applies it some time later, look-ups that take their time, and the tracker's own
`look`, stopped wherever it waits for the database. After every step each row in the cache must be exactly what the view
was at the checkpoint that the row claims.
"""

from collections.abc import Coroutine, Generator
from random import Random
from types import coroutine
from typing import Any

import pytest

from query_api.cache import EVERYTHING, Entry, Mark, ReadCache
from query_api.checkpoints import CHANGED, CHECKPOINTS
from query_api.freshness import Freshness

PARTITIONS = 2
KEYS = ("a", "b", "c", "d")
CACHE_BYTES = 40_000
PLACES = [
    ("users", "mimo.users"),
    ("courses", "mimo.courses"),
    ("messages", "mimo.messages"),
    ("messages", "mimo.users"),
]
"""Two projections share a topic, and one of them has two."""
MARKS: list[Mark] = [(projection, topic, p) for projection, topic in PLACES for p in range(PARTITIONS)]


def keys_of(mark: Mark) -> list[str]:
    return [key for number, key in enumerate(KEYS) if number % PARTITIONS == mark[2]]


class World:
    """The log, and a view of it that lags behind: here a row's value is how many events of its key it has seen."""

    def __init__(self) -> None:
        self.log: dict[tuple[str, int], list[str]] = {mark[1:]: [] for mark in MARKS}
        self.applied: dict[Mark, int] = dict.fromkeys(MARKS, 0)
        self.generation = 1
        self.now = 0.0

    def truth(self, key: str, offsets: dict[Mark, int]) -> tuple[int, ...]:
        """What the rows of a key (or of all keys) are at some checkpoints."""
        return (
            self.generation,
            *(
                sum(key in (EVERYTHING, happened) for happened in self.log[mark[1:]][:at])
                for mark, at in offsets.items()
            ),
        )


@coroutine
def pause(result: Any) -> Generator[None, None, Any]:
    yield
    return result


class Connection:
    """What `Freshness.look` reads: answers are of the moment of asking, and come when the test goes on."""

    def __init__(self, world: World) -> None:
        self._world = world

    def fetch(self, sql: str, *arguments: Any) -> Any:
        return pause(self._checkpoints() if sql == CHECKPOINTS else self._changed(sql, *arguments))

    def _checkpoints(self) -> list[dict[str, Any]]:
        columns = ("projection", "topic", "partition")
        return [
            {
                **dict(zip(columns, mark, strict=True)),
                "offset": offset,
                "generation": self._world.generation,
                "stopped": False,
                "parked": False,
            }
            for mark, offset in self._world.applied.items()
        ]

    def _changed(self, sql: str, *columns: list[Any]) -> list[dict[str, Any]]:
        assert sql == CHANGED
        return [
            {"topic": topic, "key": key, "also": None}
            for topic, partition, after, upto in zip(*columns, strict=True)
            for key in self._world.log[topic, partition][after:upto]
        ]


class Trial:
    """Everything that may happen at the same time as everything else, drawn by lot."""

    def __init__(self, seed: int) -> None:
        self.lot = Random(seed)
        self.world = World()
        self.cache = ReadCache(max_bytes=CACHE_BYTES)
        self.freshness = Freshness(self.cache, connect=None, clock=lambda: self.world.now)  # type: ignore[arg-type]
        self.looking: Coroutine[Any, Any, None] | None = None
        self.fills: list[tuple[Entry, int]] = []
        self.noticed_generation = 0
        self.freshness.observe(self.notice)

    def notice(self) -> None:
        self.noticed_generation = max(self.noticed_generation, *self.freshness.generations.values())

    def something_happens(self) -> Mark:
        mark = self.lot.choice(MARKS)
        self.world.log[mark[1:]].append(self.lot.choice(keys_of(mark)))
        return mark

    def the_view_goes_on(self) -> None:
        mark = self.lot.choice(MARKS)
        self.world.applied[mark] = min(len(self.world.log[mark[1:]]), self.world.applied[mark] + self.lot.randint(1, 3))

    def something_happens_and_is_shown(self) -> None:
        mark = self.something_happens()
        self.world.applied[mark] = len(self.world.log[mark[1:]])

    def a_row_is_looked_up(self) -> None:
        mark = self.lot.choice(MARKS)
        key, offsets = self.lot.choice(keys_of(mark)), {mark: self.world.applied[mark]}
        entry = Entry((*mark[:2], key), self.world.truth(key, offsets), tuple(offsets.items()), ((mark[1], key),), key)
        self.fills.append((entry, self.cache.era))

    def a_row_that_two_topics_change_is_looked_up(self) -> None:
        mark = self.lot.choice(MARKS)
        key = self.lot.choice(keys_of(mark))
        offsets = {own: self.world.applied[own] for own in MARKS if (own[0], own[2]) == ("messages", mark[2])}
        tags = tuple((own[1], key) for own in offsets)
        self.fills.append(
            (Entry(("both", key), self.world.truth(key, offsets), tuple(offsets.items()), tags, key), self.cache.era)
        )

    def a_list_of_everything_is_looked_up(self) -> None:
        place = self.lot.choice(PLACES)
        offsets = {mark: self.world.applied[mark] for mark in MARKS if mark[:2] == place}
        value = self.world.truth(EVERYTHING, offsets)
        entry = Entry(place, value, tuple(offsets.items()), ((place[1], EVERYTHING),), None, 4_000)
        self.fills.append((entry, self.cache.era))

    def a_look_up_is_answered(self) -> None:
        if self.fills:
            entry, era = self.fills.pop(self.lot.randrange(len(self.fills)))
            self.cache.offer(entry, era)

    def the_tracker_goes_on(self) -> None:
        if self.looking is None:
            self.looking = self.freshness.look(Connection(self.world))
        try:
            self.looking.send(None)
        except StopIteration:
            self.looking = None

    def the_tracker_looks(self) -> None:
        self.the_tracker_goes_on()
        while self.looking is not None:
            self.the_tracker_goes_on()

    def the_channel_is_lost(self) -> None:
        if self.looking is not None:
            self.looking.close()
            self.looking = None
        self.freshness.lose()

    def rows_are_rewritten(self) -> None:
        """Without moving a checkpoint, as when parked events are retried; the notification comes with the commit."""
        self.world.generation += 1
        self.cache.forget()
        self.noticed_generation = self.world.generation

    def a_moment_passes(self) -> None:
        self.world.now += 0.01

    def a_long_silence(self) -> None:
        self.world.now += 1.5

    def another_generation_takes_over(self) -> None:
        self.world.generation += 1

    def the_server_crashes(self) -> None:
        """View transactions need not be durable: the view falls back a little. The channel dies with the server."""
        self.the_channel_is_lost()
        for mark in MARKS:
            self.world.applied[mark] = max(0, self.world.applied[mark] - self.lot.randint(0, 2))

    def every_row_is_true(self) -> None:
        published = self.cache.published
        rows = [(*mark[:2], key) for mark in MARKS for key in keys_of(mark)]
        for name in [*PLACES, *rows, *(("both", key) for key in KEYS)]:
            if (entry := self.cache.get(name)) is not None:
                reflected = {mark: max(offset, published[mark]) for mark, offset in entry.marks}
                _, *counts = self.world.truth(entry.event_key or EVERYTHING, reflected)
                generation, *seen = entry.value
                assert seen == counts, (name, reflected)
                assert entry.alive
                assert generation >= self.noticed_generation, name

    def sizes_add_up(self) -> None:
        assert self.cache.size_bytes <= CACHE_BYTES
        assert (self.cache.size_bytes == 0) == (len(self.cache) == 0)


OFTEN, RARELY = 8, 1
CHANCES = {
    Trial.something_happens: OFTEN,
    Trial.something_happens_and_is_shown: OFTEN,
    Trial.the_view_goes_on: OFTEN,
    Trial.a_row_is_looked_up: 2 * OFTEN,
    Trial.a_row_that_two_topics_change_is_looked_up: OFTEN,
    Trial.a_list_of_everything_is_looked_up: OFTEN,
    Trial.a_look_up_is_answered: 3 * OFTEN,
    Trial.the_tracker_goes_on: OFTEN,
    Trial.the_tracker_looks: OFTEN,
    Trial.a_moment_passes: OFTEN,
    Trial.a_long_silence: RARELY,
    Trial.rows_are_rewritten: RARELY,
    Trial.the_channel_is_lost: RARELY,
    Trial.another_generation_takes_over: RARELY,
    Trial.the_server_crashes: RARELY,
}


@pytest.mark.parametrize("first_seed", range(0, 1000, 100))
def test_every_row_in_the_cache_is_true_at_its_checkpoints(first_seed: int) -> None:
    served = 0
    for seed in range(first_seed, first_seed + 100):
        trial = Trial(seed)
        for act in trial.lot.choices([*CHANCES], [*CHANCES.values()], k=150):
            act(trial)
            trial.every_row_is_true()
            trial.sizes_add_up()
            served += len(trial.cache)
    assert served > 10_000, "the cache was hardly ever filled; this shows nothing"

"""Reads what some partitions lack of a long log by their offsets, where few of the log's events are theirs.

It takes as long as they have events, while walking along positions takes as long as the log has. The partitions are
read side by side, a share of each batch from each. It must not know when to read that way.
"""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg

from events.bookmark import Place
from infra.event_log import tail

# Without an order beside the last, the server sorts the rows once; a partition's order in it is that of its offsets.
_READ = """
    select position, id, stream, version, topic, partition, "offset", key, type, schema, data, meta, at
    from (
        select e.*, sum(octet_length(e.data::text)) over (order by e.position rows unbounded preceding)
            - octet_length(e.data::text) as bytes_before
        from unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[]) c (topic, partition, after, upto)
        cross join lateral (
            select * from log.tail t
            where t.topic = c.topic and t.partition = c.partition and t."offset" > c.after and t."offset" <= c.upto
            order by t."offset" limit $5) e) measured
    where bytes_before < $6
    order by position"""


class Backlog:
    """What was there when somebody began to catch up.

    Args:
        connection: nobody else uses it.
        head: a position; all events up to it are read with these.
        upto: the last offset of each partition that is to be read.
        batch_size: the most events at a time; fewer when they are large.
    """

    def __init__(self, connection: asyncpg.Connection, head: int, upto: Mapping[Place, int], batch_size: int) -> None:
        self.head = head
        self._connection = connection
        self._upto = upto
        self._batch_size = batch_size

    async def read(self, following: Mapping[Place, int]) -> list[asyncpg.Record]:
        """The next rows of all partitions together, in the order of each; none at its end.

        Args:
            following: the next offset of each partition.
        """
        left = {place: following[place] - 1 for place, upto in self._upto.items() if following[place] <= upto}
        if not left:
            return []
        rows: list[asyncpg.Record] = await self._connection.fetch(
            _READ,
            *tail.columns(left),
            [self._upto[place] for place in left],
            max(1, self._batch_size // len(left)),
            tail.BATCH_BYTES,
            timeout=tail.READ_TIMEOUT_SECONDS,
        )
        return rows

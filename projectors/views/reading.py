"""How far everybody has read in each channel. It must not know what was said there, nor how many messages there are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from events.reading import ChannelRead
from events.recorded import Delivered
from projectors.projection import Projection, Transaction

_MARK = """
    insert into read_marker (user_id, channel_id, number, read_at)
    select * from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::timestamptz[])
    on conflict (user_id, channel_id) do update set number = excluded.number, read_at = excluded.read_at
    where read_marker.number < excluded.number"""


class Reading(Projection):
    """The highest number that each person has read in each channel."""

    name = "reading"
    version = 1
    handles = (ChannelRead,)

    async def apply(self, transaction: Transaction, batch: Sequence[Delivered]) -> None:
        """Raises the marks; one that is not higher than what is there changes nothing."""
        marks: dict[tuple[str, UUID], tuple[int, datetime]] = {}
        for delivered in batch:
            recorded, event = delivered.recorded, delivered.event
            if type(event) is ChannelRead:
                mark = (recorded.key, event.channel_id)  # the key is the user's id as text: quicker to look up
                if mark not in marks or marks[mark][0] < event.number:
                    marks[mark] = (event.number, recorded.at)
        if marks:
            people, channels = zip(*marks, strict=True)
            numbers, times = zip(*marks.values(), strict=True)
            await transaction.execute(_MARK, people, channels, numbers, times)

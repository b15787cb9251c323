"""A process that appends messages as fast as it can and writes down what was acknowledged. Made to be killed.

    python -m tests.integration.torture_writer URL JOURNAL NAME CHANNEL AUTHOR

Every line of the journal is one acknowledged message: its text and its position. A message whose outcome is unknown
is sent again under the same idempotency key, as a client would, with new event ids.
"""

import asyncio
import os
import sys
from itertools import count
from uuid import UUID

from events.errors import Overloaded
from infra.event_store import PostgresEventStore, open_event_store
from tests.integration.log_commands import message

TALKERS = 8


async def talk(store: PostgresEventStore, journal: int, name: str, channel_id: UUID, author_id: UUID) -> None:
    """Sends messages one after the other, for ever."""
    for number in count(1):
        text = f"{name}/{number}"
        while True:
            try:
                answer = await store.append(message(channel_id, author_id, text, key=text))
            except Overloaded:
                continue
            break
        os.write(journal, f"{text} {answer.position}\n".encode())  # one write: whole lines, also under kill -9


async def main(url: str, path: str, name: str, channel: str, author: str) -> None:
    """Talks until killed."""
    journal = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    async with open_event_store(url) as store, asyncio.TaskGroup() as group:
        for talker in range(TALKERS):
            group.create_task(talk(store, journal, f"{name}.{talker}", UUID(channel), UUID(author)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

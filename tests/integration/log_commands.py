"""Small commands for tests of the log: people who talk in a channel, without an API in front."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from events.claims import voice
from events.messages import ChannelOpened, MessageSent
from events.ports import Append, Idempotency, NewEvent, PrivateWrite
from events.recorded import Meta
from events.users import UserRegistered
from infra.event_store import PostgresEventStore
from infra.ids import new_id
from infra.sealing import new_key

META = Meta(actor="test")

Say = Callable[[str], Awaitable[int]]


async def register(store: PostgresEventStore, name: str = "Ada") -> UUID:
    """An account; returns the user's id."""
    user_id, key = new_id(), new_key()
    store.ring.add(user_id, key)
    event = UserRegistered(user_id=user_id, email_hmac=user_id.hex, email=f"{name}@example.org", display_name=name)
    private = (PrivateWrite("set", f"data_key/{user_id}", key, 0), PrivateWrite("set", f"password/{user_id}", b"#", 0))
    await store.append(Append((NewEvent(new_id(), event),), META, private=private))
    return user_id


async def open_channel(store: PostgresEventStore, owner_id: UUID) -> UUID:
    """A channel without a course; returns its id."""
    channel_id = new_id()
    event = ChannelOpened(channel_id=channel_id, course_id=channel_id, owner_id=owner_id, name="general")
    await store.append(Append((NewEvent(new_id(), event),), META))
    return channel_id


def message(
    channel_id: UUID, author_id: UUID, text: str, *, client_message_id: str | None = None, key: str | None = None
) -> Append:
    """A message that anybody may send; `key` is an idempotency key."""
    event = MessageSent(channel_id=channel_id, author_id=author_id, text=text, client_message_id=client_message_id)
    idempotency = Idempotency("test", key, b"fingerprint") if key else None
    return Append((NewEvent(new_id(), event),), META, idempotency=idempotency)


def member_message(course_id: UUID, channel_id: UUID, author_id: UUID, text: str) -> Append:
    """A message that only those with a voice may send."""
    event = MessageSent(channel_id=channel_id, author_id=author_id, text=text)
    return Append((NewEvent(new_id(), event),), META, need=(voice(course_id, author_id),))

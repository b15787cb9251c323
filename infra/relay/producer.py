"""aiokafka's transactional producer with a way to let go of it that waits for nobody, and a shorter rest in between.

Its own `stop` waits for a broker that may be away, and leaves tasks behind when it is interrupted. It reaches into
aiokafka's private parts for that: tests/integration/test_relay_publisher.py tells when a new version changed them.
It must not know what is published.
"""

# ruff: noqa: SLF001 - there is no public way

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.client import CoordinationType
from aiokafka.producer.sender import BACKOFF_OVERRIDE, AddPartitionsToTxnHandler, Sender

from infra.kafka.connections import know_connections

REST_SECONDS = 0.002
"""How long to wait when the coordinator is not done with the transaction before; aiokafka waits ten times as long."""


class DroppableProducer(AIOKafkaProducer):  # type: ignore[misc]
    """aiokafka's producer with a way to let go of it that waits for nobody."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        know_connections(self.client)
        theirs: Any = self._sender
        self._sender: Any = _Sender(
            self.client,
            acks=theirs._acks,
            txn_manager=self._txn_manager,
            message_accumulator=self._message_accumulator,
            retry_backoff_ms=options["retry_backoff_ms"],
            request_timeout_ms=options["request_timeout_ms"],
        )

    async def drop(self) -> None:
        """Ends its tasks, cuts its connections, and looks at every outcome, so that none is reported as forgotten."""
        self._closed = True
        await self._sender.drop()
        await self.client.close()
        accumulator, waiter = self._message_accumulator, self._txn_manager._transaction_waiter
        left = [batch for batches in accumulator._batches.values() for batch in batches]
        for batch in (*left, *accumulator._pending_batches):
            look_at(batch.future)
            look_at(batch._drain_waiter)
        if waiter is not None:
            look_at(waiter)


class _Sender(Sender):  # type: ignore[misc]
    """aiokafka's sender, but it knows its tasks, and it rests less between two transactions."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._tasks: set[asyncio.Task[Any]] = set()

    async def drop(self) -> None:
        """Cancels everything that it does."""
        tasks = [task for task in (self._sender_task, *self._tasks) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for task in tasks:
            look_at(task)

    async def _send_produce_req(self, node_id: int, batches: Mapping[Any, Any]) -> None:
        self._remember()
        await super()._send_produce_req(node_id, batches)

    async def _do_txn_commit(self, commit_result: Any) -> None:
        self._remember()
        await super()._do_txn_commit(commit_result)

    async def _do_add_partitions_to_txn(self, tps: Any) -> Any:
        self._remember()
        node_id = await self._find_coordinator(CoordinationType.TRANSACTION, self._txn_manager.transactional_id)
        return await _AddPartitions(self, tps).do(node_id)

    def _remember(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _AddPartitions(AddPartitionsToTxnHandler):  # type: ignore[misc]
    """Rests less when the coordinator has not finished the transaction before."""

    def handle_response(self, resp: Any) -> float | None:
        pause: float | None = super().handle_response(resp)
        return REST_SECONDS if pause == BACKOFF_OVERRIDE else pause


def look_at(future: asyncio.Future[Any]) -> None:
    """Takes note of a future's outcome, now or later."""
    future.add_done_callback(lambda done: done.cancelled() or done.exception())

r"""Has aiokafka read records whose headers have names that are not UTF-8, as any producer may write them.

At such a name aiokafka raises, each time anew, and never gets past it: nor past what shares its batch, which it reads
from the batch's beginning each time. So such a batch is read a second time, and what is no UTF-8 is written `\xff`.
This reaches into aiokafka's private parts: tests/contract/test_kafka_unreadable.py tells when a new version changed
them. It must not know what records mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy


def read_any_header() -> None:
    """Has all consumers of this process read so from now on."""
    fetcher.MemoryRecords = _Records


class _Records(_MemoryRecordsPy):  # type: ignore[misc]
    """What a fetch has brought of a partition, batch by batch."""

    def next_batch(self) -> Any:
        """The next batch, as aiokafka reads it, or twice."""
        content = self._next_slice
        batch = super().next_batch()
        if isinstance(batch, DefaultRecordBatch) and not batch.is_control_batch:
            return _Batch(batch, content)
        return batch


class _Batch:
    """A batch that is read forgivingly where it must be: that takes much longer.

    Args:
        batch: as aiokafka reads it.
        content: what it is made of.
    """

    def __init__(self, batch: Any, content: Any) -> None:
        self._batch = batch
        self._content = content

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        had = 0
        try:
            for record in self._batch:
                yield record
                had += 1
        except (UnicodeDecodeError, CorruptRecordException):  # the latter from aiokafka without its compiled part
            yield from islice(_Forgiving(self._content), had, None)  # raises again what is really corrupt


class _Forgiving(_DefaultRecordBatchPy):  # type: ignore[misc]
    """aiokafka's own way to read a batch, without its compiled part."""

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer: Any = _Bytes(self._buffer)


class _Bytes(bytearray):
    """Bytes of which any part can be decoded."""

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key)
        return _Bytes(part) if isinstance(key, slice) else part

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        return super().decode(encoding, errors)

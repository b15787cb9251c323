"""Which partition an event belongs to: one function, so that the log and every consumer agree.

It is Kafka's own default (murmur2 of the key, as in `org.apache.kafka.clients.producer.internals
.BuiltInPartitioner`), so topics written by others with the same keys line up with ours.
It must not know how many partitions an installation has: that is stored in the log.
"""

from __future__ import annotations

from functools import lru_cache

DEFAULT_PARTITIONS = 12
KEYS_REMEMBERED = 65_536
_UINT32 = 0xFFFFFFFF
_M = 0x5BD1E995


def murmur2(data: bytes) -> int:
    """The 32-bit murmur2 hash with Kafka's seed, unsigned (source: Kafka's `Utils.murmur2`)."""
    length = len(data)
    h = 0x9747B28C ^ length
    for i in range(0, length & ~3, 4):
        k = (int.from_bytes(data[i : i + 4], "little") * _M) & _UINT32
        k ^= k >> 24
        h = ((h * _M) & _UINT32) ^ ((k * _M) & _UINT32)
    if tail := data[length & ~3 :]:
        h = ((h ^ int.from_bytes(tail, "little")) * _M) & _UINT32
    h ^= h >> 13
    h = (h * _M) & _UINT32
    return h ^ (h >> 15)


@lru_cache(KEYS_REMEMBERED)
def partition_of(key: str, partitions: int) -> int:
    """The partition of a key, from 0 to `partitions` - 1."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions

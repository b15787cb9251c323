"""Rate limits per person and per address, for the few routes that attackers hammer.

Each process counts for itself: with N workers the limits are at most N times as high. It must not know what is limited.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Sequence
from dataclasses import dataclass
from time import time

import structlog
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from starlette.types import Scope

from events.errors import RateLimited
from infra.web.answer import Header

_log = structlog.get_logger("mimo.limits")
_IPV6_NETWORK_BITS = 64


@dataclass(frozen=True, slots=True)
class Limit:
    """How often something may be done.

    Args:
        name: what is counted, such as `login`.
        rate: how often, such as `20/minute` (the notation of `limits`).
    """

    name: str
    rate: str


class TooMany(RateLimited):
    """Too many requests; slow down."""

    def __init__(self, detail: str, retry_after_seconds: float, headers: Sequence[Header]) -> None:
        super().__init__(detail, retry_after_seconds)
        self.headers = headers


class RateLimits:
    """Counts and refuses.

    Args:
        enabled: off is for load tests only, and said loudly.
    """

    def __init__(self, enabled: bool = True) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage()) if enabled else None
        self._items: dict[str, RateLimitItem] = {}
        if not enabled:
            _log.warning("rate_limits_are_off", hint="MIMO_RATE_LIMITS=off is for load tests only")

    async def hit(self, *counted: tuple[Limit, str]) -> None:
        """Counts one request against some limits.

        Args:
            counted: limits, each with whom it is counted for (an address, an HMAC of an e-mail, a session).

        Raises:
            RateLimited: one of them is used up.
        """
        if self._limiter is None:
            return
        for limit, subject in counted:
            item = self._items.get(limit.rate)
            if item is None:
                item = self._items[limit.rate] = parse(limit.rate)
            if not await self._limiter.hit(item, limit.name, subject):
                stats = await self._limiter.get_window_stats(item, limit.name, subject)
                wait = max(1, math.ceil(stats.reset_time - time()))
                raise TooMany("Too many attempts; wait a little.", wait, _headers(limit, item, stats.remaining, wait))


def address_of(scope: Scope) -> str:
    """Whom an address is counted for: IPv6 callers by their network, for they have many addresses."""
    client = scope.get("client")
    try:
        address = ipaddress.ip_address(client[0] if client else "")
    except ValueError:
        return "unknown"
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, _IPV6_NETWORK_BITS), strict=False))


def _headers(limit: Limit, item: RateLimitItem, remaining: int, wait_seconds: int) -> list[Header]:
    """The fields of draft-ietf-httpapi-ratelimit-headers."""
    policy = f'"{limit.name}";q={item.amount};w={item.get_expiry()}'
    state = f'"{limit.name}";r={max(0, remaining)};t={wait_seconds}'
    return [(b"ratelimit-policy", policy.encode()), (b"ratelimit", state.encode())]

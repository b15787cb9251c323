"""Rate limits: `Limit` for the few routes that attackers hammer, `Pace` for what people do all the time.

A limit counts in a sliding window (the library `limits`), which takes some 30 µs; a pace is one number per person and
takes a tenth of that. Each process counts for itself: with N workers the limits are at most N times as high.
It must not know what is limited.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from time import monotonic, time

import structlog
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from starlette.types import Scope

from events.errors import RateLimited
from infra.web.answer import Header

_log = structlog.get_logger("mimo.limits")
_IPV6_NETWORK_BITS = 64
_SECONDS_A_MINUTE = 60
FEW_SUBJECTS = 10_000
"""Fewer are not worth looking through."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How often something may be done.

    Args:
        name: what is counted, such as `login`.
        rate: how often, such as `20/minute` (the notation of `limits`).
    """

    name: str
    rate: str


@dataclass(frozen=True, slots=True)
class Pace:
    """How often something may be done in the long run, and how often at once by who was silent before.

    Args:
        name: what is counted, such as `speaking`.
        a_minute: how often in the long run.
        at_once: how often at most, all at once.
    """

    name: str
    a_minute: int
    at_once: int


class TooMany(RateLimited):
    """Too many requests; slow down."""

    def __init__(self, detail: str, retry_after_seconds: float, headers: Sequence[Header]) -> None:
        super().__init__(detail, retry_after_seconds)
        self.headers = headers


class RateLimits:
    """Counts and refuses.

    Args:
        enabled: off is for load tests only, and said loudly.
        clock: seconds that never go back.
    """

    def __init__(self, enabled: bool = True, clock: Callable[[], float] = monotonic) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage()) if enabled else None
        self._items: dict[str, RateLimitItem] = {}
        self._enabled, self._clock = enabled, clock
        self._spent: dict[str, dict[Hashable, float]] = {}
        self._many: dict[str, int] = {}
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

    def spend(self, pace: Pace, subject: Hashable) -> None:
        """Counts one request against a pace.

        What is kept of a subject is when it will have its whole allowance again (the generic cell rate algorithm).

        Args:
            pace: what is done.
            subject: who does it.

        Raises:
            RateLimited: that was too quick.
        """
        if not self._enabled:
            return
        spent = self._spent.get(pace.name)
        if spent is None:
            spent = self._spent[pace.name] = {}
        now, each = self._clock(), _SECONDS_A_MINUTE / pace.a_minute
        whole_at = max(spent.get(subject, now), now) + each
        if (early := whole_at - now - pace.at_once * each) > 0:
            wait = max(1, math.ceil(early))
            headers = _told(pace.name, pace.a_minute, _SECONDS_A_MINUTE, 0, wait)
            raise TooMany("Not so fast; wait a little.", wait, headers)
        spent[subject] = whole_at
        if len(spent) > self._many.get(pace.name, FEW_SUBJECTS):
            self._forget_rested(pace.name, now)

    def _forget_rested(self, name: str, now: float) -> None:
        """Forgets who has the whole allowance again; looks again when there are twice as many."""
        spent = self._spent[name] = {who: whole_at for who, whole_at in self._spent[name].items() if whole_at > now}
        self._many[name] = max(FEW_SUBJECTS, 2 * len(spent))


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
    return _told(limit.name, item.amount, item.get_expiry(), remaining, wait_seconds)


def _told(name: str, quota: int, window_seconds: int, remaining: int, wait_seconds: int) -> list[Header]:
    """The fields of draft-ietf-httpapi-ratelimit-headers."""
    policy = f'"{name}";q={quota};w={window_seconds}'
    state = f'"{name}";r={max(0, remaining)};t={wait_seconds}'
    return [(b"ratelimit-policy", policy.encode()), (b"ratelimit", state.encode())]

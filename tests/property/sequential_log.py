"""The log as a few dictionaries that run one command at a time: what `log.append` must equal.

It must not know rounds, sets or SQL.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Command:
    """One command in the log's own terms; see append.sql for the letters."""

    events: tuple[tuple[str, int], ...] = ()  # (stream, partition)
    expected: tuple[tuple[str, int], ...] = ()  # (stream, version)
    claims: tuple[tuple[str, str, str], ...] = ()  # (op, scope, key)
    private: tuple[tuple[str, str, bytes, int | None], ...] = ()  # (op, name, value, version)
    idempotency: tuple[str, bytes] | None = None  # (key, fingerprint)


@dataclass
class SequentialLog:
    """State after the commands so far. Answers are `(reason, numbers)`: numbers of the events when reason is None."""

    events: list[tuple[str, int, int, int]] = field(default_factory=list)  # stream, version, partition, offset
    claims: set[tuple[str, str]] = field(default_factory=set)
    limits: dict[str, int | None] = field(default_factory=dict)
    private: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    keys: dict[str, bytes] = field(default_factory=dict)

    def run(self, command: Command) -> tuple[str | None, list[tuple[int, int, int]]]:
        """Runs one command: its refusal, or the (position, version, offset) of its events."""
        reason = self._refusal(command)
        if reason is not None:
            return reason, []
        self._change(command)
        return None, [self._append(stream, partition) for stream, partition in command.events]

    def held(self, scope: str) -> int:
        return sum(1 for held_scope, _ in self.claims if held_scope == scope)

    def _version(self, stream: str) -> int:
        return sum(1 for name, *_ in self.events if name == stream)

    def _append(self, stream: str, partition: int) -> tuple[int, int, int]:
        version = self._version(stream) + 1
        offset = sum(1 for *_, other, _offset in self.events if other == partition) + 1
        self.events.append((stream, version, partition, offset))
        return len(self.events), version, offset

    def _refusal(self, command: Command) -> str | None:
        if command.idempotency and command.idempotency[0] in self.keys:
            return "replayed" if self.keys[command.idempotency[0]] == command.idempotency[1] else "reused_key"
        if any(self._version(stream) != version for stream, version in command.expected):
            return "version"
        for _, name, _, version in command.private:
            if version is not None and self.private.get(name, (b"", 0))[1] != version:
                return "stale"
        return self._claim_refusal(command.claims)

    def _claim_refusal(self, claims: Sequence[tuple[str, str, str]]) -> str | None:
        for place, (op, scope, key) in enumerate(claims):
            if op == "n" and (scope, key) not in self.claims:
                return "missing"
            given_back = op == "t" and ("r", scope, key) in claims[:place]
            if op in "at" and (scope, key) in self.claims and not given_back:
                return "taken"
        for scope, limit in self.limits.items():
            takes = {key for op, other, key in claims if op == "t" and other == scope}
            if limit is not None and takes and len(takes) > limit - self.held(scope):
                return "full"
        return None

    def _change(self, command: Command) -> None:
        for op, scope, key in command.claims:
            if op == "r":
                self.claims.discard((scope, key))
            elif op == "o":
                self.claims = {held for held in self.claims if held[0] != scope or held[1] == key}
            elif op == "l":
                self.limits[scope] = int(key) if key else None
        self.claims |= {(scope, key) for op, scope, key in command.claims if op == "t"}
        for op, name, value, _ in command.private:
            if op == "s":
                self.private[name] = (value, self.private.get(name, (b"", 0))[1] + 1)
            elif op == "d":
                self.private.pop(name, None)
        if command.idempotency:
            self.keys[command.idempotency[0]] = command.idempotency[1]

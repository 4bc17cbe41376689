"""A record for tests: calls, connections, and issued secrets.

It is kept in memory, and only where the control plane is enabled.
"""

import threading
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Call:
    """One request: its method, path without the query, and the status answered (0: dropped)."""

    method: str
    path: str
    status: int


@dataclass
class Traffic:
    """Calls and connections since the last reset."""

    enabled: bool
    _calls: list[Call] = field(default_factory=list)
    _connections: set[tuple[str, str]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def record_connection(self, address: str, port: str) -> None:
        """Record the connection of a request."""
        if self.enabled:
            with self._lock:
                self._connections.add((address, port))

    def record_call(self, call: Call) -> None:
        """Record a request that was answered or dropped."""
        if self.enabled:
            with self._lock:
                self._calls.append(call)

    def calls(self) -> list[Call]:
        """The calls in the order of their answers."""
        with self._lock:
            return list(self._calls)

    def connections(self) -> int:
        """The number of connections that requests have used."""
        with self._lock:
            return len(self._connections)

    def clear(self) -> None:
        """Delete the record."""
        with self._lock:
            self._calls.clear()
            self._connections.clear()


ISSUED_KINDS = ("tickets", "codes", "access_tokens", "id_tokens", "client_secrets")


@dataclass
class Issued:
    """Every secret issued since the start, so that a test can search for leaks."""

    enabled: bool
    _secrets: dict[str, list[str]] = field(
        default_factory=lambda: {kind: [] for kind in ISSUED_KINDS}
    )
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def record(self, kind: str, secret: str) -> None:
        """Record an issued secret."""
        if self.enabled:
            with self._lock:
                self._secrets[kind].append(secret)

    def all(self) -> dict[str, list[str]]:
        """The secrets by kind."""
        with self._lock:
            return {kind: list(secrets) for kind, secrets in self._secrets.items()}

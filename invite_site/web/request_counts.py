"""How many requests of one kind came in the running minute: counted in this process, or in a Redis
that several processes share.

Flask-Limiter would count as well, for 0.4 ms of each request and 0.1 s of each start; a counter a
minute needs neither.
"""

import logging
from collections import Counter
from datetime import datetime, timedelta
from threading import Lock
from typing import Protocol

from ..errors import ConfigError
from ..settings import MEMORY, Settings

log = logging.getLogger(__name__)

PATIENCE = 0.25  # seconds for an answer of Redis: somebody waits for a page meanwhile
ASK_AGAIN = timedelta(seconds=30)  # after Redis did not answer
KEPT = 120  # seconds; longer than the minute that is counted, since clocks differ


class Counts(Protocol):
    """Counts the requests of a minute. Moments are aware UTC."""

    def add(self, key: str, now: datetime) -> int:
        """Count one more with this key; returns how many there were in this minute."""


def open_counts(settings: Settings) -> Counts:
    """The counts at RATE_LIMIT_URL. Raises ConfigError where the package for it is missing."""
    if settings.rate_limit_url == MEMORY:
        return MemoryCounts()
    try:
        return SharedCounts(settings.rate_limit_url, prefix=f"invite-site:{settings.client_id}")
    except ImportError as missing:
        raise ConfigError(
            ["RATE_LIMIT_URL needs the package redis: install the extra invite-site[redis]."]
        ) from missing


class MemoryCounts:
    """The counts of this process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._minute = 0
        self._counts: Counter[str] = Counter()

    def add(self, key: str, now: datetime) -> int:
        minute = _minute(now)
        with self._lock:
            if minute != self._minute:  # nobody asks about another one any more
                self._minute, self._counts = minute, Counter()
            self._counts[key] += 1
            return self._counts[key]


class SharedCounts:
    """Counts in Redis. While it does not answer, each process counts for itself: nobody is kept out
    because Redis is away, and nobody is unlimited."""

    def __init__(self, url: str, *, prefix: str) -> None:
        from redis import Redis, RedisError  # an extra; and the import takes 0.2 s
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self._redis = Redis.from_url(
            url,
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
            retry=Retry(NoBackoff(), 0),
        )
        self._refused: type[Exception] = RedisError
        self._prefix = prefix
        self._own = MemoryCounts()
        self._ask_again_at: datetime | None = None  # None while Redis answers

    def add(self, key: str, now: datetime) -> int:
        if self._ask_again_at is not None and now < self._ask_again_at:
            return self._own.add(key, now)
        try:
            count = self._add_in_redis(f"{self._prefix}:{_minute(now)}:{key}")
        except self._refused as failed:
            if self._ask_again_at is None:
                log.warning(
                    "RATE_LIMIT_URL does not answer (%s); until it does, each process counts "
                    "for itself",
                    type(failed).__name__,
                )
            self._ask_again_at = now + ASK_AGAIN
            return self._own.add(key, now)
        if self._ask_again_at is not None:
            log.warning("RATE_LIMIT_URL answers again")
            self._ask_again_at = None
        return count

    def _add_in_redis(self, name: str) -> int:
        with self._redis.pipeline() as both:
            both.incr(name)
            both.expire(name, KEPT)
            return int(both.execute()[0])


def _minute(now: datetime) -> int:
    return int(now.timestamp()) // 60

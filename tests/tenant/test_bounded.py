"""Answers of a tenant that is hostile or broken: too large, too slow, on a redirect."""

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
import requests

from invite_site.tenant.bounded import BoundedAdapter


@contextmanager
def answering(answer: Callable[[socket.socket], None], *, connections: int = 1) -> Iterator[str]:
    """A server that reads one request of each connection and lets `answer` write."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                for _ in range(connections):
                    connection, _ = listener.accept()
                    with connection:
                        connection.recv(65536)
                        answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    thread.join(timeout=5)


def ask(url: str, *, largest: int = 10_000, longest: float = 0.5) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        session.mount("http://", BoundedAdapter(largest=largest, longest=longest))
        return session.get(url, timeout=5)


def head(length: int, more: str = "") -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n{more}\r\n".encode()


def test_it_works() -> None:
    """An answer within the limits is as ever, compressed or not."""
    with answering(lambda c: c.sendall(head(2) + b"{}")) as url:
        assert ask(url).json() == {}
    body = gzip.compress(b'{"a": 1}')
    with answering(
        lambda c: c.sendall(head(len(body), "Content-Encoding: gzip\r\n") + body)
    ) as url:
        assert ask(url).json() == {"a": 1}


def test_a_body_that_drips_ends_at_the_limit_of_time() -> None:
    """However steadily it comes, and however long its length says it will be."""

    def drip(connection: socket.socket) -> None:
        connection.sendall(head(200))
        with suppress(OSError):
            for _ in range(200):
                connection.sendall(b"x")
                time.sleep(0.05)  # the behaviour under test, not a wait for something

    with answering(drip) as url, pytest.raises(requests.ConnectionError):
        ask(url)


def test_a_small_answer_that_unpacks_to_a_large_one_is_refused() -> None:
    """The limit is that of the unpacked body."""
    bomb = gzip.compress(bytes(5_000_000))
    assert len(bomb) < 10_000
    with (
        answering(lambda c: c.sendall(head(len(bomb), "Content-Encoding: gzip\r\n") + bomb)) as url,
        pytest.raises(requests.ConnectionError, match="too long"),
    ):
        ask(url)


def test_an_answer_that_is_too_long_keeps_no_connection() -> None:
    """There are so many and no more: the next call would wait for one for ever."""
    with (
        answering(lambda c: c.sendall(head(20_000) + bytes(20_000)), connections=3) as url,
        requests.Session() as session,
    ):
        session.trust_env = False
        session.mount("http://", BoundedAdapter(largest=9, pool_maxsize=1, pool_block=True))
        for _ in range(3):
            with pytest.raises(requests.ConnectionError, match="too long"):
                session.get(url, timeout=5)


def test_a_body_that_breaks_off_is_an_error_of_requests() -> None:
    """So that callers have one family to catch."""
    with (
        answering(lambda c: c.sendall(head(100) + b"{")) as url,
        pytest.raises(requests.RequestException),
    ):
        ask(url).json()

"""What the server withstands over real sockets: requests that never end, and requests without measure.

The others are answered meanwhile, and nothing that anybody sent is written to disk.
"""

import contextlib
import logging
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from invite_site import server
from tests.support.running import RunningSite, Tenant, running_site, settings_for

HUNG = 200
HUGE = 300_000_000  # bytes
SOCKET_BUFFERS = 16_000_000  # what the machine takes from a sender before anybody has read it

BEGINNINGS = {
    "silent": b"",
    "half a line": b"GET /lo",
    "half the headers": b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    "half a body": b"POST /logout HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\ncsrf",
    "half a chunk": b"POST /logout HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nx",
}


@pytest.fixture
def no_temp_folder(
    site: RunningSite,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> Iterator[None]:
    """From the start of the site on whoever would write a temporary file fails, and the server would log
    that."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    yield
    said = caplog.get_records("call")
    assert [each.getMessage() for each in said if each.name == "waitress"] == []


@pytest.fixture
def patient_site(tenant: Tenant, tmp_path: Path) -> Iterator[RunningSite]:
    """A site that lets nobody go while a test lasts."""
    with running_site(settings_for(tenant, tmp_path), silence=3600) as running:
        yield running


@pytest.fixture
def impatient_site(tenant: Tenant, tmp_path: Path) -> Iterator[RunningSite]:
    """A site that waits for one second where an ordinary one waits for fifteen."""
    with running_site(settings_for(tenant, tmp_path), silence=1) as running:
        yield running


def connected(site: RunningSite, beginning: bytes) -> socket.socket:
    parts = urlsplit(site.url)
    connection = socket.create_connection(("127.0.0.1", parts.port or 80), timeout=15)
    connection.sendall(beginning)
    return connection


def is_answered(site: RunningSite) -> bool:
    return requests.get(site.url, timeout=15).status_code == 200


def heads(length: int | str) -> bytes:
    """A request with a body of this many bytes, or chunked, up to its body."""
    framing = f"Content-Length: {length}" if length != "chunked" else "Transfer-Encoding: chunked"
    return f"POST /logout HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n".encode()


def sends_until_refused(connection: socket.socket, octets: bytes) -> int:
    """Send these again and again, until the other side has closed; how many bytes went off."""
    sent = 0
    with contextlib.suppress(OSError):
        while sent < HUGE:
            connection.sendall(octets)
            sent += len(octets)
    return sent


def answer_on(connection: socket.socket) -> str:
    """The status line, as far as it came through before the connection was reset."""
    answer = b""
    with contextlib.suppress(OSError):
        while octets := connection.recv(65536):
            answer += octets
    return answer.split(b"\r\n")[0].decode()


def test_two_hundred_unfinished_requests_keep_nobody_waiting(patient_site: RunningSite) -> None:
    """They take a place each, and no thread: others are answered though none of them ends."""
    beginnings = list(BEGINNINGS.values())
    with contextlib.ExitStack() as stack:
        for number in range(HUNG):
            beginning = beginnings[number % len(beginnings)]
            stack.enter_context(connected(patient_site, beginning))
        assert all(is_answered(patient_site) for _ in range(5))


@pytest.mark.parametrize("beginning", BEGINNINGS.values(), ids=BEGINNINGS)
def test_a_request_that_stops_in_the_middle_is_let_go(
    impatient_site: RunningSite, beginning: bytes
) -> None:
    """The place is free again for somebody else."""
    with connected(impatient_site, beginning) as connection:
        assert connection.recv(1) == b"", "it was closed by the server"


@pytest.mark.usefixtures("no_temp_folder")
@pytest.mark.parametrize("length", [HUGE, "chunked"])
def test_a_body_without_measure_is_refused_before_it_has_come(
    site: RunningSite, length: int | str
) -> None:
    """The others are answered meanwhile, and nothing of it is on the disk."""
    chunk = b"x" * 65_536
    octets = chunk if length == HUGE else b"10000\r\n" + chunk + b"\r\n"
    with connected(site, heads(length) + b"\r\n") as connection:
        connection.sendall(octets)
        assert is_answered(site)
        assert sends_until_refused(connection, octets) < SOCKET_BUFFERS
        assert is_answered(site)


@pytest.mark.usefixtures("no_temp_folder")
def test_who_asks_before_sending_too_much_is_refused_too(site: RunningSite) -> None:
    """Waitress says *100 Continue* to such a request, but it reads no more than to the limit."""
    with connected(site, heads(HUGE) + b"Expect: 100-continue\r\n\r\n") as connection:
        assert connection.recv(64).startswith(b"HTTP/1.1 ")
        assert sends_until_refused(connection, b"x" * 65_536) < SOCKET_BUFFERS


def test_a_refusal_says_what_it_is_about(site: RunningSite) -> None:
    """To whoever has not sent everything yet."""
    with connected(site, heads(HUGE) + b"\r\n") as connection:
        assert answer_on(connection) == "HTTP/1.1 413 Request Entity Too Large"
    with connected(site, heads(0) + b"X-Long: " + b"x" * server.HEADERS) as connection:
        assert answer_on(connection) == "HTTP/1.0 431 Request Header Fields Too Large"


@pytest.mark.parametrize("host", ["x" * 64, "invite..example.com", "", "evil.example"])
def test_whatever_host_a_request_names_the_page_is_the_same(site: RunningSite, host: str) -> None:
    """SITE_URL says where the site is; a name that no host can have is no error of ours."""
    for path, status in (("/", 200), ("/nowhere", 404), ("/healthz", 200)):
        answer = requests.get(site.url + path, headers={"Host": host}, timeout=15)
        assert answer.status_code == status, path
        assert "Server" not in answer.headers, "nobody needs to know what it runs on"


@pytest.mark.usefixtures("site")
def test_the_server_logs_no_path_of_whoever_has_left() -> None:
    """Waitress does so at INFO, and a path may hold the token of a link."""
    assert not logging.getLogger("waitress").isEnabledFor(logging.INFO)


@pytest.mark.usefixtures("no_temp_folder")
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_body_of_the_largest_list_is_taken_without_a_temporary_file(
    site: RunningSite, framing: str
) -> None:
    """It is read to its end; the page decides."""
    body = b"x" * (server.BODY - 65_536)
    answer = requests.post(
        f"{site.url}/admin/batches",
        data=body if framing == "length" else iter([body]),
        timeout=15,
        allow_redirects=False,
    )
    assert answer.status_code in (400, 413)
    assert "text/html" in answer.headers["Content-Type"], "our own page"

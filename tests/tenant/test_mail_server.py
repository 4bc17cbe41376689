"""The mail server's line of `flask tenant check`: reached, encrypted, and willing to know us."""

import os
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from invite_site.mail.smtp import Encryption, SmtpServer
from invite_site.tenant.setup.requirements.mail_server import try_server
from tests.support.running import Tenant
from tests.support.tls_front import TlsFront, write_certificate

ROOT = Path(__file__).resolve().parents[2]


class _Doorkeeper(socketserver.StreamRequestHandler):
    """As much SMTP as it takes to be turned away, or let in with the password `right`."""

    def handle(self) -> None:
        self._says("220 localhost")
        for line in self.rfile:
            word, _, rest = line.decode("ascii").strip().partition(" ")
            match word.upper():
                case "EHLO":
                    self._says("250-localhost", "250 AUTH PLAIN")
                case "AUTH" if rest == "PLAIN AHVzZXIAcmlnaHQ=":
                    self._says("235 welcome")
                case "AUTH":
                    self._says("535 no")
                case "QUIT":
                    self._says("221 bye")
                    return
                case _:
                    self._says("250 ok")

    def _says(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode("ascii"))


@pytest.fixture
def strict_server() -> Iterator[str]:
    """Its host and port."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Doorkeeper) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"localhost:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def smtp_port(tenant: Tenant) -> int:
    return urlsplit(tenant.environment["SMTP_URL"]).port or 0


def test_it_works(tenant: Tenant) -> None:
    """On this machine a server without encryption is fine, and no mail is sent to find out."""
    finding = try_server(SmtpServer.from_url(tenant.environment["SMTP_URL"]))
    assert (finding.level, finding.advice) == ("ok", "")
    assert tenant.mails() == []


def test_without_encryption_is_wrong_anywhere_else(tenant: Tenant) -> None:
    """An invitation is a key, so it only travels encrypted."""
    finding = try_server(SmtpServer("localhost", smtp_port(tenant), Encryption.STARTTLS))
    assert finding.level == "wrong"
    assert "STARTTLS" in finding.message


def test_smtps_on_a_plain_port_is_told(tenant: Tenant) -> None:
    """The most common mistake: the port of the other kind."""
    finding = try_server(SmtpServer.from_url(f"smtps://localhost:{smtp_port(tenant)}"))
    assert finding.level == "wrong"
    assert "smtp://" in finding.advice


def test_a_certificate_that_nobody_vouches_for_is_told(tenant: Tenant, tmp_path: Path) -> None:
    """The mailer would not send to such a server either."""
    _, served = write_certificate(tmp_path)
    front = TlsFront(served)
    with front.leading_to(smtp_port(tenant)):
        finding = try_server(SmtpServer.from_url(f"smtps://localhost:{front.port}"))
    assert finding.level == "wrong"
    assert "certificate" in finding.message


def test_a_certificate_that_is_vouched_for_is_ok(tenant: Tenant, tmp_path: Path) -> None:
    """In a process of its own, whose authorities are these."""
    trusted, served = write_certificate(tmp_path)
    front = TlsFront(served)
    program = (
        "import sys; from invite_site.mail.smtp import SmtpServer; "
        "from invite_site.tenant.setup.requirements.mail_server import try_server; "
        "print(try_server(SmtpServer.from_url(sys.argv[1])))"
    )
    with front.leading_to(smtp_port(tenant)):
        done = subprocess.run(
            [sys.executable, "-c", program, f"smtps://localhost:{front.port}"],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            env={**os.environ, "SSL_CERT_FILE": str(trusted)},
        )
    assert "Level.OK" in done.stdout
    assert "with TLS" in done.stdout


def test_a_server_that_is_away_is_told() -> None:
    """Nobody listens there."""
    finding = try_server(SmtpServer.from_url("smtp://localhost:9"))
    assert finding.level == "wrong"
    assert "SMTP_URL" in finding.advice


def test_a_password_that_is_right_is_ok(strict_server: str) -> None:
    """It says that the user was tried."""
    finding = try_server(SmtpServer.from_url(f"smtp://user:right@{strict_server}"))
    assert finding.level == "ok"
    assert "takes our user and password" in finding.message


def test_a_password_that_is_wrong_is_told_and_not_shown(strict_server: str) -> None:
    """The remedy is in SMTP_URL."""
    finding = try_server(SmtpServer.from_url(f"smtp://user:p%40ss@{strict_server}"))
    assert finding.level == "wrong"
    assert "user and password of SMTP_URL" in finding.message
    assert "@ss" not in str(finding)
    assert "%40" not in str(finding)


def test_a_server_that_knows_no_sign_in_is_told(tenant: Tenant) -> None:
    """A user and a password that nobody asks for are a mistake as well."""
    url = f"smtp://user:right@localhost:{smtp_port(tenant)}"
    assert try_server(SmtpServer.from_url(url)).level == "wrong"

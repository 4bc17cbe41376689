"""A TLS front for the tests: a certificate of its own authority, and a proxy that ends TLS.

The official SDK speaks https and nothing else; in front of a real local tenant somebody
would put a web server here.
"""

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_CHUNK = 65_536


_LOOPBACK = (x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))


def write_certificate(
    folder: Path, hosts: Sequence[x509.GeneralName] = _LOOPBACK
) -> tuple[Path, Path]:
    """An authority's certificate, and one for `hosts` with its key, each in a file."""
    authority_key, key = (
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP256R1()),
    )
    authority_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test authority")])
    authority = (
        _certificate(authority_name, authority_name, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    leaf = (
        _certificate(name, authority_name, key)
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
            critical=False,
        )
        .sign(authority_key, hashes.SHA256())
    )
    trusted, served = folder / "authority.pem", folder / "localhost.pem"
    trusted.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    served.write_bytes(private + leaf.public_bytes(serialization.Encoding.PEM))
    return trusted, served


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


class TlsFront:
    """Takes https on a port of its own and hands the octets on in the clear.

    With `tells_for` it is a proxy for HTTP, which says that a browser at that address sent the request,
    by https; one connection carries one request.
    """

    def __init__(self, certificate: Path, tells_for: str = "") -> None:
        self._told = (
            f"X-Forwarded-For: {tells_for}\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n"
            if tells_for
            else ""
        ).encode()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    @contextlib.contextmanager
    def leading_to(self, port: int) -> Iterator[None]:
        """Carry on to that port of this machine while the block runs."""
        accepting = threading.Thread(target=self._accept, args=(port,), name="tls-front")
        accepting.start()
        try:
            yield
        finally:
            # A listener that is only closed would leave its thread waiting in accept().
            self._listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            self._listener.close()
            for each in list(self._open):
                _end(each)
            for thread in self._threads:
                thread.join()

    def _accept(self, port: int) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._start(self._serve, connection, port)

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, name="tls-front")  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _serve(self, connection: socket.socket, port: int) -> None:
        try:
            outside = self._context.wrap_socket(connection, server_side=True)
        except OSError:  # somebody who does not trust the certificate
            connection.close()
            return
        inside = socket.create_connection(("127.0.0.1", port))
        for each in (
            outside,
            inside,
        ):  # as a web server does: else parts wait for an acknowledgement
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open |= {outside, inside}
        answers = threading.Thread(target=_carry, args=(inside, outside), name="tls-front")
        answers.start()
        if self._told:
            _tell(outside, inside, self._told)
        _carry(outside, inside)
        answers.join()
        self._open -= {outside, inside}
        outside.close()
        inside.close()


def _tell(source: socket.socket, target: socket.socket, told: bytes) -> None:
    """Carry the headers of one request on: those of the proxy after what the browser wrote."""
    head = b""
    with contextlib.suppress(OSError):
        while b"\r\n\r\n" not in head and (octets := source.recv(_CHUNK)):
            head += octets
        headers, end, body = head.partition(b"\r\n\r\n")
        kept = [
            line
            for line in headers.split(b"\r\n")
            if not line.lower().startswith((b"connection:", b"keep-alive:"))
        ]
        target.sendall(b"\r\n".join([*kept, told.strip()]) + end + body)


def _carry(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while octets := source.recv(_CHUNK):
            target.sendall(octets)
    _end(target)


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)

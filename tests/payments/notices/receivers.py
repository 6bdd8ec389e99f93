"""Receivers of notices over real sockets: what a platform's backend may do, and what it may not."""

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from standardwebhooks import Webhook


@dataclass(frozen=True)
class Heard:
    """A request as it came in."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    def verified_by(self, secret: str) -> Any:
        """Return what it says, as a receiver does: by the library's own verifier."""
        return Webhook(secret).verify(self.body, dict(self.headers))


@dataclass
class Receiver:
    """Answers with `status`, or does what `behave` does instead; keeps what it heard."""

    url: str = ""
    status: int = 204
    answer_headers: dict[str, str] = field(default_factory=dict)
    answer_body: bytes = b""
    behave: Callable[[BaseHTTPRequestHandler], None] | None = None
    heard: list[Heard] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def ids(self) -> list[str]:
        return [one.headers["webhook-id"] for one in self.heard]


@contextmanager
def receiver(
    *, status: int = 204, tls: ssl.SSLContext | None = None, name: str = "127.0.0.1"
) -> Iterator[Receiver]:
    """Run a receiver on this machine until the block ends."""
    one = Receiver(status=status)

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 128

        def handle_error(self, *_: object) -> None: ...

    class Hear(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            told = {key.lower(): value for key, value in self.headers.items()}
            one.heard.append(Heard(self.path, told, body))
            if one.behave is not None:
                one.behave(self)
                return
            self.send_response(one.status)
            for key, value in one.answer_headers.items():
                self.send_header(key, value)
            if one.status != 204:
                self.send_header("Content-Length", str(len(one.answer_body)))
            self.end_headers()
            self.wfile.write(one.answer_body)

        def log_message(self, *_: object) -> None: ...

    server = Server(("127.0.0.1", 0), Hear)
    if tls is not None:
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    scheme = "http" if tls is None else "https"
    one.url = f"{scheme}://{name}:{server.server_port}/hooks"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield one
    finally:
        one.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def hangs(one: Receiver) -> Callable[[BaseHTTPRequestHandler], None]:
    """Say nothing until the receiver is released."""

    def behave(request: BaseHTTPRequestHandler) -> None:
        one.released.wait(60)
        request.close_connection = True

    return behave


def resets(request: BaseHTTPRequestHandler) -> None:
    """Hang up in the rudest way."""
    linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    request.rfile.close()  # it holds on to the socket
    request.connection.close()
    request.close_connection = True


def drips(one: Receiver, *, every_s: float) -> Callable[[BaseHTTPRequestHandler], None]:
    """Begin an answer whose headers never end, a byte at a time."""

    def behave(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        try:
            while not one.released.wait(every_s):
                request.wfile.write(b"a")
        except OSError:
            request.close_connection = True

    return behave


def floods(one: Receiver) -> Callable[[BaseHTTPRequestHandler], None]:
    """Answer 200 and send a body until nobody listens any more; how much, it notes."""
    sent: list[int] = []
    one.answer_headers["sent"] = "0"

    def behave(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
        try:
            while not one.released.is_set():
                sent.append(request.wfile.write(b"a" * 65_536))
                one.answer_headers["sent"] = str(sum(sent))
        except OSError:
            request.close_connection = True

    return behave


@dataclass(frozen=True)
class Authority:
    """A certificate authority made here, which nobody outside knows."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    folder: Path

    @property
    def ca_file(self) -> str:
        file = self.folder / "ca.pem"
        file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        return str(file)

    def server_context(self, name: str, *, ended: bool = False) -> ssl.SSLContext:
        """Return the TLS of a server called `name`; with a certificate that has `ended` or not."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = dt.datetime.now(dt.UTC)  # noqa: TID251 - certificates are checked by the real clock
        until = now - dt.timedelta(days=1) if ended else now + dt.timedelta(days=1)
        certificate = (
            _begun(name, key.public_key(), issuer=self.certificate.subject)
            .not_valid_before(now - dt.timedelta(days=2))
            .not_valid_after(until)
            .add_extension(x509.SubjectAlternativeName([_general(name)]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
            .sign(self.key, hashes.SHA256())
        )
        file = self.folder / f"{name}-{ended}.pem"
        file.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def make_authority(folder: Path) -> Authority:
    """Make a certificate authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - as above
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Receivers' own authority")])
    certificate = (
        _begun("Receivers' own authority", key.public_key(), issuer=subject)
        .not_valid_before(now - dt.timedelta(days=2))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(key, certificate, folder)


def _begun(
    name: str, key: ec.EllipticCurvePublicKey, *, issuer: x509.Name
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)

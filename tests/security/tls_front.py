"""A TLS front before a plain server of this machine, with certificates made for the test.

The embedded PostgreSQL and Valkey are built without TLS. So a front takes the connections, as an
ingress does: it shows its certificate, and hands on what it decrypts. What is tested is our side:
which certificates the drivers believe with the settings we tell operators to use.
"""

import datetime as dt
import ipaddress
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_SSL_REQUEST = struct.pack("!II", 8, 80_877_103)
_YEAR = dt.timedelta(days=365)


@dataclass(frozen=True)
class Authority:
    """A made-up certificate authority; `file` is its own certificate."""

    file: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def issue(self, host: str, folder: Path, *, now: dt.datetime) -> tuple[Path, Path]:
        """Return files with a server's certificate and key, for a host."""
        key = ec.generate_private_key(ec.SECP256R1())
        name: x509.GeneralName
        try:
            name = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            name = x509.DNSName(host)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        certificate = (
            _begin(subject, self.certificate.subject, key, now=now)
            .add_extension(x509.SubjectAlternativeName([name]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
            .sign(self.key, hashes.SHA256())
        )
        return _write(folder / f"{host}.pem", certificate), _write_key(folder / f"{host}.key", key)


def make_authority(name: str, folder: Path, *, now: dt.datetime) -> Authority:
    """Make an authority of a name."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        _begin(subject, subject, key, now=now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=False,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=True,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .sign(key, hashes.SHA256())
    )
    return Authority(_write(folder / f"{name}.pem", certificate), key, certificate)


def _begin(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    *,
    now: dt.datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _YEAR)
        .not_valid_after(now + _YEAR)
    )


def _write(file: Path, certificate: x509.Certificate) -> Path:
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return file


def _write_key(file: Path, key: ec.EllipticCurvePrivateKey) -> Path:
    file.touch(mode=0o600)
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file


@contextmanager
def tls_front(
    target: tuple[str, int], certificate: tuple[Path, Path], *, postgres: bool
) -> Iterator[int]:
    """Run a front before a server and give its port; PostgreSQL's TLS begins with a question."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(*certificate)

    def serve(plain: socket.socket) -> None:
        with plain, suppress(OSError):
            plain.settimeout(10)
            if postgres:
                if plain.recv(8) != _SSL_REQUEST:
                    return  # whoever speaks plainly is not served
                plain.sendall(b"S")
            with (
                context.wrap_socket(plain, server_side=True) as outside,
                socket.create_connection(target, timeout=10) as inside,
            ):
                _hand_on(outside, inside)

    with _listening(serve) as port:
        yield port


@contextmanager
def _listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    plain, _ = server.accept()
                    threading.Thread(target=serve, args=(plain,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def _hand_on(outside: ssl.SSLSocket, inside: socket.socket) -> None:
    def back() -> None:
        with suppress(OSError):
            while data := inside.recv(65_536):
                outside.sendall(data)
        with suppress(OSError):
            outside.shutdown(socket.SHUT_RDWR)

    thread = threading.Thread(target=back, daemon=True)
    thread.start()
    with suppress(OSError):
        while data := outside.recv(65_536):
            inside.sendall(data)
    with suppress(OSError):
        inside.shutdown(socket.SHUT_RDWR)
    thread.join(5)

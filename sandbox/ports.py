"""The nine ports of a sandbox, counted from one number, and who holds one that is taken."""

import errno
import socket
from collections.abc import Collection
from dataclasses import dataclass, fields

import psutil

DEFAULT_PORT = 8000
_HIGHEST = 65535
_PARTS = {
    "web": "Strongroom",
    "shop": "the shop",
    "stripe": "the simulated Stripe",
    "postgres": "PostgreSQL",
    "valkey": "Valkey",
    "bank": "the simulated bank",
    "chain": "the local chain",
    "signer": "the signer",
    "pager": "the pager",
}


class PortTakenError(Exception):
    """A port cannot be used; the text says for which part, by whom, and what to do."""


@dataclass(frozen=True)
class Ports:
    """Where each part of one sandbox listens, all on 127.0.0.1."""

    web: int
    shop: int
    stripe: int
    postgres: int
    valkey: int
    bank: int
    chain: int
    signer: int
    pager: int

    @classmethod
    def counted_from(cls, first: int) -> "Ports":
        """Return `first` and the eight ports after it.

        Raises:
            PortTakenError: when one of them is no port number.
        """
        count = len(fields(cls))
        if not 0 < first <= _HIGHEST - count + 1:
            raise PortTakenError(
                f"PORT must lie between 1 and {_HIGHEST - count + 1}, not {first}."
            )
        return cls(*range(first, first + count))

    def require_free(self, parts: Collection[str]) -> None:
        """Check that the named parts can listen.

        Raises:
            PortTakenError: names every port that is taken and how to choose others.
        """
        faults = [
            f"Port {port}, meant for {_PARTS[part]}, {fault}."
            for part in parts
            if (fault := _fault(port := getattr(self, part))) is not None
        ]
        if faults:
            other = self.web + 1000 if self.web + 1000 < _HIGHEST - len(_PARTS) else DEFAULT_PORT
            last = other + len(_PARTS) - 1
            faults.append(f"Choose other ports: make run PORT={other} (takes {other} to {last}).")
            raise PortTakenError("\n".join(faults))


def _fault(port: int) -> str | None:
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            return f"is taken{_holder(port)}"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            return "is only for root"
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return f"is taken{_holder(port)}"
            raise
    return None


def _holder(port: int) -> str:
    """Name the program that listens on a port, as far as we may know it."""
    try:
        for connection in psutil.net_connections("tcp"):
            address = connection.laddr
            listens = connection.status == psutil.CONN_LISTEN and address and address.port == port
            if listens and connection.pid is not None:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        pass
    return " by another program"

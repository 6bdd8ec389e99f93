"""A TCP proxy in front of PostgreSQL that can lose the answer to a COMMIT.

The server has committed by then, and the client cannot know: the one moment in which both a retry
and giving up can be wrong.
"""

import contextlib
import random
import socket
import threading

# CommandComplete, its length, its tag: https://www.postgresql.org/docs/current/protocol-message-formats.html
_COMMITTED = b"C\x00\x00\x00\x0bCOMMIT\x00"


class CommitCutter:
    """Listens on 127.0.0.1:`port` and passes everything on to `target_port`."""

    def __init__(self, target_port: int, *, randomness: random.Random) -> None:
        self._target_port = target_port
        self._randomness = randomness
        self._share = 0.0
        self.cuts = 0
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listening.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def cut(self, share: float) -> None:
        """From now on, lose this share of the answers to COMMIT, each with its connection."""
        self._share = share

    def stop(self) -> None:
        """Stop listening; what is open ends with its two ends."""
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._accepting.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._target_port))
            except OSError:
                client.close()
                continue
            for source, sink, answers in ((client, server, False), (server, client, True)):
                sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(
                    target=self._pass_on, args=(source, sink, answers), daemon=True
                ).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:  # noqa: FBT001 - which of the two ways
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if answers and _COMMITTED in data and self._randomness.random() < self._share:
                    self.cuts += 1
                    break
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

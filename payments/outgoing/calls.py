"""Calls out of here to addresses that somebody entered: they cannot be turned inwards.

The name is resolved once, every address it has is checked, and the checked one is connected to,
so a name that answers differently the second time gains nothing. Redirects are answers, not
followed; proxies of the environment are not used, since behind one nobody checks addresses.
"""

import http.client
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import certifi

from payments.outgoing.addresses import IPAddress
from payments.outgoing.connection import Connection
from payments.outgoing.errors import NoAnswerError
from payments.outgoing.names import Resolver, addresses_of, ask_the_system
from payments.outgoing.targets import Target, check_reach, read_target
from payments.telemetry.outgoing_call import OutgoingCall
from payments.variables import IPNetwork

CONNECT_TIMEOUT_S = 3.0
ANSWER_TIMEOUT_S = 15.0
LONGEST_BODY = 4_096
_TRIED = 2  # addresses of one name
_IDLE_KEPT = 8  # connections to one target
_KEPT_FOR_S = 30.0  # after that the name is asked for again


@dataclass(frozen=True)
class Answer:
    """What was answered: `body` at most its first 4 KB, `headers` in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class OutgoingCalls:
    """Makes calls, from any number of threads; connections are kept for half a minute."""

    def __init__(
        self,
        *,
        private_networks: Sequence[IPNetwork],
        ca_file: str | None = None,
        resolve: Resolver = ask_the_system,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._private_networks = private_networks
        self._resolve = resolve
        self._connect_timeout_s = connect_timeout_s
        self._answer_timeout_s = answer_timeout_s
        self._clock = clock
        self._tls = _tls(ca_file)
        self._idle: dict[Target, list[Connection]] = defaultdict(list)
        self._lock = threading.Lock()

    def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post a body and return the answer, whatever its status.

        Raises:
            CallRefusedError: the URL leads where we do not call.
            NoAnswerError: there was no answer in time, or none that can be read.
        """
        target = read_target(url, private_networks=self._private_networks)
        try:
            with OutgoingCall("notices", "POST", is_read=True) as call:
                answer = self._post(target, body, headers)
                call.answered(answer.status)
                return answer
        except TimeoutError:
            raise NoAnswerError("time_out") from None
        except ssl.SSLError:
            raise NoAnswerError("tls_refused") from None
        except ConnectionRefusedError:
            raise NoAnswerError("no_connection") from None
        except (ConnectionError, http.client.IncompleteRead):
            raise NoAnswerError("connection_lost") from None
        except http.client.HTTPException:
            raise NoAnswerError("answer_unreadable") from None
        except OSError:
            raise NoAnswerError("no_connection") from None

    def close(self) -> None:
        """Hang up on whoever is not being called now."""
        with self._lock:
            idle = [one for kept in self._idle.values() for one in kept]
            self._idle.clear()
        for connection in idle:
            connection.close()

    def _post(self, target: Target, body: bytes, headers: Mapping[str, str]) -> Answer:
        kept = self._take(target)
        if kept is not None:
            try:
                return self._exchange(kept, target, body, headers)
            except ConnectionError:
                kept.close()  # hung up just now; whoever gets it twice knows it by its id
        return self._exchange(self._connect(target), target, body, headers)

    def _exchange(
        self, connection: Connection, target: Target, body: bytes, headers: Mapping[str, str]
    ) -> Answer:
        assert connection.wire is not None  # noqa: S101 - it is connected
        try:
            connection.wire.begin(timeout_s=self._answer_timeout_s)
            connection.request("POST", target.path, body=body, headers=dict(headers))
            response = connection.getresponse()
            read = response.read(LONGEST_BODY)
            is_whole = response.isclosed() or response.length == 0
        except BaseException:
            connection.close()
            raise
        told = {name.lower(): value for name, value in response.getheaders()}
        if is_whole and not response.will_close:
            response.close()
            self._keep(target, connection)
        else:
            connection.close()
        return Answer(response.status, told, read)

    def _connect(self, target: Target) -> Connection:
        addresses = [target.address] if target.address else self._look_up(target)
        for place, address in enumerate(addresses[:_TRIED], start=1):
            connection = Connection(
                target,
                address,
                tls=self._tls,
                connect_timeout_s=self._connect_timeout_s,
                clock=self._clock,
            )
            try:
                connection.connect()
            except ssl.SSLError:
                raise
            except OSError:
                if place == len(addresses[:_TRIED]):
                    raise
            else:
                return connection
        raise NoAnswerError("unknown_host")

    def _look_up(self, target: Target) -> list[IPAddress]:
        addresses = addresses_of(target.host, target.port, resolve=self._resolve)
        check_reach(target, addresses, private_networks=self._private_networks)
        return addresses

    def _take(self, target: Target) -> Connection | None:
        self._drop_old()
        while True:
            with self._lock:
                kept = self._idle.get(target)
                if not kept:
                    return None
                connection = kept.pop()
            if connection.wire is not None and connection.wire.is_quiet():
                return connection
            connection.close()

    def _drop_old(self) -> None:
        """Hang up on all that were kept long enough, also of targets that are called no more."""
        ended_at = self._clock() - _KEPT_FOR_S
        with self._lock:
            old = [one for kept in self._idle.values() for one in kept if one.opened_at <= ended_at]
            for target, kept in list(self._idle.items()):
                self._idle[target] = [one for one in kept if one.opened_at > ended_at]
                if not self._idle[target]:
                    del self._idle[target]
        for connection in old:
            connection.close()

    def _keep(self, target: Target, connection: Connection) -> None:
        with self._lock:
            if len(self._idle[target]) < _IDLE_KEPT:
                self._idle[target].append(connection)
                return
        connection.close()


def _tls(ca_file: str | None) -> ssl.SSLContext:
    # Not create_default_context: it writes keys to a file that the environment names.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cafile=certifi.where())
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context

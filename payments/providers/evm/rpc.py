"""JSON-RPC over HTTP, by whichever URL of a chain answers: each request is sent once to each.

web3.py's own transport is not used: it sends a broadcast again by itself, and reads without end.
"""

import itertools
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import urllib3

from payments.chain_settings import ChainSettings
from payments.providers.chain_errors import WrongChainError
from payments.providers.evm.connect import READ_TIMEOUT_S
from payments.providers.evm.node_errors import NodeError, never
from payments.providers.evm.wire_values import quantity
from payments.providers.exchange import Exchange, HttpAnswer, NoAnswerError
from payments.providers.outcome import OutcomeUnknownError
from payments.telemetry.outgoing_call import OutgoingCall

CONNECT_TIMEOUT_S = 3
BRIEF_S = 3
"""How long each URL has for a brief request: somebody holds a lock meanwhile."""
BRIEF_IN_ALL_S = 8
"""After so long, no further URL is asked briefly."""
REST_S = 15
"""How long a URL that failed is asked only when no other answers."""

_SIZE_MAX = 64_000_000
_SENDS = "eth_sendRawTransaction"  # all others only ask
_OK, _TOO_MANY = 200, 429
_LIMITED = -32005  # EIP-1474: over what this caller may ask


class _SilentError(Exception):
    """A URL gave no JSON-RPC answer; the text says how, without the URL."""


@dataclass
class _Endpoint:
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    place: str
    is_checked: bool = False  # that it is the right chain
    rests_until: float = 0
    height: int = -1  # of the newest block it has shown


class Rpc:
    """The RPC URLs of one chain, the preferred one first; threads may share one."""

    def __init__(
        self,
        chain: ChainSettings,
        *,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        read_timeout_s: float = READ_TIMEOUT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is asked yet."""
        self._chain = chain
        self._endpoints = [_endpoint_of(url) for url in chain.rpc_urls]
        self._exchange = Exchange(
            connect_timeout_s=connect_timeout_s, read_timeout_s=read_timeout_s, clock=clock
        )
        self._brief_exchange = Exchange(
            connect_timeout_s=min(connect_timeout_s, BRIEF_S),
            read_timeout_s=min(read_timeout_s, BRIEF_S),
            clock=clock,
        )
        self._clock = clock
        self._ids = itertools.count(1)

    def ask(
        self,
        method: str,
        *params: Any,
        understood: Callable[[NodeError], bool] = never,
        reaching: int | None = None,
        is_brief: bool = False,
    ) -> Any:
        """Return the result of the first URL that has one.

        `understood` says which errors are answers, so that no other URL need be asked. `reaching`
        is the block that a node must have: one that lags behind would leave out what it lacks.
        A brief request takes BRIEF_IN_ALL_S and one URL's time more at most.

        Raises:
            NodeError: a node's answer that is understood.
            OutcomeUnknownError: no URL gave an answer; the last may have done it all the same.
            WrongChainError: one is another chain. It was asked for nothing else.
        """
        faults = []
        exchange = self._brief_exchange if is_brief else self._exchange
        give_up_at = self._clock() + BRIEF_IN_ALL_S
        for endpoint in self._in_order():
            if is_brief and self._clock() > give_up_at:
                faults.append(f"there is no time for {endpoint.place}")
                break
            try:
                self._check_chain(endpoint, exchange)
                if reaching is not None and not self._reaches(endpoint, exchange, reaching):
                    faults.append(f"{endpoint.place} has no block {reaching} yet")
                    continue
                result = self._post(endpoint, exchange, method, params)
            except NodeError as error:
                if understood(error):
                    raise
                if error.code == _LIMITED:
                    endpoint.rests_until = self._clock() + REST_S
                faults.append(f"{endpoint.place} says {error}")
            except _SilentError as error:
                endpoint.is_checked = False
                endpoint.rests_until = self._clock() + REST_S
                faults.append(f"{endpoint.place} gives no answer ({error})")
            else:
                endpoint.rests_until = 0
                return result
        detail = "; ".join(faults)
        raise OutcomeUnknownError(f"{self._chain.name}: {method} has no answer: {detail}.")

    def _in_order(self) -> Sequence[_Endpoint]:
        """Return the URLs as preferred, those that failed lately last."""
        now = self._clock()
        return sorted(self._endpoints, key=lambda one: one.rests_until > now)

    def _check_chain(self, endpoint: _Endpoint, exchange: Exchange) -> None:
        if endpoint.is_checked:
            return
        chain_id = self._number(endpoint, exchange, "eth_chainId")
        if chain_id != self._chain.chain_id:
            detail = f"{endpoint.place} is chain {chain_id}, and {self._chain.name} is"
            raise WrongChainError(f"{detail} {self._chain.chain_id}.")
        endpoint.is_checked = True

    def _reaches(self, endpoint: _Endpoint, exchange: Exchange, height: int) -> bool:
        if endpoint.height < height:
            endpoint.height = self._number(endpoint, exchange, "eth_blockNumber")
        return endpoint.height >= height

    def _number(self, endpoint: _Endpoint, exchange: Exchange, method: str) -> int:
        """Ask what nobody asked for: an error tells nothing of what will be asked."""
        try:
            return quantity(self._post(endpoint, exchange, method, ()))
        except (NodeError, ValueError):
            raise _SilentError(f"no {method}") from None

    def _post(
        self, endpoint: _Endpoint, exchange: Exchange, method: str, params: Sequence[Any]
    ) -> Any:
        request_id = next(self._ids)
        call = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": list(params)}
        try:
            answer = exchange.send(
                "POST",
                endpoint.url,
                headers=endpoint.headers,
                body=json.dumps(call).encode(),
                size_max=_SIZE_MAX,
                call=OutgoingCall(self._chain.name, method, is_read=method != _SENDS),
            )
        except NoAnswerError as error:
            raise _SilentError(str(error)) from None
        return _result_in(answer, request_id)


def _result_in(answer: HttpAnswer, request_id: int) -> Any:
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise _SilentError(f"HTTP {answer.status}, no JSON") from None
    if not isinstance(told, dict) or answer.status == _TOO_MANY:
        raise _SilentError(f"HTTP {answer.status}")
    error = told.get("error")
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        code = error.get("code")
        raise NodeError(code if isinstance(code, int) else 0, error["message"], error.get("data"))
    if answer.status != _OK or told.get("id") != request_id or "result" not in told:
        raise _SilentError(f"HTTP {answer.status}, no result")
    return told["result"]


def _endpoint_of(url: str) -> _Endpoint:
    """Take the user and password out of a URL: they are sent as a header, and told to nobody."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    headers = {"Content-Type": "application/json"}
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers.update(urllib3.make_headers(basic_auth=login))
    bare = urlunsplit((parts.scheme, place, parts.path or "/", parts.query, ""))
    return _Endpoint(bare, headers, place)

"""How the Stripe SDK's requests travel: over connections that the whole process shares.

The SDK's own client keeps a session for each thread. In a web process that is one for each caller's
connection, so that most calls would begin with a new connection and its TLS handshake.
"""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import stripe
import urllib3
from stripe import APIConnectionError, HTTPClient

from payments.telemetry.outgoing_call import http_call

_IDLE_CONNECTIONS = 64


class PooledClient(HTTPClient):
    """Sends each request once: whether to repeat a call is decided by whoever knows its row."""

    name = "urllib3"

    def __init__(
        self,
        *,
        connect_timeout_s: float,
        read_timeout_s: float,
        gate: Callable[[], None] = lambda: None,
    ) -> None:
        """`gate` raises when nothing may be changed at Stripe now."""
        super().__init__()
        self._gate = gate
        self._pool = urllib3.PoolManager(
            maxsize=_IDLE_CONNECTIONS,
            timeout=urllib3.Timeout(connect=connect_timeout_s, read=read_timeout_s),
            retries=False,
            cert_reqs="CERT_REQUIRED",
            ca_certs=stripe.ca_bundle_path,
        )

    def request(  # type: ignore[override] # the SDK says str, and takes bytes from its own clients
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        **_usage: object,
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Return the answer's body, status and headers.

        Raises:
            APIConnectionError: there was none.
            UnavailableError: nothing may be changed at Stripe now.
        """
        if method.upper() != "GET":
            self._gate()
        with http_call("stripe", method.upper(), url) as call:
            try:
                answer = self._pool.request(
                    method.upper(), url, headers=headers, body=post_data, redirect=False
                )
            except urllib3.exceptions.HTTPError as error:
                fault = f"no answer: {type(error).__name__}"
                raise APIConnectionError(fault) from error  # type: ignore[no-untyped-call] # the SDK's
            call.answered(answer.status)
        return answer.data, answer.status, answer.headers

    def request_stream(self, *_: object, **__: object) -> NoReturn:
        """Refuse: we ask Stripe for nothing that comes as a stream.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Close the connections that are idle."""
        self._pool.clear()

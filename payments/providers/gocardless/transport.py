"""How the official client's requests travel: like all our calls to providers.

Its own way follows redirects with our token, takes proxies and passwords from the environment and
from a `.netrc`, and reads answers without end.
"""

import io
import json
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import requests
from gocardless_pro.api_client import ApiClient

from payments.providers.exchange import Exchange, NoAnswerError

_SIZE_MAX = 8_000_000  # a page of 500 events

_Headers = Mapping[str, str] | None


class Transport(ApiClient):  # type: ignore[misc] # the client has no types
    """The client's way out; threads may share one. Each call is made once."""

    def __init__(
        self,
        url: str,
        access_token: str,
        exchange: Exchange,
        *,
        gate: Callable[[], None] = lambda: None,
    ) -> None:
        """Connections open on first use; `gate` raises when nothing may be changed there now."""
        super().__init__(url, access_token)
        self._exchange = exchange
        self._gate = gate

    def get(
        self, path: str, params: Mapping[str, Any] | None = None, headers: _Headers = None
    ) -> requests.Response:
        """Return what is there.

        Raises:
            requests.RequestException: no answer, or one that leads elsewhere.
            GoCardlessProError: GoCardless refused.
        """
        asked = requests.Request("GET", self._url_for(path), params=params).prepare()
        return self._sent("GET", str(asked.url), headers, None)

    def post(self, path: str, body: Any, headers: _Headers = None) -> requests.Response:
        """Do what is there.

        Raises:
            requests.RequestException, GoCardlessProError: as `get`.
        """
        return self._sent("POST", self._url_for(path), headers, json.dumps(body).encode())

    def put(self, path: str, body: Any, headers: _Headers = None) -> requests.Response:
        """Change what is there.

        Raises:
            requests.RequestException, GoCardlessProError: as `get`.
        """
        return self._sent("PUT", self._url_for(path), headers, json.dumps(body).encode())

    def delete(self, *_: object, **__: object) -> NoReturn:
        """Refuse: nothing that we ask of GoCardless is deleted.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError

    def _sent(
        self, method: str, url: str, headers: _Headers, body: bytes | None
    ) -> requests.Response:
        if method != "GET":
            self._gate()
        try:
            answer = self._exchange.send(
                method, url, headers=self._headers(headers), body=body, size_max=_SIZE_MAX
            )
        except NoAnswerError as error:
            raise requests.ConnectionError(str(error)) from None
        if 300 <= answer.status <= 399:  # noqa: PLR2004 - HTTP's 3xx
            raise requests.TooManyRedirects(str(answer.status))
        response = requests.Response()
        response.status_code = answer.status
        response.headers.update(answer.headers)
        response.raw = io.BytesIO(answer.body)
        self._handle_errors(response)
        self.rate_limit.update_from_response(response)
        return response

"""Calls to TrueLayer's Payments API v3: with a token, and signed where they change something.

https://docs.truelayer.com/docs/sign-your-payments-requests
"""

import json
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from truelayer_signing import HttpMethod, sign_with_pem
from truelayer_signing.errors import TlSigningException

from payments.bank_settings import TrueLayerSettings
from payments.providers.exchange import Exchange, HttpAnswer, NoAnswerError
from payments.providers.outcome import OutcomeUnknownError
from payments.providers.truelayer.access_token import AccessTokens
from payments.providers.truelayer.named_errors import content_of

_SIZE_MAX = 8_000_000  # a page holds up to 2,000 transactions


class Wire:
    """The API as ourselves; threads may share one. Each call is made once, but for a new token."""

    def __init__(
        self,
        settings: TrueLayerSettings,
        exchange: Exchange,
        clock: Callable[[], float] = time.monotonic,
        *,
        gate: Callable[[], None] = lambda: None,
    ) -> None:
        """Nothing is asked of TrueLayer yet; `gate` raises when nothing may be changed there."""
        self._gate = gate
        self._settings = settings
        self._exchange = exchange
        self._tokens = AccessTokens(settings, exchange, clock)
        self._root = settings.api_url.rstrip("/")

    def get(
        self,
        *path: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        """Return what is at `/v3/<path>`.

        Raises:
            ConflictError: there is no such thing, or TrueLayer does not take the question.
            OutcomeUnknownError: no answer.
        """
        url = self._url(path) + (f"?{urlencode(query)}" if query else "")
        return content_of(self._called("GET", url, headers or {}, None))

    def post(
        self, *path: str, idempotency_key: str, body: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        """Do what `/v3/<path>` does, once for the key, and return the answer.

        Raises:
            InvalidRequestError, ConflictError: TrueLayer refused; nothing happened.
            OutcomeUnknownError: no answer, or none that says what happened.
        """
        self._gate()
        url = self._url(path)
        text = "" if body is None else json.dumps(body, separators=(",", ":"))
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": idempotency_key,
            "Tl-Signature": self._signature(url, idempotency_key, text),
        }
        return content_of(self._called("POST", url, headers, text.encode()))

    def _url(self, path: tuple[str, ...]) -> str:
        return "/".join([f"{self._root}/v3", *(quote(part, safe="") for part in path)])

    def _signature(self, url: str, idempotency_key: str, text: str) -> str:
        signer = sign_with_pem(self._settings.signing_key_id, self._settings.signing_key)
        signer.set_method(HttpMethod.POST).set_path(urlsplit(url).path).set_body(text)
        try:
            signature: str = signer.add_header("Idempotency-Key", idempotency_key).sign()
        except TlSigningException:
            raise OutcomeUnknownError("Our signing key for TrueLayer cannot sign.") from None
        return signature

    def _called(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> HttpAnswer:
        token = self._tokens.current()
        answer = self._sent(method, url, headers, body, token)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            token = self._tokens.after(token)
            answer = self._sent(method, url, headers, body, token)
        return answer

    def _sent(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, token: str
    ) -> HttpAnswer:
        sent = {**headers, "Authorization": f"Bearer {token}", "Accept": "application/json"}
        try:
            return self._exchange.send(method, url, headers=sent, body=body, size_max=_SIZE_MAX)
        except NoAnswerError as error:
            raise OutcomeUnknownError(f"TrueLayer gave no answer: {error}.") from None

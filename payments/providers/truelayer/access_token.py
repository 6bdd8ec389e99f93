"""The access token our calls carry: fetched once for all threads, renewed before it ends.

https://docs.truelayer.com/docs/generate-a-payments-access-token
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from payments.bank_settings import TrueLayerSettings
from payments.providers.exchange import Exchange, NoAnswerError
from payments.providers.outcome import OutcomeUnknownError
from payments.providers.truelayer.shown_values import secret_text

_RENEW_BEFORE_S = 60
_SIZE_MAX = 65_536
_OK = 200


@dataclass(frozen=True)
class _Token:
    text: str = field(repr=False)
    renew_at: float


class AccessTokens:
    """Gives the token that is valid now; threads may share one."""

    def __init__(
        self, settings: TrueLayerSettings, exchange: Exchange, clock: Callable[[], float]
    ) -> None:
        """Nothing is asked of TrueLayer yet."""
        self._settings = settings
        self._exchange = exchange
        self._clock = clock
        self._token: _Token | None = None
        self._lock = threading.Lock()

    def current(self) -> str:
        """Return a token that is good for some time yet.

        Raises:
            OutcomeUnknownError: none is to be had now.
        """
        token = self._token
        if token is not None and self._clock() < token.renew_at:
            return token.text
        return self._renewed(token)

    def after(self, refused: str) -> str:
        """Return another token than one that was refused.

        Raises:
            OutcomeUnknownError: none is to be had now.
        """
        token = self._token
        if token is not None and token.text != refused:
            return token.text
        return self._renewed(token)

    def _renewed(self, stale: _Token | None) -> str:
        with self._lock:
            if self._token is None or self._token is stale:
                self._token = self._fetched()
            return self._token.text

    def _fetched(self) -> _Token:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._settings.client_id,
            "client_secret": self._settings.client_secret,
            "scope": "payments",
        }
        asked_at = self._clock()
        try:
            answer = self._exchange.send(
                "POST",
                f"{self._settings.auth_url.rstrip('/')}/connect/token",
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                body=urlencode(form).encode(),
                size_max=_SIZE_MAX,
            )
        except NoAnswerError as error:
            raise OutcomeUnknownError(f"TrueLayer gave no access token: {error}.") from None
        if answer.status != _OK:
            raise OutcomeUnknownError(f"TrueLayer gave no access token: {answer.status}.")
        try:
            told = json.loads(answer.body)
            token, lasts_s = secret_text(told["access_token"]), told["expires_in"]
            # Half of a short life, so that a token is not asked for with every call.
            usable_s = max(lasts_s - _RENEW_BEFORE_S, lasts_s / 2)
        except (ValueError, KeyError, TypeError):
            raise OutcomeUnknownError("TrueLayer's access token is not readable.") from None
        return _Token(token, asked_at + usable_s)

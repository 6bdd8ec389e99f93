"""The keys TrueLayer signs webhooks with: fetched from the one place we were given, and kept.

A key nobody knows makes us look again, for TrueLayer may have begun to use a new one; not more
often than every half minute, for anybody may send us key ids.
"""

import json
import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from payments.errors import InvalidSignatureError, UnavailableError
from payments.log_lines import get_logger
from payments.providers.exchange import Exchange, HttpAnswer, NoAnswerError

FETCH_EVERY_S = 30
FRESH_S = 15 * 60
"""After this, keys are fetched anew, so that one that is withdrawn ceases to be good."""
USABLE_S = 24 * 60 * 60
"""For so long they serve when they cannot be fetched."""

_SIZE_MAX = 262_144
_KEYS_MAX = 100
_OK = 200

_log = get_logger(__name__)

Jwk = Mapping[str, str]


@dataclass(frozen=True)
class _Fetched:
    keys: Mapping[str, Jwk] = field(default_factory=lambda: MappingProxyType({}))
    at: float | None = None
    tried_at: float | None = None
    failed: bool = False


class SigningKeys:
    """The keys by their ids; threads may share one."""

    def __init__(self, jwks_url: str, exchange: Exchange, clock: Callable[[], float]) -> None:
        """Nothing is fetched yet."""
        self._jwks_url = jwks_url
        self._exchange = exchange
        self._clock = clock
        self._fetched = _Fetched()
        self._lock = threading.Lock()

    def key(self, kid: str) -> Jwk:
        """Return a P-521 key by its id.

        Raises:
            InvalidSignatureError: TrueLayer has no such key.
            UnavailableError: its keys cannot be fetched now.
        """
        known = self._fetched
        if kid in known.keys and self._age_s(known) < FRESH_S:
            return known.keys[kid]
        with self._lock:
            known = self._fetched
            if (kid not in known.keys or self._age_s(known) >= FRESH_S) and self._may_fetch(known):
                known = self._fetched = self._fetch(known)
        if kid in known.keys and self._age_s(known) < USABLE_S:
            return known.keys[kid]
        if known.failed:
            raise UnavailableError(
                "TrueLayer's keys cannot be fetched now.", retry_after_s=FETCH_EVERY_S
            )
        raise InvalidSignatureError("TrueLayer has no key of this id.", reason="wrong_secret")

    def _age_s(self, known: _Fetched) -> float:
        return math.inf if known.at is None else self._clock() - known.at

    def _may_fetch(self, known: _Fetched) -> bool:
        return known.tried_at is None or self._clock() - known.tried_at >= FETCH_EVERY_S

    def _fetch(self, known: _Fetched) -> _Fetched:
        """Return the keys as they are now; should that fail, those known before."""
        now = self._clock()
        headers = {"Accept": "application/json"}
        try:
            keys = _read(
                self._exchange.send("GET", self._jwks_url, headers=headers, size_max=_SIZE_MAX)
            )
        except NoAnswerError as error:
            _log.warning("signing_keys_not_fetched", fault=str(error))
            return _Fetched(known.keys, known.at, tried_at=now, failed=True)
        return _Fetched(MappingProxyType(keys), at=now, tried_at=now)


def _read(answer: HttpAnswer) -> dict[str, Jwk]:
    if answer.status != _OK:
        raise NoAnswerError(f"status {answer.status}")
    try:
        listed = json.loads(answer.body)["keys"]
        usable = [key for key in listed[:_KEYS_MAX] if _is_usable(key)]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NoAnswerError("not a set of keys") from None
    return {key["kid"]: {name: key[name] for name in ("kid", "crv", "x", "y")} for key in usable}


def _is_usable(key: Any) -> bool:
    """Say whether it is a public P-521 key: others stand beside them, such as RSA keys."""
    return (
        isinstance(key, dict)
        and (key.get("kty"), key.get("crv")) == ("EC", "P-521")
        and key.get("alg", "ES512") == "ES512"
        and key.get("use", "sig") == "sig"
        and all(isinstance(key.get(name), str) for name in ("kid", "x", "y"))
    )

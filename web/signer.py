"""The process that signs: the only one with the keys. Told an intent's id, it reads the rest.

`GET /healthz`; with the token `GET /addresses`, and `POST /sign` with a JSON object of `intent_id`,
`max_fee` and `priority_fee` (wei for each unit of gas, as text). There is no way to have it sign
bytes, a hash or a transaction that somebody sends.
"""

import datetime as dt
import hmac
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from http import HTTPStatus
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from sqlalchemy.exc import SQLAlchemyError

from payments.chain.guarded_signer import GuardedSigner
from payments.database import SIGNER_ROLE, connect_engine
from payments.errors import UnavailableError
from payments.log_lines import configure_log_lines, get_logger
from payments.providers.chain_errors import KeystoreError, SigningRefusedError
from payments.providers.chain_port import Fees, SignerPort
from payments.providers.evm.connect import connect_chains, open_keystore
from payments.settings import SigningSettings, read_signing_settings

LARGEST_BODY = 1024
"""Bytes; what is asked for takes less than 200."""

_THREADS = 4
_ASKED = {"intent_id", "max_fee", "priority_fee"}
_INTENT_ID = re.compile(r"cti_[0-9A-Z]{26}")
_WEI = re.compile(r"[0-9]{1,30}")
_log = get_logger(__name__)

Answer = tuple[HTTPStatus, Mapping[str, Any]]


class SignerApp:
    """Answers the requests (WSGI)."""

    def __init__(self, signer: SignerPort, *, token: str) -> None:
        self._signer = signer
        self._expected = f"Bearer {token}".encode()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        status, told = self._answer(environ)
        body = json.dumps(told).encode()
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
        ]
        start_response(f"{status.value} {status.phrase}", headers)
        return [body]

    def _answer(self, environ: WSGIEnvironment) -> Answer:
        asked = (environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""))
        if asked == ("GET", "/healthz"):
            return HTTPStatus.OK, {"status": "ok"}
        given = environ.get("HTTP_AUTHORIZATION", "").encode("latin-1")
        if not hmac.compare_digest(given, self._expected):
            return HTTPStatus.UNAUTHORIZED, {"code": "unauthorized"}
        try:
            if asked == ("GET", "/addresses"):
                return HTTPStatus.OK, {"addresses": sorted(self._signer.addresses())}
            if asked == ("POST", "/sign"):
                return self._sign(_read(environ))
        except (UnavailableError, SQLAlchemyError) as error:
            _log.exception("signer_failed", error=type(error).__name__)
            return HTTPStatus.SERVICE_UNAVAILABLE, {"code": "unavailable"}
        return HTTPStatus.NOT_FOUND, {"code": "not_found"}

    def _sign(self, asked: tuple[str, Fees] | None) -> Answer:
        if asked is None:
            return HTTPStatus.BAD_REQUEST, {"code": "validation"}
        intent_id, fees = asked
        try:
            signed = self._signer.sign(intent_id, fees=fees)
        except SigningRefusedError as error:
            _log.warning("signing_refused", intent_id=intent_id, code=error.code, why=error.detail)
            return HTTPStatus.FORBIDDEN, {"code": error.code, "detail": error.detail}
        _log.info("signed", intent_id=intent_id, tx_hash=signed.tx_hash)
        return HTTPStatus.OK, {"raw": f"0x{signed.raw.hex()}", "tx_hash": signed.tx_hash}


def create_signer(settings: SigningSettings, *, clock: Callable[[], dt.datetime]) -> SignerApp:
    """Return the application, with the keys opened.

    Raises:
        KeystoreError: they cannot be read, or are not those of the operators of the chains.
    """
    keystore = open_keystore(settings.keystore)
    if keystore is None:
        raise KeystoreError("No keystore is given.")
    _require_operators(settings, keystore.addresses())
    signer = GuardedSigner(
        connect_engine(settings.database_url, pool_size=_THREADS, role=SIGNER_ROLE),
        keystore,
        chains=settings.chains,
        ports=connect_chains(settings.chains),
        clock=clock,
    )
    return SignerApp(signer, token=settings.token)


def start() -> SignerApp:
    """Return the application, by the environment's settings: what gunicorn is told to run."""
    settings = read_signing_settings()
    configure_log_lines(settings.log_level)
    app = create_signer(settings, clock=lambda: dt.datetime.now(dt.UTC))
    _log.info("signer_started", chains=sorted(settings.chains))
    return app


def _require_operators(settings: SigningSettings, addresses: Collection[str]) -> None:
    held = {address.lower() for address in addresses}
    for chain in settings.chains.values():
        if chain.operator.lower() not in held:
            raise KeystoreError(f"The keystore has no key of the operator of {chain.name}.")


def _read(environ: WSGIEnvironment) -> tuple[str, Fees] | None:
    """Return what is asked to be signed; None when it is anything else than just that."""
    length = environ.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > LARGEST_BODY:
        return None
    try:
        told = json.loads(environ["wsgi.input"].read(int(length)))
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or set(told) != _ASKED:
        return None
    values = [told["intent_id"], told["max_fee"], told["priority_fee"]]
    forms = [_INTENT_ID, _WEI, _WEI]
    if not all(
        isinstance(value, str) and form.fullmatch(value)
        for value, form in zip(values, forms, strict=True)
    ):
        return None
    return told["intent_id"], Fees(int(told["max_fee"]), int(told["priority_fee"]))

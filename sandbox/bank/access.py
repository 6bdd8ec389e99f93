"""Who calls: a token from the authorisation server, and a signature over every change."""

import hmac
import secrets

import truelayer_signing
from flask import Request
from truelayer_signing import HttpMethod
from truelayer_signing.errors import TlSigningException

from sandbox.bank.account import Account
from sandbox.bank.refusals import Refusal, invalid
from sandbox.simulated.replays import Answer
from sandbox.simulated.store import Resource, Transaction

TOKEN_LIFETIME_S = 3600
SCOPES = {"payments", "paydirect", "recurring_payments:sweeping"}
_KIND = "token"


def issue_token(transaction: Transaction, account: Account, wanted: Resource) -> Answer:
    """Answer a request for a token, as OAuth 2.0 does for client credentials (RFC 6749, 4.4)."""
    if wanted.get("grant_type") != "client_credentials":
        return Answer(400, {"error": "unsupported_grant_type"})
    right = _same(wanted.get("client_id"), account.client_id) and _same(
        wanted.get("client_secret"), account.client_secret
    )
    if not right:
        return Answer(400, {"error": "invalid_client"})
    scope = str(wanted.get("scope", "payments"))
    if not set(scope.split()) <= SCOPES:
        return Answer(400, {"error": "invalid_scope"})
    token = secrets.token_urlsafe(32)
    now = account.now()
    lifetime_s = transaction.knob("token_lifetime_s", TOKEN_LIFETIME_S)
    body = {"id": token, "object": _KIND, "created": int(now), "expires": now + lifetime_s}
    transaction.put(body)
    told = {"access_token": token, "expires_in": lifetime_s, "token_type": "Bearer", "scope": scope}
    return Answer(200, told)


def check_token(transaction: Transaction, account: Account, authorization: str | None) -> None:
    """Refuse a call without a token that is valid now."""
    scheme, _, value = (authorization or "").partition(" ")
    token = transaction.get(value, kind=_KIND) if scheme.lower() == "bearer" else None
    if token is None or token["expires"] <= account.now():
        raise Refusal(401, "The access token is missing, unknown or expired.")


def check_secret(account: Account, authorization: str | None) -> None:
    """Refuse whoever turns a knob without the client secret."""
    _, _, value = (authorization or "").partition(" ")
    if not _same(value, account.client_secret):
        raise Refusal(401, "Knobs are turned with the client secret.")


def check_signature(account: Account, request: Request) -> None:
    """Refuse a change that is not signed with our key, its Idempotency-Key included.

    https://docs.truelayer.com/docs/sign-your-requests
    """
    if "Idempotency-Key" not in request.headers:
        raise invalid("Idempotency-Key", "This header is required.")
    try:
        signature = request.headers.get("Tl-Signature", "")
        if truelayer_signing.extract_jws_header(signature).kid != account.signing_key_id:
            raise _bad_signature()
        (
            truelayer_signing.verify_with_pem(account.signing_public_key)
            .set_method(HttpMethod(request.method))
            .set_path(request.path)
            .add_headers(dict(request.headers))
            .add_required_header("Idempotency-Key")
            .set_body(request.get_data(as_text=True))
            .verify(signature)
        )
    except (TlSigningException, ValueError):
        raise _bad_signature() from None


def _bad_signature() -> Refusal:
    return Refusal(401, "Invalid request signature.")


def _same(given: object, right: str) -> bool:
    return isinstance(given, str) and hmac.compare_digest(given.encode(), right.encode())

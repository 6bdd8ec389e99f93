"""Every problem code that callers may be answered: its status, what it means, what to do about it.

The OpenAPI document and docs/api.md are made of, and checked against, this table.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

from web.conflicts import CONFLICTS
from web.known_problem import KnownProblem

_View = TypeVar("_View", bound=Callable[..., Any])


PROBLEMS: dict[str, KnownProblem] = {
    "validation": KnownProblem(
        HTTPStatus.BAD_REQUEST,
        "The body or the query is not as described.",
        "Correct the fields that `errors` names.",
    ),
    "reference_required": KnownProblem(
        HTTPStatus.BAD_REQUEST,
        "The request has no reference.",
        "Send `reference`, or the header `Idempotency-Key`; keep it for retries.",
    ),
    "reason_required": KnownProblem(
        HTTPStatus.BAD_REQUEST,
        "Finance, support and admin see documents of others for a reason, and none is given.",
        "Send the header `X-Access-Reason`, or `reason`; it is kept.",
    ),
    "credentials_in_url": KnownProblem(
        HTTPStatus.BAD_REQUEST,
        "A key or token stands in the query, where logs keep it.",
        "Send it in the `Authorization` header, and rotate the one that leaked.",
    ),
    "invalid_signature": KnownProblem(
        HTTPStatus.BAD_REQUEST,
        "The webhook is not signed by the provider, or too long ago.",
        "Check the signing secret and the clock.",
    ),
    "statement_unreadable": KnownProblem(
        HTTPStatus.BAD_REQUEST,
        "The file is no bank statement that can be taken: broken, hostile or of no known format.",
        "`errors` names each place; export the statement again, and whole.",
    ),
    "statement_not_balanced": KnownProblem(
        HTTPStatus.BAD_REQUEST,
        "The statement's lines do not lead from its opening to its closing balance.",
        "Export it again: lines are missing or changed.",
    ),
    "statement_of_other_account": KnownProblem(
        HTTPStatus.BAD_REQUEST,
        "The statement is of another account, or in another currency.",
        "Name the account that it is of.",
    ),
    "unauthorized": KnownProblem(
        HTTPStatus.UNAUTHORIZED,
        "There is no credential, or it is not valid or not valid any more.",
        "Sign in again, or send a valid key or token.",
    ),
    "card_declined": KnownProblem(
        HTTPStatus.PAYMENT_REQUIRED,
        "The payer's bank said no.",
        "Show `message` to the payer and offer `next_step`; another try has a new reference.",
    ),
    "role_forbidden": KnownProblem(
        HTTPStatus.FORBIDDEN,
        "The caller's role may not do this.",
        "Let somebody do it who may.",
    ),
    "step_up_required": KnownProblem(
        HTTPStatus.FORBIDDEN,
        "Staff need a second factor, and for what is dangerous a sign-in of the last five minutes.",
        "Have the person sign in again with it, then `POST /api/session` or send the new token.",
    ),
    "kyc_required": KnownProblem(
        HTTPStatus.FORBIDDEN,
        "The platform does not know the buyer or the seller well enough for this.",
        "Raise the KYC level of whom `detail` names: `PUT /api/parties/{id}/kyc`.",
    ),
    "scope_missing": KnownProblem(
        HTTPStatus.FORBIDDEN,
        "The API key is narrowed to other actions.",
        "Use a key with the scope that `detail` names.",
    ),
    "origin_not_trusted": KnownProblem(
        HTTPStatus.FORBIDDEN,
        "A page of an unknown site sent the session cookie.",
        "Add the site's origin to `TRUSTED_ORIGINS`.",
    ),
    "token_required": KnownProblem(
        HTTPStatus.FORBIDDEN,
        "A session is started with a person's token, not with an API key or a cookie.",
        "Send the token of your identity provider.",
    ),
    "not_found": KnownProblem(
        HTTPStatus.NOT_FOUND,
        "There is no such thing, or it is not the caller's to see.",
        "Check the id, and whose credential is sent.",
    ),
    "einvoice_not_available": KnownProblem(
        HTTPStatus.NOT_FOUND,
        "The document cannot be an e-invoice; `detail` says what lacks for EN 16931.",
        "Use the PDF; for later invoices, complete the parties' country and tax number.",
    ),
    "method_not_allowed": KnownProblem(
        HTTPStatus.METHOD_NOT_ALLOWED,
        "The address exists and knows other methods.",
        "Use one that the `Allow` header names.",
    ),
    "request_timeout": KnownProblem(
        HTTPStatus.REQUEST_TIMEOUT,
        "The body did not come within a minute; nothing happened.",
        "Send the same again, over a faster line or without a pause.",
    ),
    **CONFLICTS,
    "too_large": KnownProblem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "The body is over 1 MB, or a statement over 32 MB.",
        "Send less.",
    ),
    "unsupported_media_type": KnownProblem(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "The body is not said to be JSON, or in another encoding than UTF-8, or compressed.",
        "Send `Content-Type: application/json`, and the JSON as it is.",
    ),
    "reference_reused": KnownProblem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The reference was used before with other content.",
        "Choose a new reference for a new thing.",
    ),
    "too_many_requests": KnownProblem(
        HTTPStatus.TOO_MANY_REQUESTS,
        "The caller uses as much at once as anybody may.",
        "Try again after `Retry-After` seconds.",
    ),
    "rate_limited": KnownProblem(
        HTTPStatus.TOO_MANY_REQUESTS,
        "There were more requests in a minute than the caller may send.",
        "Send no more before `Retry-After` seconds have passed, then fewer at a time.",
    ),
    "internal": KnownProblem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "A mistake of ours; the answer says no more than `request_id`.",
        "Report the `request_id`.",
    ),
    "invoice_not_ready": KnownProblem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The document is being issued or rendered.",
        "Ask again after `Retry-After` seconds; `GET /api/invoices/{order_id}` says how far it is.",
    ),
    "unavailable": KnownProblem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "A part does not answer; after a call to a provider, the outcome may not be known yet.",
        "Send the same again, with the same reference, after `Retry-After` seconds.",
    ),
}


def problems(*codes: str) -> Callable[[_View], _View]:
    """Mark a view with the codes it answers beside those that its kind of route always may.

    Raises:
        KeyError: a code is not in the table.
    """
    for code in codes:
        PROBLEMS[code]

    def mark(view: _View) -> _View:
        view.problem_codes = codes  # type: ignore[attr-defined] # read by `problems_of`
        return view

    return mark


def problems_of(view: Callable[..., Any]) -> tuple[str, ...]:
    """Return the codes a view is marked with."""
    codes: tuple[str, ...] = getattr(view, "problem_codes", ())
    return codes

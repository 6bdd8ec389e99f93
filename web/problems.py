"""Every problem code that callers may be answered: its status, what it means, what to do about it.

The OpenAPI document and docs/api.md are made of, and checked against, this table.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, NamedTuple, TypeVar

_View = TypeVar("_View", bound=Callable[..., Any])


class KnownProblem(NamedTuple):
    """A problem code's status, its meaning, and what the caller does about it."""

    status: HTTPStatus
    meaning: str
    remedy: str


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
    "method_not_allowed": KnownProblem(
        HTTPStatus.METHOD_NOT_ALLOWED,
        "The address exists and knows other methods.",
        "Use one that the `Allow` header names.",
    ),
    "in_progress": KnownProblem(
        HTTPStatus.CONFLICT,
        "The first request with this reference, or another one on this payment, is still running.",
        "Send the same again after `Retry-After` seconds.",
    ),
    "conflict": KnownProblem(
        HTTPStatus.CONFLICT,
        "The thing is in a state that does not allow this.",
        "Read it again, and decide anew.",
    ),
    "order_not_open": KnownProblem(
        HTTPStatus.CONFLICT,
        "The order is paid or canceled.",
        "Show the order as it is now.",
    ),
    "payment_in_progress": KnownProblem(
        HTTPStatus.CONFLICT,
        "Another payment for the order is under way.",
        "Wait for it: `GET /api/payments?order_id=…` or the event stream.",
    ),
    "currency_not_supported": KnownProblem(
        HTTPStatus.CONFLICT,
        "This way of paying does not take the order's currency.",
        "Offer another way to pay.",
    ),
    "asset_not_order_currency": KnownProblem(
        HTTPStatus.CONFLICT,
        "An escrow holds the order's own currency, and this is another.",
        "Use the order's `currency` as `asset`.",
    ),
    "asset_not_supported": KnownProblem(
        HTTPStatus.CONFLICT,
        "No chain that is set up here, or not the one named, holds this asset in escrow.",
        "Offer another way to pay.",
    ),
    "payout_address_missing": KnownProblem(
        HTTPStatus.CONFLICT,
        "The buyer or the seller has no address in force on the chain; `detail` says who.",
        "Propose one and have it approved: `POST /api/parties/{id}/payout-destinations`.",
    ),
    "payout_address_shared": KnownProblem(
        HTTPStatus.CONFLICT,
        "Buyer and seller have the same address on the chain.",
        "Give one of them another address.",
    ),
    "escrow_not_disputable": KnownProblem(
        HTTPStatus.CONFLICT,
        "The escrow is not funded, is disputed already, or its time to release is over.",
        "Read the escrow: `status` and `release_by` say which.",
    ),
    "second_person_needed": KnownProblem(
        HTTPStatus.CONFLICT,
        "The same caller asked for it: this takes two.",
        "Have somebody else decide, with a credential of their own.",
    ),
    "destination_decided": KnownProblem(
        HTTPStatus.CONFLICT,
        "The destination was rejected before, or is in force.",
        "Propose another one.",
    ),
    "payment_not_confirmable": KnownProblem(
        HTTPStatus.CONFLICT,
        "The payment is over, on its way, replaced by a newer one, or paid on a page of its own.",
        "Read the payment; start a new one if the order is still open.",
    ),
    "payment_not_cancelable": KnownProblem(
        HTTPStatus.CONFLICT,
        "The money was taken or is on its way, the payment is over, or it is an escrow.",
        "Read the payment; refund what was taken. An escrow nobody funds expires.",
    ),
    "payment_not_extendable": KnownProblem(
        HTTPStatus.CONFLICT,
        "There is no such bank payment, or it is over: its deadline cannot be put off.",
        "Leave out what `errors.payment_ids` names.",
    ),
    "payment_not_capturable": KnownProblem(
        HTTPStatus.CONFLICT,
        "Nothing is reserved on the card, or not any more.",
        "Read the payment; only `capture: manual` reserves.",
    ),
    "amount_too_large": KnownProblem(
        HTTPStatus.CONFLICT,
        "The amount is more than what is reserved.",
        "Capture at most `amount` of the payment.",
    ),
    "payment_not_refundable": KnownProblem(
        HTTPStatus.CONFLICT,
        "Nothing was paid that could be given back.",
        "Cancel the payment instead.",
    ),
    "payment_disputed": KnownProblem(
        HTTPStatus.CONFLICT,
        "The buyer's bank is asking for the money back already, or the escrow is disputed.",
        "Answer the dispute at Stripe, a refund would pay twice; an escrow's arbiter decides.",
    ),
    "refund_exceeds_payment": KnownProblem(
        HTTPStatus.CONFLICT,
        "Less is left of the payment than is asked for.",
        "Refund at most what `errors.amount` says, or leave `amount` out.",
    ),
    "funds_released": KnownProblem(
        HTTPStatus.CONFLICT,
        "The seller has the money: less is held for the order than is asked for.",
        "Settle it with the seller first, or refund less.",
    ),
    "line_not_open": KnownProblem(
        HTTPStatus.CONFLICT,
        "The statement line is matched or discarded already.",
        "Undo its match first, if it is wrong: `GET /api/reconciliation/matches?line_id=…`.",
    ),
    "amounts_differ": KnownProblem(
        HTTPStatus.CONFLICT,
        "The parts do not come to the line's amount; `detail` says by how much.",
        "Name all parts, with amounts that add up to the line.",
    ),
    "currency_differs": KnownProblem(
        HTTPStatus.CONFLICT,
        "What is named is in another currency than the line.",
        "Match it with a line in that currency.",
    ),
    "expectation_not_open": KnownProblem(
        HTTPStatus.CONFLICT,
        "Less is open of what was expected than is matched with it.",
        "Read the queue again, and match what is open.",
    ),
    "payment_refuses_money": KnownProblem(
        HTTPStatus.CONFLICT,
        "The payment takes no such money: by card, in another currency, or received before.",
        "Choose the payment that the money is for, or an account.",
    ),
    "match_undone": KnownProblem(
        HTTPStatus.CONFLICT,
        "The match was undone before.",
        "Read the line's matches.",
    ),
    "receipt_not_suspended": KnownProblem(
        HTTPStatus.CONFLICT,
        "Nothing of the receipt waits in suspense, or less than that.",
        "Read the payment and its receipts.",
    ),
    "receipt_too_small": KnownProblem(
        HTTPStatus.CONFLICT,
        "All that waits for the payment is less than it is due.",
        "Wait for the rest, or give it back.",
    ),
    "payment_charged": KnownProblem(
        HTTPStatus.CONFLICT,
        "The payment has its money already.",
        "Give back what came beside it.",
    ),
    "finding_resolved": KnownProblem(
        HTTPStatus.CONFLICT,
        "The finding was resolved before, with other words.",
        "Read it; what differs still is found again.",
    ),
    "provider_refused": KnownProblem(
        HTTPStatus.CONFLICT,
        "The provider refused, and nothing happened; `detail` says why.",
        "Correct what `detail` names; a retry needs a new reference.",
    ),
    "too_large": KnownProblem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "The body is over 1 MB, or a statement over 32 MB.",
        "Send less.",
    ),
    "unsupported_media_type": KnownProblem(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "The body is not said to be JSON.",
        "Send `Content-Type: application/json`.",
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
    "internal": KnownProblem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "A mistake of ours; the answer says no more than `request_id`.",
        "Report the `request_id`.",
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

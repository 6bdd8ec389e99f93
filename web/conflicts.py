"""The problem codes of 409: the request is well, and the state of things is not."""

from http import HTTPStatus

from web.known_problem import KnownProblem

CONFLICTS: dict[str, KnownProblem] = {
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
    "alert_resolved": KnownProblem(
        HTTPStatus.CONFLICT,
        "The alert is over: what it was about is not so any more.",
        "Nothing is left to take on.",
    ),
    "incident_resolved": KnownProblem(
        HTTPStatus.CONFLICT,
        "The incident is resolved, and stays as it is.",
        "Open another one.",
    ),
    "party_in_use": KnownProblem(
        HTTPStatus.CONFLICT,
        "Money of the party is still under way, held or owed; `detail` says what.",
        "See it through, then erase the party.",
    ),
    "last_secret": KnownProblem(
        HTTPStatus.CONFLICT,
        "No other version of this kind of secret is live: without it, everything would be refused.",
        "Rotate it first: `POST /api/secrets/{kind}/rotate`; then revoke this one.",
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
        "Buyer and seller have the same address on the chain, or one of the platform's.",
        "Propose another address for one of them.",
    ),
    "escrow_not_disputable": KnownProblem(
        HTTPStatus.CONFLICT,
        "The escrow is not funded, is disputed already, or its time to release is over.",
        "Read the escrow: `status` and `release_by` say which.",
    ),
    "export_not_ready": KnownProblem(
        HTTPStatus.CONFLICT,
        "The export is still being written, or it failed.",
        "Look at it until it is `ready`: `GET /api/ledger/exports/{id}`; `failure` says why.",
    ),
    "mapping_missing": KnownProblem(
        HTTPStatus.CONFLICT,
        "Accounts that moved have no counterpart in the accounting package.",
        "Map those that `errors` names: `PUT /api/ledger/mappings/{package}`.",
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
    "order_not_paid": KnownProblem(
        HTTPStatus.CONFLICT,
        "The order is not paid: there is nothing to release.",
        "Wait until it is: `order.updated` tells.",
    ),
    "escrow_not_funded": KnownProblem(
        HTTPStatus.CONFLICT,
        "The escrow holds no final deposit, is disputed or paused, or its time is over.",
        "Read the escrow: `GET /api/escrow/{id}`.",
    ),
    "releases_frozen": KnownProblem(
        HTTPStatus.CONFLICT,
        "Releases are frozen, or those of this order are.",
        "Try again when the freeze is lifted; who froze them and why: `GET /api/ops/freezes`.",
    ),
    "release_exceeds_held": KnownProblem(
        HTTPStatus.CONFLICT,
        "Less is held for the order and free: refunds, disputes and other releases hold theirs.",
        "Release no more than `errors.amount` says.",
    ),
    "release_not_approvable": KnownProblem(
        HTTPStatus.CONFLICT,
        "The release does not wait for approval, or what was held for it is gone.",
        "Read the release; ask for a new one if that is still wanted.",
    ),
    "release_not_cancelable": KnownProblem(
        HTTPStatus.CONFLICT,
        "The release is posted, signed or over.",
        "Read the release; refund what must go back.",
    ),
    "payout_not_failed": KnownProblem(
        HTTPStatus.CONFLICT,
        "The payout has not failed: it is paid, on its way, or waits.",
        "Read the payout; only one that failed is made again.",
    ),
    "provider_cannot_pay_out": KnownProblem(
        HTTPStatus.CONFLICT,
        "Who took the money cannot pay it out.",
        "Pay the seller by hand, from the bank account that the money came to.",
    ),
    "payout_not_owed": KnownProblem(
        HTTPStatus.CONFLICT,
        "Less is owed to the seller, and free, than the payout would send.",
        "Read the seller's account in the ledger, and find what used it.",
    ),
    "freeze_lifted": KnownProblem(
        HTTPStatus.CONFLICT,
        "The freeze was lifted before.",
        "List what is in force: `GET /api/ops/freezes`.",
    ),
    "entry_decided": KnownProblem(
        HTTPStatus.CONFLICT,
        "The journal entry does not wait for a decision: it is posted, rejected or refused.",
        "Read it: `GET /api/ledger/entries/{id}`; reverse what is wrong.",
    ),
    "entry_not_reversible": KnownProblem(
        HTTPStatus.CONFLICT,
        "The entry is not posted, or was not made by hand: it is the effect of something else.",
        "Undo what it is the effect of: refund, cancel, or undo the match.",
    ),
    "entry_reversed": KnownProblem(
        HTTPStatus.CONFLICT,
        "The entry is reversed already, or a reversal of it waits for a second person.",
        "Read it: `reversed_by_entry_id`; or decide on the reversal that waits.",
    ),
    "period_closed": KnownProblem(
        HTTPStatus.CONFLICT,
        "The month is closed.",
        "Use a day in an open month; or have the month reopened, which takes two.",
    ),
    "period_not_ready": KnownProblem(
        HTTPStatus.CONFLICT,
        "The month's checklist is not green; `errors` says why, by its items.",
        "Do what each says, or explain by id what may stay open.",
    ),
    "period_not_closed": KnownProblem(
        HTTPStatus.CONFLICT,
        "The month is not closed, or is not the one that was closed last.",
        "List the months: `GET /api/ledger/periods`; reopen from the newest back.",
    ),
}

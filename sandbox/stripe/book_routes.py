"""The platform's own calls on charges, refunds, disputes, payouts, transfers and the balance."""

from collections.abc import Callable

from flask import Flask, Response

from sandbox.stripe import (
    balance,
    captures,
    charges,
    disputes,
    events,
    payment_intents,
    payouts,
    refunds,
    transfer_reversals,
    transfers,
)
from sandbox.stripe.account import Account
from sandbox.stripe.books import Books
from sandbox.stripe.calling import Calls
from sandbox.stripe.forms import Parameters
from sandbox.stripe.refusals import Resource

Collection = Callable[[Books, Parameters], Resource]
Member = Callable[[Books, str, Parameters], Resource]

_LISTS: dict[str, Collection] = {
    "/v1/balance": lambda books, _: balance.retrieve_balance(books),
    "/v1/balance_transactions": balance.list_transactions,
    "/v1/charges": lambda books, wanted: charges.list_charges(books.transaction, wanted),
    "/v1/disputes": disputes.list_disputes,
    "/v1/events": lambda books, wanted: events.list_events(books.transaction, wanted),
    "/v1/payment_intents": lambda books, wanted: payment_intents.list_intents(
        books.transaction, wanted
    ),
    "/v1/payouts": payouts.list_payouts,
    "/v1/refunds": refunds.list_refunds,
    "/v1/transfers": transfers.list_transfers,
}
_LOOK_UPS: dict[str, Member] = {
    "/v1/accounts/<identifier>": lambda books, one, _: books.find("account", one),
    "/v1/balance_transactions/<identifier>": lambda books, one, _: balance.retrieve(books, one),
    "/v1/charges/<identifier>": lambda books, one, _: books.find("charge", one),
    "/v1/disputes/<identifier>": lambda books, one, _: books.find("dispute", one),
    "/v1/events/<identifier>": lambda books, one, _: events.retrieve(books.transaction, one),
    "/v1/payouts/<identifier>": lambda books, one, _: books.find("payout", one),
    "/v1/refunds/<identifier>": lambda books, one, _: books.find("refund", one),
    "/v1/transfers/<identifier>": lambda books, one, _: books.find("transfer", one),
    "/v1/transfers/<identifier>/reversals": transfer_reversals.list_reversals,
}
_CREATIONS: dict[str, Collection] = {
    "/v1/accounts": transfers.create_account,
    "/v1/payouts": payouts.create,
    "/v1/refunds": refunds.create,
    "/v1/transfers": transfers.create,
}
_CHANGES: dict[str, Member] = {
    "/v1/disputes/<identifier>": disputes.update,
    "/v1/disputes/<identifier>/close": disputes.close,
    "/v1/payment_intents/<identifier>/capture": captures.capture,
    "/v1/refunds/<identifier>": refunds.update,
    "/v1/transfers/<identifier>/reversals": transfer_reversals.create,
}


def add_books(app: Flask, account: Account, calls: Calls) -> None:
    """Register what the platform's backend, with the secret key, asks of Stripe's books."""

    def read(use_case: Member) -> Callable[..., Response]:
        return lambda identifier="": calls.look_up(
            lambda transaction, parameters, asker: use_case(
                Books(transaction, account, asker), identifier, parameters
            )
        )

    def write(use_case: Member) -> Callable[..., Response]:
        return lambda identifier="": calls.change(
            lambda transaction, parameters, asker: use_case(
                Books(transaction, account, asker), identifier, parameters
            )
        )

    for path, collection in _LISTS.items():
        app.add_url_rule(path, f"GET {path}", read(_without_id(collection)))
    for path, member in _LOOK_UPS.items():
        app.add_url_rule(path, f"GET {path}", read(member))
    for path, collection in _CREATIONS.items():
        app.add_url_rule(path, f"POST {path}", write(_without_id(collection)), methods=["POST"])
    for path, member in _CHANGES.items():
        app.add_url_rule(path, f"POST {path}", write(member), methods=["POST"])


def _without_id(collection: Collection) -> Member:
    return lambda books, _, parameters: collection(books, parameters)

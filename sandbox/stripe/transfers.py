"""Connected accounts, as little of them as transfers need, and transfers to them.

As described at https://docs.stripe.com/api/transfers. An account whose id begins with
`acct_sandbox` is there without being made, so that a sandbox can name it before Stripe runs.
"""

from sandbox.stripe import balance
from sandbox.stripe.account import new_id
from sandbox.stripe.balance import Movement
from sandbox.stripe.books import Books
from sandbox.stripe.forms import Parameters, required_amount, required_currency
from sandbox.stripe.lists import as_list, page
from sandbox.stripe.refusals import Refusal, Resource, invalid, parameter_missing

_ALWAYS_THERE = "acct_sandbox"
_IGNORED = ("business_profile", "capabilities", "controller", "settings", "tos_acceptance")


def create_account(books: Books, parameters: Parameters) -> Resource:
    """A connected account that can take transfers at once, whatever else is said about it."""
    for name in _IGNORED:
        parameters.group(name)
    account = _new_account(books, new_id("acct", length=16)) | {
        "business_type": parameters.text("business_type"),
        "country": parameters.text("country") or "US",
        "email": parameters.text("email"),
        "metadata": parameters.metadata(),
        "type": parameters.text("type", choices=("custom", "express", "standard")) or "none",
    }
    parameters.refuse_rest()
    books.keep(account)
    return account


def _new_account(books: Books, identifier: str) -> Resource:
    return {
        "id": identifier,
        "object": "account",
        "business_profile": None,
        "business_type": None,
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "controller": {"type": "application"},
        "country": "US",
        "created": books.account.created,
        "default_currency": "usd",
        "details_submitted": True,
        "email": None,
        "external_accounts": as_list([], f"/v1/accounts/{identifier}/external_accounts"),
        "future_requirements": _nothing_required(),
        "metadata": {},
        "payouts_enabled": True,
        "requirements": _nothing_required(),
        "settings": None,
        "tos_acceptance": {"date": None, "ip": None, "user_agent": None},
        "type": "none",
    }


def _find_account(books: Books, identifier: str) -> Resource:
    if (
        identifier.startswith(_ALWAYS_THERE)
        and books.transaction.get(identifier, kind="account") is None
    ):
        books.keep(_new_account(books, identifier))
    return books.find("account", identifier, param="destination")


def _nothing_required() -> Resource:
    lists = ("alternatives", "currently_due", "errors", "eventually_due", "past_due")
    return {
        **{name: [] for name in (*lists, "pending_verification")},
        "current_deadline": None,
        "disabled_reason": None,
    }


def create(books: Books, parameters: Parameters) -> Resource:
    """Move available money to a connected account; with `source_transaction` pending, too."""
    amount, currency = required_amount(parameters), required_currency(parameters)
    destination = parameters.text("destination")
    source = parameters.text("source_transaction")
    wanted: Resource = {
        "description": parameters.text("description"),
        "transfer_group": parameters.text("transfer_group"),
        "metadata": parameters.metadata(),
    }
    parameters.refuse_rest()
    if amount < 1:
        raise invalid("amount", "Invalid positive integer", code="parameter_invalid_integer")
    if destination is None:
        raise parameter_missing("destination")
    _check_capability(_find_account(books, destination))
    available_on = books.account.created
    if source is None:
        balance.check_available(books, amount, currency)
    else:
        available_on = _available_with(books, source, amount)
    transfer = _new_transfer(books, amount, currency, destination) | wanted
    transfer["source_transaction"] = source
    transfer["balance_transaction"] = _book(books, transfer, available_on)
    books.keep(transfer, "transfer.created")
    return transfer


def _check_capability(account: Resource) -> None:
    if account["capabilities"]["transfers"] != "active":
        raise Refusal(
            400,
            "Your destination account needs to have at least one of the following capabilities"
            " enabled: transfers, crypto_transfers, legacy_payments",
            code="insufficient_capabilities_for_transfer",
        )


def set_capability(books: Books, account_id: str, standing: str) -> Resource:
    """Let an account take transfers (`active`), or not any more (`inactive`)."""
    account = books.find("account", account_id)
    account["capabilities"]["transfers"] = standing
    books.keep(account, "account.updated")
    return account


def _available_with(books: Books, charge_id: str, amount: int) -> int:
    """When the charge's money is available; no more of it can be transferred than came in."""
    charge = books.find("charge", charge_id, param="source_transaction")
    earlier = books.transaction.select("transfer", source_transaction=charge_id)
    gone = sum(transfer["amount"] - transfer["amount_reversed"] for transfer in earlier)
    left = charge["amount_captured"] - gone
    if amount > left:
        raise invalid(
            "amount",
            f"The transfer ({amount}) is greater than what is left of the charge ({left}).",
            code="transfer_source_balance_parameters_mismatch",
        )
    booked = balance.retrieve(books, charge["balance_transaction"])
    return max(books.account.created, int(booked["available_on"]))


def _new_transfer(books: Books, amount: int, currency: str, destination: str) -> Resource:
    identifier = new_id("tr")
    return {
        "id": identifier,
        "object": "transfer",
        "amount": amount,
        "amount_reversed": 0,
        "balance_transaction": None,
        "created": books.account.created,
        "currency": currency,
        "description": None,
        "destination": destination,
        "destination_payment": new_id("py"),
        "livemode": False,
        "metadata": {},
        "reversals": as_list([], f"/v1/transfers/{identifier}/reversals"),
        "reversed": False,
        "source_transaction": None,
        "source_type": "card",
        "transfer_group": None,
    }


def _book(books: Books, transfer: Resource, available_on: int) -> str:
    movement = Movement(
        kind="transfer",
        category="transfer",
        amount=-transfer["amount"],
        currency=transfer["currency"],
        source=transfer["id"],
        available_on=available_on,
        description=transfer["description"],
    )
    booked: str = balance.book(books, movement)["id"]
    return booked


def list_transfers(books: Books, parameters: Parameters) -> Resource:
    """The newest transfers first, optionally those to one account or of one group."""
    return page(
        books.transaction,
        parameters,
        "transfer",
        "/v1/transfers",
        equal=("destination", "transfer_group"),
    )

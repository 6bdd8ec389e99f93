"""Our accounts and what moved on them, as TrueLayer shows them."""

import datetime as dt
from typing import Any

from sandbox.bank import movements
from sandbox.bank.account import HOLDER, BankAccount, written_time
from sandbox.bank.books import Books
from sandbox.bank.refusals import Refusal, invalid
from sandbox.simulated.store import Resource

PAGE = 50
_DAYS_MAX = 31


def list_accounts(books: Books) -> Resource:
    """Every account with its balance."""
    return {"items": [_show(books, account) for account in books.account.accounts]}


def retrieve(books: Books, account_id: str) -> Resource:
    """One account with its balance."""
    return _show(books, books.bank_account(account_id))


def list_transactions(books: Books, account_id: str, query: Any) -> Resource:
    """What moved between `from` and `to`, in pages, oldest first; amounts have no sign."""
    account = books.bank_account(account_id)
    since, until = _moment(query, "from"), _moment(query, "to")
    if until - since > dt.timedelta(days=_DAYS_MAX):
        raise invalid("to", f"It lies at most {_DAYS_MAX} days after `from`.")
    page = books.transaction.bodies(
        "kind = 'transaction' AND json_extract(body, '$.account') = ?"
        " AND json_extract(body, '$.at') BETWEEN ? AND ? AND seq > ? ORDER BY seq LIMIT ?",
        account.name,
        since.timestamp(),
        until.timestamp(),
        _after(books, query.get("cursor")),
        PAGE + 1,
    )
    told: Resource = {"items": [_transaction(account, one) for one in page[:PAGE]]}
    if len(page) > PAGE:
        told["pagination"] = {"next_cursor": page[PAGE - 1]["id"]}
    else:
        told["pagination"] = {}
    return told


def _show(books: Books, account: BankAccount) -> Resource:
    balance = movements.balance_of(books, account)
    identifier = {"type": "nrb", "account_number": account.identifier}
    if account.has_iban:
        identifier = {"type": "iban", "iban": account.identifier}
    return {
        "id": account.id,
        "currency": account.currency,
        "account_identifiers": [identifier],
        "available_balance_in_minor": balance,
        "current_balance_in_minor": balance,
        "account_holder_name": HOLDER,
    }


def _transaction(account: BankAccount, entry: Resource) -> Resource:
    moment = written_time(entry["at"])
    wire: Resource = {"created_at": moment, "executed_at": moment, "status": "executed"}
    if entry["amount"] > 0:
        wire = {"settled_at": moment, "status": "settled"}
    money = {"currency": account.currency, "amount_in_minor": abs(entry["amount"])}
    return {"id": entry["id"], **money, **wire, **entry["wire"]}


def _moment(query: Any, name: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(query.get(name, ""))
    except ValueError:
        raise invalid(name, "It has to be a moment of RFC 3339.") from None
    if moment.tzinfo is None:
        raise invalid(name, "It has to say its time zone.")
    return moment


def _after(books: Books, cursor: str | None) -> int:
    if not cursor:
        return 0
    place = books.transaction.sequence(cursor)
    if place is None:
        raise Refusal(400, "There is no such cursor.")
    return place

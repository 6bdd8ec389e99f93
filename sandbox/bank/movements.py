"""Money that moves on our accounts: TrueLayer lists it as transactions, the bank books lines."""

import datetime as dt
import hashlib
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from sandbox.bank.account import BankAccount, new_id
from sandbox.bank.books import Books
from sandbox.bank.lines import Kind, Part, book
from sandbox.simulated.store import Resource

# How lines of payments are written, unless knobs change it; see knobs.py.
LINES: dict[str, Any] = {
    "batch": False,
    "text": "{reference}",
    "end_to_end_id": True,
    "typo": 0.0,
    "fee": 0,
    "seed": 0,
}


@dataclass(frozen=True)
class Movement:
    """Money that came in (positive) or went out; `wire` is what TrueLayer says of it."""

    account: BankAccount
    amount: int
    wire: Resource
    name: str
    text: str
    their_account: str = ""
    end_to_end_id: str = ""
    kind: Kind | None = None
    booked_on: dt.date | None = None


def line_knob(books: Books, name: str) -> Any:
    """How lines of payments are written now."""
    return books.transaction.knob("lines", {}).get(name, LINES[name])


def move(books: Books, movement: Movement, *, may_wait: bool = False) -> Resource:
    """Move money, and book its line now; or, if it may wait and lines are batched, with others."""
    waits = may_wait and bool(line_knob(books, "batch"))
    part = Part(
        amount=movement.amount,
        name=movement.name,
        account=movement.their_account,
        text=movement.text,
        end_to_end_id=movement.end_to_end_id,
    )
    entry: Resource = {
        "id": new_id(),
        "object": "transaction",
        "created": int(books.account.now()),
        "at": books.account.now(),
        "account": movement.account.name,
        "amount": movement.amount,
        "wire": movement.wire,
        "waiting": [part.__dict__] if waits else [],
    }
    entry["line"] = None if waits else _book(books, movement, _with_ref(part, entry["id"]))
    books.transaction.put(entry)
    return entry


def write_text(books: Books, reference: str) -> str:
    """The remittance text of a payment's line: as quoted, or as a payer's bank garbles it."""
    text = str(line_knob(books, "text")).replace("{reference}", reference)
    draw = Random(f"{line_knob(books, 'seed')} {reference}")  # noqa: S311 - reproducible, not secret
    if draw.random() < line_knob(books, "typo") and text:
        at = draw.randrange(len(text))
        text = text[:at] + draw.choice("ABCDEFGHJKMNPQRSTVWXYZ23456789") + text[at + 1 :]
    return text


def book_batches(books: Books) -> list[int]:
    """Book everything that waits, one line for each account, and return the lines' numbers."""
    booked = []
    for account in books.account.accounts:
        waiting = books.transaction.bodies(
            "kind = 'transaction' AND json_extract(body, '$.account') = ?"
            " AND json_array_length(body, '$.waiting') > 0 ORDER BY seq",
            account.name,
        )
        if not waiting:
            continue
        parts = [_with_ref(Part(**part), one["id"]) for one in waiting for part in one["waiting"]]
        line = book(books, account.name, parts, kind="credit", is_batch=True)
        for one in waiting:
            books.transaction.put(one | {"waiting": [], "line": line})
        booked.append(line)
    return booked


def charge_fee(books: Books, account: BankAccount, amount: int, text: str, **when: Any) -> Resource:
    """Take a fee of the bank's from an account."""
    wire = {"type": "payout", "payout_id": new_id(), "context_code": "service_payment"}
    movement = Movement(
        account, -amount, wire, name="Sandbox Bank", text=text, kind="charge", **when
    )
    return move(books, movement)


def balance_of(books: Books, account: BankAccount) -> int:
    """What TrueLayer says the account holds, batches that still wait included."""
    row = books.transaction.sql.execute(
        "SELECT coalesce(sum(json_extract(body, '$.amount')), 0) FROM objects"
        " WHERE kind = 'transaction' AND json_extract(body, '$.account') = ?",
        (account.name,),
    ).fetchone()
    return int(row[0])


def _book(books: Books, movement: Movement, part: Part) -> int:
    kind: Kind = movement.kind or ("credit" if movement.amount > 0 else "debit")
    return book(books, movement.account.name, [part], kind=kind, booked_on=movement.booked_on)


def _with_ref(part: Part, identifier: str) -> Part:
    """The part with a reference made of its transaction's id, as banks number each transfer."""
    digest = hashlib.sha256(identifier.encode()).hexdigest()
    return replace(part, bank_ref=f"TX{int(digest[:12], 16) % 10**12:012d}")

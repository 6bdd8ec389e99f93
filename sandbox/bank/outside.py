"""Money that moves on our accounts without a payment of ours: transfers, payouts, fees, noise."""

import datetime as dt
from random import Random
from typing import Any

from sandbox.bank import movements
from sandbox.bank.account import new_id
from sandbox.bank.books import Books
from sandbox.bank.lines import Kind
from sandbox.bank.movements import Movement
from sandbox.simulated.delivery_faults import KnobError
from sandbox.simulated.store import Resource

_PEOPLE = ("A. Example", "Mill Lane Stationers", "B. Sample", "Riverside Cleaning", "C. Person")
_NOISE: tuple[tuple[str, int, int, Kind], ...] = (
    ("Office rent {month}", -180_000, -90_000, "debit"),
    ("Wages {month}", -320_000, -150_000, "debit"),
    ("Electricity, customer {number}", -9_000, -2_000, "debit"),
    ("Invoice {number}, thank you", 1_000, 90_000, "credit"),
    ("Card terminal fee", -900, -100, "charge"),
    ("Interest", 5, 900, "interest"),
)


def transfer(books: Books, wanted: Resource) -> Resource:
    """Let anybody send us any amount with any text, or (negative) send money ourselves."""
    name = str(wanted.get("name", "Example Buyer"))
    text = str(wanted.get("text", ""))
    entry = _move(
        books,
        wanted,
        name=name,
        text=text,
        their_account=str(wanted.get("iban", "DE65120300000987654321")),
        end_to_end_id=str(wanted.get("end_to_end_id", "")),
    )
    if entry["amount"] > 0:
        account = books.bank_account(entry["account"])
        books.tell(
            "external_payment_received",
            {},
            transaction_id=entry["id"],
            merchant_account_id=account.id,
            currency=account.currency,
            amount_in_minor=entry["amount"],
            settled_at=books.account.moment,
            remitter=entry["wire"]["remitter"],
        )
    return entry


def pay_out(books: Books, wanted: Resource) -> Resource:
    """Let a payout of Stripe's arrive, or (negative) let Stripe take money."""
    descriptor = str(wanted.get("descriptor", "STRIPE"))
    reference = str(wanted.get("reference", ""))
    return _move(
        books,
        wanted,
        name=str(wanted.get("name", "STRIPE PAYMENTS EUROPE LTD")),
        text=f"{descriptor} {reference}".strip(),
        their_account=str(wanted.get("iban", "IE29AIBK93115212345678")),
        end_to_end_id=str(wanted.get("end_to_end_id", reference))[:35],
    )


def charge(books: Books, wanted: Resource) -> Resource:
    """Take a fee of the bank's; `amount` is what it costs."""
    amount = _amount(wanted)
    account = books.bank_account(str(wanted.get("account", "main")))
    text = str(wanted.get("text", "Account fee"))
    return movements.charge_fee(books, account, amount, text, booked_on=_day(wanted))


def make_noise(books: Books, wanted: Resource) -> Resource:
    """Book lines that have nothing to do with payments, the same for the same seed."""
    account = books.bank_account(str(wanted.get("account", "main")))
    random = Random(wanted.get("seed", 0))  # noqa: S311 - reproducible, not secret
    day = _day(wanted) or books.account.today
    for _ in range(int(wanted.get("count", 10))):
        text, least, most, kind = random.choice(_NOISE)
        amount = random.randint(least, most)
        text = text.format(month=f"{day:%B %Y}", number=random.randrange(10**5, 10**6))
        movements.move(
            books,
            Movement(
                account,
                amount,
                _wire(amount, "", text),
                name="Sandbox Bank" if kind in ("charge", "interest") else random.choice(_PEOPLE),
                text=text,
                kind=kind,
                booked_on=day,
            ),
        )
    return {"lines": int(wanted.get("count", 10))}


def _move(books: Books, wanted: Resource, *, name: str, text: str, **more: Any) -> Resource:
    amount = _amount(wanted)
    account = books.bank_account(str(wanted.get("account", "main")))
    wire = _wire(amount, name, text)
    movement = Movement(account, amount, wire, name=name, text=text, booked_on=_day(wanted), **more)
    return movements.move(books, movement)


def _wire(amount: int, name: str, text: str) -> Resource:
    if amount > 0:
        remitter = {"account_holder_name": name, "reference": text}
        return {"type": "external_payment", "remitter": remitter}
    return {"type": "payout", "payout_id": new_id(), "context_code": "withdrawal"}


def _amount(wanted: Resource) -> int:
    amount = wanted.get("amount")
    if type(amount) is not int or amount == 0:
        raise KnobError("amount", "amount has to be a whole number of minor units, not zero")
    return amount


def _day(wanted: Resource) -> dt.date | None:
    if "booked_on" not in wanted:
        return None
    try:
        return dt.date.fromisoformat(wanted["booked_on"])
    except (TypeError, ValueError):
        raise KnobError("booked_on", "booked_on has to be a day: 2026-11-22") from None

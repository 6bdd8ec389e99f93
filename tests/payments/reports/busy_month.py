"""A busy October in the books, the same for every seed: cards, bank, chain, and what goes wrong.

Made of entries as the product books them (docs/ledger.md), in assets of 0, 2, 6 and 18 decimals,
with money from September, entries that were recorded late, and texts that somebody made up.
"""

import datetime as dt
import random
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection, Engine

import ledger
from ledger import AccountSpec, Entry, Posting

ORDERS = 150
SEPTEMBER = dt.datetime(2026, 9, 20, 9, tzinfo=dt.UTC)
FIRST, LAST = dt.date(2026, 10, 1), dt.date(2026, 10, 31)
_CHAIN = "assets:chain:base:escrow:0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
_TEXTS = (
    "Charge",
    '=HYPERLINK("http://evil.test";"Click")',
    "  \"@SUM(1+1)*cmd|' /C calc'!A0\"",
    "Order 7; date:2026-11-30 | note",
    'Say "hello" \\ and \\n stay\non one line\r\n2026-10-05 open Assets:Evil',
    "注文 · Bestellung für Zoë",
    "* ! (1) = 2 ~ 3",
    "\t-1+1",
)
# How large amounts are in each asset: to the last of 18 decimals, and of 15 and more digits.
_SIZES = {"EUR": 10**6, "JPY": 10**7, "USDC": 10**11, "ETH": 10**20}


class _Line(NamedTuple):
    path: str
    asset: str
    amount: int


class _Writer:
    def __init__(self, connection: Connection, seed: int) -> None:
        self.connection = connection
        self.random = random.Random(seed)
        self.number = 0

    def post(self, kind: str, at: dt.datetime, *lines: tuple[str, str, int]) -> int:
        self.number += 1
        kept = [_Line(*line) for line in lines if line[2]]
        specs = {AccountSpec(line.path, line.asset, "deferred") for line in kept}
        ids = ledger.open_accounts(self.connection, sorted(specs))
        entry = Entry(
            f"busy:{self.number:06d}:{self.random.choice(('a', 'b;c', 'd, e: f'))}",
            kind,
            at,
            [Posting(ids[line.path, line.asset], line.amount) for line in kept],
            self.random.choice((None, *_TEXTS)),
        )
        return ledger.post(self.connection, entry).entry_id

    def identifier(self, prefix: str) -> str:
        return f"{prefix}_{self.random.randrange(32**10):026X}"


def write_busy_month(engine: Engine, *, seed: int = 7, orders: int = ORDERS) -> None:
    """Write the month; entries of late September are what it opens with."""
    with engine.begin() as connection:
        writer = _Writer(connection, seed)
        sellers = [writer.identifier("pty") for _ in range(12)]
        for n in range(orders):
            at = SEPTEMBER + dt.timedelta(minutes=writer.random.randrange(60 * 24 * 41))
            asset = writer.random.choice(tuple(_SIZES))
            amount = writer.random.randrange(100, _SIZES[asset])
            flow = _FLOWS[n % len(_FLOWS)] if asset in {"EUR", "JPY"} else _on_chain
            flow(writer, at, asset, amount, writer.random.choice(sellers))
        _odd_accounts(writer)


def _held(writer: _Writer) -> str:
    return f"liabilities:escrow:{writer.identifier('ord')}"


def _card(writer: _Writer, at: dt.datetime, asset: str, amount: int, seller: str) -> None:
    """A charge, its fee, the release, a payout; every third refunded, every tenth fought over."""
    held, fee = _held(writer), amount // 40 + 1
    pending, available = "assets:stripe:pending", "assets:stripe:available"
    writer.post("charge", at, (pending, asset, amount), (held, asset, -amount))
    writer.post("fee", at, ("expenses:processing:stripe", asset, fee), (pending, asset, -fee))
    settled = at + dt.timedelta(days=2)
    writer.post("settle", settled, (available, asset, amount - fee), (pending, asset, fee - amount))
    chance = writer.random.randrange(30)
    if chance < 10:
        back = amount // 3 + 1
        writer.post("refund", settled, (held, asset, back), (available, asset, -back))
        amount -= back
    if chance >= 27:
        payment = f"assets:disputes:{writer.identifier('pay')}"
        writer.post("dispute", settled, (payment, asset, amount), (available, asset, -amount))
        if chance == 27:
            debt = f"assets:debts:{seller}"
            writer.post("dispute_lost", settled, (debt, asset, amount), (payment, asset, -amount))
        return
    _release(writer, settled, asset, amount, seller, held)


def _release(
    writer: _Writer, at: dt.datetime, asset: str, amount: int, seller: str, held: str
) -> None:
    fee, tax = amount // 20, amount * 19 // 119
    payable = f"liabilities:seller:{seller}"
    writer.post(
        "release",
        at,
        (held, asset, amount),
        ("income:platform-fees", asset, -fee),
        ("liabilities:tax", asset, -tax),
        (payable, asset, fee + tax - amount),
    )
    if writer.random.random() < 0.5:
        out = (amount - fee - tax) // 2
        writer.post(
            "payout",
            at + dt.timedelta(hours=1),
            (payable, asset, out),
            ("assets:bank:main", asset, -out),
        )


def _bank(writer: _Writer, at: dt.datetime, asset: str, amount: int, seller: str) -> None:
    """Money that arrived at the bank; some of it booked wrongly, and reversed."""
    clearing, main, held = "assets:bank:clearing", "assets:bank:main", _held(writer)
    writer.post("bank_payment", at, (clearing, asset, amount), (held, asset, -amount))
    writer.post("statement", at, (main, asset, amount), (clearing, asset, -amount))
    if writer.random.random() < 0.3:
        wrong = writer.post(
            "receipt", at, (main, asset, 999), ("assets:suspense:unmatched", asset, -999)
        )
        ledger.reverse(
            writer.connection,
            wrong,
            occurred_at=at + dt.timedelta(hours=3),
            description="Booked twice",
        )
    _release(writer, at + dt.timedelta(days=3), asset, amount, seller, held)


def _on_chain(writer: _Writer, at: dt.datetime, asset: str, amount: int, seller: str) -> None:
    """A deposit in a contract, released on chain to seller and platform; gas in ETH."""
    held = _held(writer)
    writer.post("deposit", at, (_CHAIN, asset, amount), (held, asset, -amount))
    gas = writer.random.randrange(1, 10**16)
    writer.post(
        "gas",
        at + dt.timedelta(minutes=5),
        ("expenses:gas:base", "ETH", gas),
        ("assets:chain:base:operator:0x8617E340B3D01FA5F11F306F4090FD50E238070D", "ETH", -gas),
    )
    fee = amount // 20 + 1
    writer.post(
        "chain_release",
        at + dt.timedelta(days=1, minutes=7),
        (held, asset, amount),
        ("income:platform-fees", asset, -fee),
        (f"liabilities:seller:{seller}", asset, fee - amount),
    )
    writer.post(
        "paid_on_chain",
        at + dt.timedelta(days=1, minutes=7),
        (f"liabilities:seller:{seller}", asset, amount - fee),
        (_CHAIN, asset, fee - amount),
    )


def _odd_accounts(writer: _Writer) -> None:
    """Accounts below others, and names that beancount would take for the same."""
    at = dt.datetime(2026, 10, 31, 23, 59, 59, 999_999, tzinfo=dt.UTC)
    odd = (
        "assets:bank",
        "assets:bank:main",
        "assets:bank-main",
        "assets:bank_main",
        "assets:bank-5Fmain",
        "assets:Bank.main",
        "assets:bank:main:deposit.2",
        "expenses:-x",
        "expenses:_X:0-2B",
    )
    for n, path in enumerate(odd, start=1):
        for asset in ("EUR", "ETH"):
            writer.post("odd", at, (path, asset, n), ("equity:adjustments", asset, -n))
    # Two assets in one entry, each balanced by itself.
    writer.post(
        "exchange",
        at,
        ("assets:bank:main", "EUR", 1_08),
        ("equity:exchange", "EUR", -1_08),
        ("assets:bank:main", "JPY", -150),
        ("equity:exchange", "JPY", 150),
    )


_FLOWS: tuple[Callable[[_Writer, dt.datetime, str, int, str], None], ...] = (_card, _bank)

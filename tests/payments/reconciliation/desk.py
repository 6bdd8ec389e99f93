"""Books of one's own to reconcile: payments by bank, statements, runs, and what came of them."""

import datetime as dt
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, select

import ledger
from payments.access.caller import Caller, Role
from payments.bank_reference import extract_keys
from payments.bank_settings import BankAccount
from payments.database import transaction
from payments.identifiers import new_id
from payments.lifecycle.record_facts import Outcome, SourcedFact, record_facts
from payments.lifecycle.tables import BankReceipt, Payment
from payments.providers.connect import Providers
from payments.providers.facts import Fact
from payments.providers.ports import BankProvider
from payments.providers.stripe.client import StripeClient
from payments.reconciliation.line_details import LineDetails, seal_details
from payments.reconciliation.progress import Figures, turn
from payments.reconciliation.request_run import add_run
from payments.reconciliation.run import Means, reconcile
from payments.reconciliation.tables import (
    BankStatement,
    Expectation,
    Finding,
    Match,
    MatchPart,
    StatementFile,
    StatementLine,
)
from tests.payments.bank_shop import bank_payment
from tests.payments.conftest import stripe_at
from tests.payments.shop import CIPHER, NOW, Shop, open_shop

FINANCE = Caller(principal="key:finance", role=Role.FINANCE)
ACCOUNTS = {"main": BankAccount(name="main", identifier="DE89370400440532013000", currency="EUR")}
TODAY = NOW.date()
A_WHILE = dt.timedelta(minutes=4)
NOBODYS_STRIPE = "http://127.0.0.1:9"


@dataclass
class Desk:
    """Everything finance has before it; `now` is what the run's clock says."""

    engine: Engine
    shop: Shop
    banks: Mapping[str, BankProvider] = field(default_factory=dict)
    now: dt.datetime = NOW
    stripe: StripeClient = field(default_factory=lambda: stripe_at(NOBODYS_STRIPE))
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    # ---- what happens ----

    def payment(self, amount: int = 10_000, *, provider: str = "truelayer") -> Payment:
        """Return a payment whose link the payer has; its order costs `amount`."""
        return bank_payment(self.shop, self.shop.order(amount, rate="0"), provider=provider)

    def tell(self, *facts: Fact) -> list[Outcome]:
        with transaction(self.engine) as session:
            told = [SourcedFact(fact, "test") for fact in facts]
            return record_facts(session, told, now=self.now)

    def statement(
        self,
        *lines: dict[str, Any],
        opening: int | None = None,
        closing: int | None = None,
        from_date: dt.date = TODAY,
        to_date: dt.date | None = None,
        account: str = "main",
        currency: str = "EUR",
    ) -> list[str]:
        """Store a statement of some lines and return their ids."""
        file_id, statement_id = new_id("stf", now=self.now), new_id("stm", now=self.now)
        if opening is not None and closing is None:
            closing = opening + sum(each["amount"] for each in lines)
        with transaction(self.engine) as session:
            session.add(
                StatementFile(
                    id=file_id,
                    sha256=file_id.encode(),
                    name="a file",
                    format="csv",
                    content_encrypted=b"",
                    imported_by="test",
                    imported_at=self.now,
                )
            )
            session.flush()
            session.add(
                BankStatement(
                    id=statement_id,
                    file_id=file_id,
                    account=account,
                    currency=currency,
                    from_date=from_date,
                    to_date=to_date or from_date,
                    opening_balance=opening,
                    closing_balance=closing,
                    closing_date=None if closing is None else to_date or from_date,
                    line_count=len(lines),
                    new_line_count=len(lines),
                    imported_at=self.now,
                )
            )
            session.flush()
            rows = [self._row(statement_id, account, line, from_date) for line in lines]
            session.add_all(rows)
            return [row.id for row in rows]

    def _row(
        self, statement_id: str, account: str, line: dict[str, Any], day: dt.date
    ) -> StatementLine:
        number = next(self.numbers)
        told: dict[str, Any] = {"text": "", "name": "Ada Buyer", "booked_on": day} | line
        words, name = told.pop("text"), told.pop("name")
        line_id = new_id("stl", now=self.now + dt.timedelta(milliseconds=number))
        details = LineDetails(name, "DE02120300000000202051", words)
        return StatementLine(
            **{"currency": "EUR", "value_on": told["booked_on"]} | told,
            id=line_id,
            statement_id=statement_id,
            account=account,
            line_key=line_id,
            position=number,
            reference_keys=extract_keys(told.get("end_to_end_id"), words),
            details_encrypted=seal_details(CIPHER, line_id=line_id, details=details),
            created_at=self.now,
            updated_at=self.now,
        )

    @property
    def providers(self) -> Providers:
        return Providers(stripe=self.stripe, banks=self.banks)

    def means(self) -> Means:
        return Means(
            engine=self.engine,
            providers=self.providers,
            clock=lambda: self.now,
        )

    def run(self, *, date_window_days: int = 7) -> Figures:
        """Make a run and return its figures."""
        with transaction(self.engine) as session:
            run = add_run(
                session, requested_by="test", date_window_days=date_window_days, now=self.now
            )
        with turn(self.engine) as is_ours:
            assert is_ours
            figures = reconcile(self.means(), run.id, until=self.now + A_WHILE)
        assert figures is not None
        return figures

    # ---- what came of it ----

    def line(self, line_id: str) -> StatementLine:
        with transaction(self.engine) as session:
            return session.get_one(StatementLine, line_id)

    def matches(self, line_id: str) -> list[Match]:
        with transaction(self.engine) as session:
            found = select(Match).where(Match.line_id == line_id).order_by(Match.id)
            return list(session.scalars(found))

    def parts(self, match_id: str) -> list[MatchPart]:
        with transaction(self.engine) as session:
            found = select(MatchPart).where(MatchPart.match_id == match_id).order_by(MatchPart.part)
            return list(session.scalars(found))

    def expectations(self) -> Sequence[Expectation]:
        with transaction(self.engine) as session:
            return list(session.scalars(select(Expectation).order_by(Expectation.id)))

    def findings(self, state: str = "open") -> dict[str, Finding]:
        """Return findings by their keys."""
        with transaction(self.engine) as session:
            rows = session.scalars(select(Finding).where(Finding.state == state))
            return {row.finding_key: row for row in rows}

    def receipts(self, payment: Payment) -> list[BankReceipt]:
        with transaction(self.engine) as session:
            found = select(BankReceipt).where(BankReceipt.payment_id == payment.id)
            return list(session.scalars(found.order_by(BankReceipt.id)))

    def status(self, payment: Payment) -> str:
        with transaction(self.engine) as session:
            return session.get_one(Payment, payment.id).status

    def balance(self, path: str, currency: str = "EUR") -> int:
        """Return the balance of an account, 0 if nobody opened it."""
        with self.engine.connect() as connection:
            ids = ledger.find_account_ids(connection, [(path, currency)])
            return sum(ledger.balance(connection, id_) for id_ in ids.values())

    def balances(self) -> dict[str, int]:
        """Return what matters here: the bank, what is on its way, and what is unexplained."""
        paths = {
            "main": "assets:bank:main",
            "clearing": "assets:bank:clearing",
            "suspense": "assets:suspense:unmatched",
        }
        return {name: self.balance(path) for name, path in paths.items()}


def open_desk(engine: Engine) -> Desk:
    return Desk(engine, open_shop(engine))


def money_in(amount: int, words: str = "", **more: Any) -> dict[str, Any]:
    """Return a line of a statement; negative amounts went out."""
    return {"amount": amount, "text": words, **more}

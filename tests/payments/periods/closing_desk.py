"""Books of one's own to close: entries of October 2026, a run made since, and two of finance."""

import datetime as dt
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Engine

import ledger
from ledger import JournalLine
from payments import invariants
from payments.access.caller import Caller, Role
from payments.database import in_transaction, transaction
from payments.idempotency import Answered
from payments.manual_entries.decide_entry import approve_entry
from payments.manual_entries.new_entry import NewEntry
from payments.manual_entries.request_entry import request_entry
from payments.manual_entries.request_reversal import request_reversal
from payments.manual_entries.view import EntryView
from payments.periods.close_period import close_period
from payments.periods.months import Month
from payments.periods.reopen_period import reopen_period
from payments.periods.tables import PeriodClosing
from tests.payments.reconciliation.desk import Desk
from tests.payments.shop import NOW, open_shop

ADA = Caller(principal="key:ada", role=Role.FINANCE)
BOB = Caller(principal="key:bob", role=Role.FINANCE)
SEPTEMBER, OCTOBER, NOVEMBER = Month(2026, 9), Month(2026, 10), Month(2026, 11)
HALLOWEEN = dt.date(2026, 10, 31)
RENT = ("expenses:rent", "liabilities:accrued:rent")


def lines(amount: int = 120_000, accounts: tuple[str, str] = RENT) -> tuple[JournalLine, ...]:
    """Return two lines in EUR: a debit of the first account, a credit of the second."""
    debit, credit = accounts
    return JournalLine(debit, "EUR", amount), JournalLine(credit, "EUR", -amount)


@dataclass
class ClosingDesk:
    """What finance does at a month's end."""

    engine: Engine
    now: dt.datetime = NOW
    references: list[str] = field(default_factory=list)

    def ask(self, day: dt.date = HALLOWEEN, amount: int = 120_000, **more: object) -> EntryView:
        told = {"lines": lines(amount)} | more
        asked = NewEntry(effective_on=day, reason="Rent.", **told)  # type: ignore[arg-type] # fields of NewEntry
        return in_transaction(
            self.engine,
            lambda session: request_entry(
                session, caller=ADA, reference=secrets.token_hex(16), asked=asked, now=self.now
            ),
        ).resource

    def approve(self, entry: EntryView, *, by: Caller = BOB) -> EntryView:
        assert entry.id is not None
        return approve_entry(
            self.engine,
            caller=by,
            reference=secrets.token_hex(16),
            entry_id=entry.id,
            now=self.now,
        ).resource

    def post(self, day: dt.date = HALLOWEEN, amount: int = 120_000, **more: object) -> EntryView:
        return self.approve(self.ask(day, amount, **more))

    def ask_reversal(
        self, entry: EntryView, day: dt.date | None = None, *, by: Caller = ADA
    ) -> EntryView:
        return in_transaction(
            self.engine,
            lambda session: request_reversal(
                session,
                caller=by,
                reference=secrets.token_hex(16),
                name=entry.id or str(entry.entry_id),
                reason="Twice.",
                effective_on=day,
                now=self.now,
            ),
        ).resource

    def reconcile(self) -> None:
        Desk(self.engine, open_shop(self.engine), now=self.now).run()

    def close(
        self,
        month: Month = OCTOBER,
        *,
        reference: str | None = None,
        explanations: Mapping[str, str] | None = None,
    ) -> Answered[PeriodClosing]:
        return close_period(
            self.engine,
            caller=ADA,
            reference=reference or secrets.token_hex(16),
            month=month,
            explanations=explanations or {},
            now=self.now,
        )

    def reopen(
        self, month: Month = OCTOBER, *, by: Caller, reference: str | None = None
    ) -> Answered[PeriodClosing]:
        return in_transaction(
            self.engine,
            lambda session: reopen_period(
                session,
                caller=by,
                reference=reference or secrets.token_hex(16),
                month=month,
                reason="An invoice was found.",
                now=self.now,
            ),
        )

    def closed_through(self) -> dt.datetime | None:
        with self.engine.connect() as connection:
            return ledger.closed_through(connection)

    def check(self) -> None:
        """Require that all that must hold does."""
        with transaction(self.engine) as session:
            connection = session.connection()
            assert ledger.broken_invariants(connection) == []
            assert invariants.broken_invariants(connection) == []

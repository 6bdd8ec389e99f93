"""Balances at a moment: what the bank says its account held, against what the ledger says.

Either direction of a difference is a finding.
"""

import datetime as dt

from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session

import ledger
from payments.errors import StrongroomError
from payments.log_lines import get_logger
from payments.providers.connect import Providers
from payments.providers.ports import BankProvider
from payments.reconciliation.accounts import bank_account
from payments.reconciliation.findings import Found
from payments.reconciliation.line_entries import start_of

_log = get_logger(__name__)
_DAY = dt.timedelta(days=1)
_TICK = dt.timedelta(microseconds=1)

_LATEST = text("""
    SELECT DISTINCT ON (account) account, currency, closing_date,
           CAST(closing_balance AS text) AS closing_balance
      FROM strongroom.bank_statements WHERE closing_balance IS NOT NULL
     ORDER BY account, closing_date DESC, imported_at DESC, id DESC
""")
# What belongs before the moment but is dated later, because the books of its day were closed when
# it was told; they may have been opened again since.
_DATED_LATER = text("""
    SELECT COALESCE(sum(p.amount), 0)
      FROM ledger.postings p JOIN ledger.entries e ON e.id = p.entry_id
     WHERE p.account_id = :account_id AND p.occurred_at > :at
       AND e.metadata ->> 'booked_on' <= :day
""")
# Of which account of ours the statements bring what the provider brought, payment by payment.
_ACCOUNTS_OF = text("""
    SELECT DISTINCT l.account
      FROM (SELECT payment_id FROM strongroom.bank_receipts
             WHERE source = :provider AND currency = :currency ORDER BY id DESC LIMIT 1000) r
      JOIN strongroom.expectations e ON e.payment_id = r.payment_id AND e.provider_ref IS NOT NULL
      JOIN strongroom.match_parts p ON p.expectation_id = e.id
      JOIN strongroom.matches m ON m.id = p.match_id AND m.state = 'active' AND m.rule <> 'batch'
      JOIN strongroom.statement_lines l ON l.id = m.line_id
""")


def find_bank_drift(session: Session) -> list[Found]:
    """Return the accounts whose newest statement ends with another balance than the ledger's."""
    found = []
    for row in session.execute(_LATEST).all():
        said = int(row.closing_balance)
        ours = balance_at_end_of(
            session.connection(), row.account, row.currency, day=row.closing_date
        )
        if said != ours:
            found.append(
                Found(
                    f"balance:bank:{row.account}",
                    "balance_drift",
                    row.account,
                    said,
                    ours,
                    row.currency,
                    f"The bank says {said} at the end of {row.closing_date}, the ledger {ours}:"
                    f" {said - ours:+}, in minor units of {row.currency}, on {row.account}",
                )
            )
    return found


def balance_at_end_of(connection: Connection, account: str, currency: str, *, day: dt.date) -> int:
    """Return what the ledger says that an account of ours held when a day ended, in UTC."""
    spec = bank_account(account, currency)
    ids = ledger.find_account_ids(connection, [(spec.path, currency)])
    if not ids:
        return 0
    [account_id] = ids.values()
    at = start_of(day + _DAY) - _TICK
    told = {"account_id": account_id, "at": at, "day": day.isoformat()}
    dated_later = int(connection.execute(_DATED_LATER, told).scalar_one())
    return ledger.balance_at(connection, account_id, at) + dated_later


def find_provider_drift(
    engine: Engine, providers: Providers, *, now: dt.datetime
) -> dict[str, list[Found]]:
    """Compare what providers keep for us with the ledger, by scope.

    A provider's account is taken for the one of ours whose statements bring its payments. What it
    should hold is what the ledger had at the end of the newest statement, and all that moved at
    the provider since. A provider that does not answer, or whose account we cannot tell, is left
    out.
    """
    found: dict[str, list[Found]] = {}
    for name, bank in providers.banks.items():
        if not bank.capabilities.lists_transactions:
            continue
        for currency in sorted(bank.capabilities.currencies):
            try:
                drift = _provider_drift(engine, bank, currency, now=now)
            except StrongroomError as error:
                _log.warning("provider_balance_not_read", provider=name, error=error.detail)
                continue
            if drift is not None:
                found[f"balance:{name}:{currency}"] = drift
    return found


def _provider_drift(
    engine: Engine, bank: BankProvider, currency: str, *, now: dt.datetime
) -> list[Found] | None:
    with engine.connect() as connection:
        told = {"provider": bank.name, "currency": currency}
        accounts = set(connection.execute(_ACCOUNTS_OF, told).scalars())
        latest = [row for row in connection.execute(_LATEST) if row.account in accounts]
        if len(accounts) != 1 or not latest or latest[0].currency != currency:
            return None
        [account], [statement] = accounts, latest
        then = start_of(statement.closing_date + _DAY)
        if then > now:  # the day is not over: what moved before the statement, and what after it?
            return None
        ours = balance_at_end_of(connection, account, currency, day=statement.closing_date)
    before = bank.balance(currency=currency)
    moved = list(bank.list_transactions(currency=currency, since=then, until=now))
    said = bank.balance(currency=currency)
    if said is None or said != before:  # it moved while we asked: the next run asks again
        return None
    expected = ours + sum(each.amount for each in moved if each.occurred_at >= then)
    if said == expected:
        return []
    return [
        Found(
            f"balance:{bank.name}:{currency}",
            "balance_drift",
            account,
            said,
            expected,
            currency,
            f"{bank.name} holds {said}; the ledger at the end of {statement.closing_date} and what"
            f" moved since come to {expected}: {said - expected:+}, in minor units of {currency}",
        )
    ]

"""Reads a package's mappings, and which accounts lack one."""

import datetime as dt

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from ledger.reporting import Scope, trial_balance
from payments.reports.mappings.packages import Target, target_of
from payments.reports.mappings.tables import AccountMapping


def read_mappings(session: Session, package: str) -> list[AccountMapping]:
    """Return the mappings in the order of our accounts."""
    query = select(AccountMapping).where(AccountMapping.package == package)
    return list(session.scalars(query.order_by(AccountMapping.control)))


def read_targets(connection: Connection, package: str) -> dict[str, Target]:
    """Return what our accounts are mapped to, by path."""
    table = AccountMapping.__table__.c
    query = select(table.control, table.code, table.tax_code).where(table.package == package)
    return {row.control: Target(row.code, row.tax_code) for row in connection.execute(query)}


def unmapped_accounts(connection: Connection, package: str, *, now: dt.datetime) -> list[str]:
    """Return the control accounts that ever moved and have no mapping of their own."""
    targets = read_targets(connection, package)
    rows = trial_balance(connection, Scope(as_of=now))
    return sorted({row.account for row in rows if target_of(row.account, targets) is None})

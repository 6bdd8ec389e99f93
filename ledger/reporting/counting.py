"""How many rows a report will have, so that progress can be told."""

from sqlalchemy import Connection

from ledger.reporting.chosen import in_books, in_period, of_accounts, of_asset
from ledger.reporting.scope import Scope
from ledger.reporting.totals import control_postings, is_subsidiary

_COUNT = """
    SELECT count(*) FROM ledger.accounts a
      JOIN ledger.postings p ON p.account_id = a.id JOIN ledger.entries e ON e.id = p.entry_id
     WHERE {chosen}
"""


def posting_count(
    connection: Connection, scope: Scope, *, account: str | None = None, control: str | None = None
) -> int:
    """Return how many postings of the period those accounts have."""
    if account is None or not is_subsidiary(account):
        return control_postings(connection, scope, account=account, control=control)
    chosen = in_books(scope) + in_period(scope) + of_asset(scope) + of_accounts(account, control)
    query = _COUNT.format(chosen=chosen.sql)
    return int(connection.exec_driver_sql(query, chosen.values).scalar_one())

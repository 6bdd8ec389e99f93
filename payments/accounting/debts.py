"""What a seller owes us: it is paid with what would be released to them, once."""

from sqlalchemy import Connection

import ledger
from payments.accounting.chart_of_accounts import seller_debt

_LOCK = "SELECT id FROM strongroom.parties WHERE id = %s FOR NO KEY UPDATE"


def lock_debt(connection: Connection, seller_id: str, currency: str) -> int:
    """Return how much a seller owes, in minor units; nobody else sets it off until the commit.

    Below zero it is we who owe: a refund failed after its debt had been set off. To be called
    after all other rows are locked, and before anything is posted.
    """
    connection.exec_driver_sql(_LOCK, (seller_id,))
    account = seller_debt(seller_id, currency)
    accounts = ledger.open_accounts(connection, [account])
    return ledger.balance(connection, accounts[account.path, account.asset])

"""The roller: sums up postings so that balances stay quick to read; it never changes one."""

from sqlalchemy import Connection, Engine

LEAST_POSTINGS = 1000  # fewer are summed up when the balance is read, in well under a millisecond

ENTRIES_AT_A_TIME = 20_000  # a fraction of a second
CHUNKS = 20


def roll_accounts(engine: Engine, *, least: int = LEAST_POSTINGS) -> int:
    """Roll up every account with at least `least` postings not rolled up; return how many were.

    Runs in short transactions of its own, one an account. Postings of deferred accounts become
    ready one call after they were committed; see advance_watermark() in 5_rolling.sql.
    """
    with engine.begin() as connection:
        advance_watermark(connection)
    with engine.begin() as connection:
        due = connection.exec_driver_sql("SELECT ledger.accounts_to_roll(%s)", (least,)).scalars()
        account_ids = list(due)
    rolled = 0
    for account_id in account_ids:
        with engine.begin() as connection:
            rolled += roll_account(connection, account_id)
    return rolled


def roll_totals(engine: Engine) -> int:
    """Add settled entries to the daily totals; return how many they were.

    In short transactions of its own, at most `CHUNKS` of them: what is left is for the next call,
    and until then reports read it from the postings. Entries become ready as with roll_accounts.
    """
    rolled = 0
    for _ in range(CHUNKS):
        with engine.begin() as connection:
            query = "SELECT ledger.roll_totals(%s)"
            entries = int(connection.exec_driver_sql(query, (ENTRIES_AT_A_TIME,)).scalar_one())
        rolled += entries
        if entries < ENTRIES_AT_A_TIME:
            break
    return rolled


def roll_account(connection: Connection, account_id: int) -> int:
    """Roll up one account; return how many postings were."""
    query = "SELECT ledger.roll_account(%s)"
    return int(connection.exec_driver_sql(query, (account_id,)).scalar_one())


def advance_watermark(connection: Connection) -> int:
    """Move the watermark on; return the id up to which every entry is settled.

    The transaction must not have written anything yet.
    """
    return int(connection.exec_driver_sql("SELECT ledger.advance_watermark()").scalar_one())

"""Where money is and whose it is, by control account, and what moved today."""

import datetime as dt
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, text

import ledger
from ledger.reporting import Scope, trial_balance

HELD_FOR_ORDERS = "liabilities:escrow"
OWED_TO_SELLERS = "liabilities:seller"

# The books are read up to a little later than now: what is written while they are read is in them
# or is not, and no figure of the day has to be taken back out again, which costs all of the day.
_AHEAD = dt.timedelta(minutes=1)

_RELEASED = text("""
    SELECT p.rail, r.currency, count(*) AS n, CAST(sum(r.amount) AS text) AS amount
      FROM strongroom.releases r JOIN strongroom.payments p ON p.id = r.payment_id
     WHERE r.posted_at >= :since
     GROUP BY p.rail, r.currency ORDER BY p.rail, r.currency
""")


_POSTINGS = text("""
    SELECT CAST(coalesce(sum(posting_count), 0) AS bigint)
      FROM ledger.totals_as_of(:as_of, CAST('{}' AS date[]))
""")


class Balance(NamedTuple):
    """A control account, amounts in minor units, each positive the way the account grows.

    `came` and `went` are what was recorded today, in UTC. `exponent` is how many decimals the
    currency has.
    """

    account: str
    account_class: str
    currency: str
    exponent: int
    amount: int
    came: int
    went: int


@dataclass(frozen=True)
class Released:
    """What was released today of one rail and currency; `amount` in minor units."""

    rail: str
    currency: str
    count: int
    amount: int


def read_balances(connection: Connection, *, now: dt.datetime) -> list[Balance]:
    """Return every control account with a balance or something that moved today."""
    exponents = {code: asset.exponent for code, asset in ledger.assets(connection).items()}
    today = now.astimezone(dt.UTC).date()
    scope = Scope(as_of=now + _AHEAD, first_day=today, axis="recorded")
    balances = []
    for row in trial_balance(connection, scope):
        debit_grows = row.account_class in {"asset", "expense"}
        came, went = (row.debit, row.credit) if debit_grows else (row.credit, row.debit)
        amount = row.closing if debit_grows else -row.closing
        balances.append(
            Balance(
                row.account,
                row.account_class,
                row.asset,
                exponents[row.asset],
                amount,
                came,
                went,
            )
        )
    return balances


def read_released_today(connection: Connection, *, now: dt.datetime) -> list[Released]:
    """Return what was released since midnight, UTC."""
    midnight = now.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return [
        Released(row.rail, row.currency, row.n, int(row.amount))
        for row in connection.execute(_RELEASED, {"since": midnight})
    ]


def count_postings(connection: Connection, *, now: dt.datetime) -> int:
    """Return how many postings the books have: it only ever grows."""
    return int(connection.execute(_POSTINGS, {"as_of": now + _AHEAD}).scalar_one())

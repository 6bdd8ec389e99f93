"""The books during one call: the transaction, the account, and whom events go back to."""

from dataclasses import dataclass
from typing import Any

from sandbox.simulated.store import Transaction
from sandbox.stripe import events
from sandbox.stripe.account import Account
from sandbox.stripe.events import Request
from sandbox.stripe.refusals import Resource, missing

MOMENT_S = 1.0

SCHEMA = """
CREATE INDEX IF NOT EXISTS refunds_by_charge
    ON objects (json_extract(body, '$.charge')) WHERE kind = 'refund';
CREATE INDEX IF NOT EXISTS bookings_by_source
    ON objects (json_extract(body, '$.source')) WHERE kind = 'balance_transaction';
CREATE TABLE IF NOT EXISTS paid_out (
    balance_transaction TEXT PRIMARY KEY,
    payout TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS paid_out_by_payout ON paid_out (payout);
"""


@dataclass(frozen=True)
class Books:
    """Everything a use case reads and writes."""

    transaction: Transaction
    account: Account
    request: Request

    def keep(self, resource: Resource, *kinds: str) -> None:
        """Write an object, and record an event of each kind about it."""
        self.transaction.put(resource)
        for kind in kinds:
            events.record(self.transaction, self.account, kind, resource, self.request)

    def find(self, kind: str, identifier: str, *, param: str = "id") -> Resource:
        """The object of this kind and id, or Stripe's 404."""
        found = self.transaction.get(identifier, kind=kind)
        if found is None:
            raise missing(kind.replace("_", " "), identifier, param=param)
        return found

    def put_off(self, identifier: str) -> None:
        """Have something done about an object in a moment, as due.py says.

        The knob `moment_s` says how long a moment is.
        """
        moment_s: Any = self.transaction.knob("moment_s", MOMENT_S)
        self.transaction.put_off(identifier, due_at=self.account.now() + moment_s)

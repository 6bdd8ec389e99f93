"""The books during one call, and how what happens in them is told."""

from dataclasses import dataclass
from typing import Any

from sandbox.bank.account import Account, BankAccount, new_id
from sandbox.bank.refusals import missing
from sandbox.simulated.deliveries import deliver
from sandbox.simulated.store import Resource, Transaction

# How long the bank takes by itself, in seconds; None is never. Knobs change it.
MOMENTS: dict[str, float | None] = {
    "execution_s": 0.5,
    "settlement_s": 1.0,
    "refund_s": 1.0,
    "payout_s": 1.0,
    "expiry_s": None,
}
# What comes of payments, refunds and payouts, unless knobs change it.
OUTCOMES: dict[str, Any] = {
    "settlement": "settled",
    "refunds": "executed",
    "payouts": "executed",
    "failure_reason": "server_error",
    "tells_authorized": False,
}

SCHEMA = """
CREATE TABLE IF NOT EXISTS lines (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    booked_on TEXT NOT NULL,
    amount INTEGER NOT NULL,
    kind TEXT NOT NULL,
    is_batch INTEGER NOT NULL,
    parts TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS lines_by_day ON lines (account, booked_on, seq);
CREATE INDEX IF NOT EXISTS refunds_by_payment
    ON objects (json_extract(body, '$.payment_id')) WHERE kind = 'refund';
CREATE INDEX IF NOT EXISTS transactions_by_account
    ON objects (json_extract(body, '$.account')) WHERE kind = 'transaction';
"""


@dataclass(frozen=True)
class Books:
    """Everything a use case reads and writes."""

    transaction: Transaction
    account: Account

    def find(self, kind: str, identifier: str) -> Resource:
        """The object of this kind and id.

        Raises:
            Refusal: there is none.
        """
        found = self.transaction.get(identifier, kind=kind)
        if found is None:
            raise missing(kind, identifier)
        return found

    def bank_account(self, wanted: str) -> BankAccount:
        """Our account of this name, id or currency.

        Raises:
            Refusal: there is none.
        """
        for account in self.account.accounts:
            if wanted in (account.name, account.id, account.currency):
                return account
        raise missing("account", wanted)

    def moment_s(self, name: str) -> float | None:
        """How long something takes now; None for never."""
        seconds: float | None = self.transaction.knob("moments", {}).get(name, MOMENTS[name])
        return seconds

    def outcome(self, name: str) -> Any:
        """What comes of something now."""
        return self.transaction.knob("outcomes", {}).get(name, OUTCOMES[name])

    def put_off(self, what: str, identifier: str, *, moment: str) -> None:
        """Have something done about an object after a moment; see sequels.py."""
        seconds = self.moment_s(moment)
        if seconds is not None:
            self.transaction.put_off(f"{what}:{identifier}", due_at=self.account.now() + seconds)

    def tell(self, kind: str, subject: Resource, **fields: Any) -> Resource:
        """Write a webhook about a payment, refund or payout and queue its delivery."""
        body = {"type": kind, "event_id": new_id(), "event_version": 1, **fields}
        if subject.get("metadata"):
            body["metadata"] = subject["metadata"]
        return self.tell_body(body)

    def tell_body(self, body: Resource) -> Resource:
        """Queue the delivery of a webhook, whatever it says; it gets an id if it has none."""
        body = {"event_id": new_id(), **body}
        event: Resource = {
            "id": str(body["event_id"]),
            "object": "event",
            "created": int(self.account.now()),
            "type": body.get("type"),
            "body": body,
        }
        self.transaction.put(event)
        deliver(self.transaction, event["id"], now=self.account.now())
        return event

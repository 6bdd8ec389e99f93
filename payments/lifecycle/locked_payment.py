"""A payment as one transaction holds it: locked, moved by facts, and not written back yet."""

import datetime as dt
from dataclasses import dataclass, field, replace

from payments.lifecycle.stages import CHARGED, CLOSED, Stage, Status, advance, status_after_charge
from payments.lifecycle.tables import BankReceipt, Dispute, Refund
from payments.lifecycle.view import PaymentView
from payments.providers.facts import ActionRequired, ChargeSucceeded, Fact, PaymentFailed


@dataclass(frozen=True)
class Step:
    """One step of a payment's history, not written yet."""

    seq: int
    from_status: Status
    to_status: Status
    occurred_at: dt.datetime
    cause: str


@dataclass
class LockedPayment:
    """A payment nobody else changes now; `audience` is buyer and seller of its order.

    Of one by bank also: its receipts, when it first expired or was canceled, of when the
    provider's word for its status is, and by when the provider took back what it told to be ours.
    """

    view: PaymentView
    provider: str
    provider_ref: str | None
    is_manual: bool
    audience: tuple[str, str]
    stage: Stage
    last_seq: int
    refunds: list[Refund]
    disputes: list[Dispute]
    receipts: list[BankReceipt] = field(default_factory=list)
    closed_at: dt.datetime | None = None
    provider_status_at: dt.datetime | None = None
    taken_back_at: dt.datetime | None = None
    steps: list[Step] = field(default_factory=list)
    is_changed: bool = False

    @property
    def is_charged(self) -> bool:
        """Whether its money was taken, whatever became of it since."""
        return self.view.status in CHARGED

    def copy(self) -> "LockedPayment":
        """Return the payment as it is now, untouched by what comes next."""
        return replace(
            self,
            refunds=list(self.refunds),
            disputes=list(self.disputes),
            receipts=list(self.receipts),
            steps=list(self.steps),
        )

    def is_named_by(self, fact: Fact) -> bool:
        """Whether everything the fact says about which payment it is agrees with this one."""
        refs_agree = None in (self.provider_ref, fact.provider_ref) or (
            self.provider_ref == fact.provider_ref
        )
        ids_agree = fact.payment_id in (None, self.view.id)
        return fact.provider == self.provider and refs_agree and ids_agree

    def is_moved_by(self, fact: Fact) -> bool:
        """Whether the fact leads on from where the payment stands."""
        return advance(self.stage, fact) is not self.stage

    def take(self, fact: Fact, *, cause: str, now: dt.datetime) -> bool:
        """Go where the fact leads; False when it changes nothing."""
        stage = advance(self.stage, fact)
        if stage is self.stage:
            return False
        self.stage = stage
        self.view = replace(
            self.view,
            failure=fact.failure if isinstance(fact, PaymentFailed) else None,
            asked_action=fact.next_action if isinstance(fact, ActionRequired) else None,
        )
        if isinstance(fact, ChargeSucceeded):
            self.view = replace(self.view, amount_captured=fact.amount)
        if stage.status in CLOSED and self.closed_at is None:
            self.closed_at = stage.since
        self._stand_at(stage.status, stage.since, cause=cause, now=now)
        return True

    def note_received(self, amount: int, *, now: dt.datetime) -> None:
        """Count minor units that arrived at our bank for it."""
        bank = self.view.bank
        if bank is not None:
            bank = replace(bank, received=bank.received + amount)
        self.view = replace(self.view, bank=bank, updated_at=now)
        self.is_changed = True

    def hear_status(self, fact: Fact, *, now: dt.datetime) -> bool:
        """Take over the provider's own word for where a payment by bank stands, if it is newer.

        Of two of the same moment the alphabet decides, so that the order told in does not.
        """
        bank, word = self.view.bank, fact.provider_status
        if bank is None or word is None or word == bank.provider_status:
            return False
        known = (self.provider_status_at, bank.provider_status)
        if None not in known and (fact.occurred_at, word) < known:
            return False
        self.view = replace(self.view, bank=replace(bank, provider_status=word), updated_at=now)
        self.provider_status_at = fact.occurred_at
        self.is_changed = True
        return True

    def reckon(self, *, occurred_at: dt.datetime, cause: str, now: dt.datetime) -> None:
        """Work out amounts and status anew from refunds and disputes, after one of them changed."""
        if not self.is_charged:
            self.is_changed = True  # it waits for its charge; the poll is to look for it
            return
        refunded = sum(
            refund.amount
            for refund in self.refunds
            if refund.booked == "refunded" and refund.receipt_id is None
        )
        self.view = replace(self.view, amount_refunded=refunded)
        status = status_after_charge(
            captured=self.view.amount_captured,
            refunded=refunded,
            disputed=any(dispute.booked in ("open", "lost") for dispute in self.disputes),
        )
        self._stand_at(status, occurred_at, cause=cause, now=now)

    def _stand_at(
        self, status: Status, occurred_at: dt.datetime, *, cause: str, now: dt.datetime
    ) -> None:
        self.is_changed = True
        if status is not self.view.status or not self.is_charged:
            self.last_seq += 1
            step = Step(self.last_seq, self.view.status, status, occurred_at, cause)
            self.steps.append(step)
        self.view = replace(self.view, status=status, updated_at=now)

"""Orders that were paid by card, and everything that is done with what is held for them."""

import datetime as dt
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, select

import ledger
from payments import invariants
from payments.access.caller import Caller, Role
from payments.database import in_transaction, transaction
from payments.delivery.tables import LiveEvent
from payments.freezes.freeze_releases import freeze_releases
from payments.freezes.lift_freeze import lift_freeze
from payments.freezes.tables import Freeze
from payments.idempotency import Answered
from payments.kyc import EVERYTHING_NEEDS_BASIC, KycThresholds
from payments.lifecycle.record_facts import SourcedFact, record_facts
from payments.lifecycle.tables import Payment
from payments.orders.view import OrderView
from payments.parties.set_kyc_level import set_kyc_level
from payments.providers.facts import (
    ChargeSucceeded,
    DisputeReported,
    DisputeStatus,
    Fact,
    RefundReported,
    RefundStatus,
)
from payments.releases.decide_release import approve_release, cancel_release
from payments.releases.request_release import NewRelease, request_release
from payments.releases.tables import Release
from payments.releases.view import ReleaseView
from tests.payments.shop import CIPHER, NOW, SERVICE, Shop, new_reference, open_shop

FINANCE = Caller(principal="key:finance", role=Role.FINANCE)
OPERATOR = Caller(principal="key:operator", role=Role.OPERATOR)
OTHER_OPERATOR = Caller(principal="key:other-operator", role=Role.OPERATOR)

NET = 10_000
"""An order is of 100.00 net: 119.00 with 19.00 tax, of which 5.00 are the platform's fee."""


class Till:
    """One buyer and one seller, whom we know."""

    def __init__(self, engine: Engine) -> None:
        self.shop: Shop = open_shop(engine)
        self.engine = engine
        self.payments: dict[str, Payment] = {}
        self.know("basic")

    @property
    def seller_id(self) -> str:
        return self.shop.seller_id

    def know(self, level: str) -> None:
        with transaction(self.engine) as session:
            set_kyc_level(session, party_id=self.seller_id, level=level, now=NOW, cipher=CIPHER)

    # ---- money that comes and goes ----------------------------------------------------------

    def paid(self, net: int = NET, **order: Any) -> OrderView:
        made = self.shop.order(net, **order)
        self.charge(made)
        return made

    def charge(self, order: OrderView) -> Payment:
        payment = self.shop.payment(order)
        self.payments.setdefault(order.id, payment)
        self.tell(ChargeSucceeded(**self.named(payment), amount=order.amount, currency="EUR"))
        return payment

    def payment_of(self, order: OrderView) -> Payment:
        """Return the payment that paid the order."""
        return self.payments[order.id]

    def refund(
        self, order: OrderView, amount: int, status: str = "succeeded", ref: str | None = None
    ) -> str:
        """Have the provider tell of a refund, and return its name of it."""
        ref = ref or f"re_{secrets.token_hex(4)}"
        self.tell(
            RefundReported(
                **self.named(self.payment_of(order)),
                refund_ref=ref,
                refund_id=None,
                amount=amount,
                currency="EUR",
                status=RefundStatus(status),
            )
        )
        return ref

    def dispute(
        self, order: OrderView, amount: int, status: str = "open", ref: str | None = None
    ) -> str:
        """Have the provider tell of a dispute, and return its name of it."""
        ref = ref or f"dp_{secrets.token_hex(4)}"
        self.tell(
            DisputeReported(
                **self.named(self.payment_of(order)),
                dispute_ref=ref,
                amount=amount,
                currency="EUR",
                status=DisputeStatus(status),
                reason="fraudulent",
            )
        )
        return ref

    def named(self, payment: Payment) -> dict[str, Any]:
        return {
            "provider": "stripe",
            "provider_ref": payment.provider_ref,
            "payment_id": payment.id,
            "occurred_at": NOW,
        }

    def tell(self, fact: Fact) -> None:
        facts = [SourcedFact(fact, "test")]
        [outcome] = in_transaction(
            self.engine, lambda session: record_facts(session, facts, now=NOW)
        )
        assert outcome.result == "applied", outcome

    # ---- releases ---------------------------------------------------------------------------

    def release(
        self,
        order: OrderView | None,
        amount: int | None = None,
        *,
        reference: str | None = None,
        caller: Caller = SERVICE,
        approval_above: Mapping[str, int] | None = None,
        kyc: KycThresholds = EVERYTHING_NEEDS_BASIC,
        **asked: Any,
    ) -> Answered[ReleaseView]:
        wanted = {"order_id": None if order is None else order.id, "amount": amount} | asked
        return request_release(
            self.engine,
            caller=caller,
            reference=reference or new_reference(),
            asked=NewRelease(**wanted),
            approval_above=approval_above or {},
            chains={},
            ports={},
            now=NOW,
            kyc=kyc,
        )

    def waiting(self, order: OrderView, amount: int | None = None) -> ReleaseView:
        """Return a release that waits for a second person."""
        return self.release(order, amount, approval_above={"EUR": 0}).resource

    def approve(
        self, release_id: str, *, caller: Caller = FINANCE, reference: str | None = None
    ) -> Answered[ReleaseView]:
        return approve_release(
            self.engine,
            caller=caller,
            reference=reference or new_reference(),
            release_id=release_id,
            chains={},
            ports={},
            now=NOW,
        )

    def cancel(self, release_id: str, *, reference: str | None = None) -> Answered[ReleaseView]:
        return cancel_release(
            self.engine,
            caller=SERVICE,
            reference=reference or new_reference(),
            release_id=release_id,
            reason="It came back.",
            chains={},
            now=NOW,
        )

    def releases(self, order: OrderView) -> Sequence[Release]:
        found = select(Release).filter_by(order_id=order.id).order_by(Release.id)
        with transaction(self.engine) as session:
            return session.scalars(found).all()

    # ---- freezes ----------------------------------------------------------------------------

    def freeze(
        self, order: OrderView | None = None, *, reference: str | None = None
    ) -> Answered[Freeze]:
        return freeze_releases(
            self.engine,
            caller=OPERATOR,
            reference=reference or new_reference(),
            reason="A key may have leaked.",
            order_id=None if order is None else order.id,
            now=NOW,
        )

    def lift(
        self,
        freeze_id: str | None,
        *,
        caller: Caller = OPERATOR,
        reference: str | None = None,
        now: dt.datetime = NOW,
    ) -> Answered[Freeze]:
        return in_transaction(
            self.engine,
            lambda session: lift_freeze(
                session,
                caller=caller,
                reference=reference or new_reference(),
                freeze_id=freeze_id,
                reason="It had not.",
                now=now,
            ),
        )

    def thaw(self, freeze_id: str) -> None:
        """Lift a freeze, as two people do."""
        self.lift(freeze_id)
        self.lift(freeze_id, caller=OTHER_OPERATOR)

    # ---- what is there ----------------------------------------------------------------------

    def held(self, order: OrderView) -> tuple[int, int]:
        """Return what is held for an order, and what of it is free."""
        account_id = self._account(f"liabilities:escrow:{order.id}")
        with self.engine.connect() as connection:
            free = ledger.available(connection, account_id)
            return -ledger.balance(connection, account_id), free or 0

    def owed(self) -> int:
        """Return what is owed to the seller."""
        return -self._balance(f"liabilities:seller:{self.seller_id}")

    def debt(self) -> int:
        """Return what the seller owes."""
        return self._balance(f"assets:debts:{self.seller_id}")

    def lines(self, effect_key: str) -> dict[str, int]:
        """Return what an entry moved, by account; nothing when there is none."""
        with self.engine.connect() as connection:
            found = ledger.entries_of_effects(connection, [effect_key])
        return {line.path: line.amount for entry in found for line in entry.lines}

    def told(self, release_id: str) -> list[dict[str, Any]]:
        """Return what the frontend was told of a release, oldest first."""
        found = select(LiveEvent).filter_by(topic="release.updated", subject_id=release_id)
        with transaction(self.engine) as session:
            rows = session.scalars(found.order_by(LiveEvent.id)).all()
        assert all(row.audience == [self.shop.buyer_id, self.seller_id] for row in rows)
        return [row.data for row in rows]

    def assert_sound(self) -> None:
        with self.engine.connect() as connection:
            assert ledger.broken_invariants(connection) == []
            assert invariants.broken_invariants(connection) == []

    def _balance(self, path: str) -> int:
        with self.engine.connect() as connection:
            found = ledger.find_account_ids(connection, [(path, "EUR")])
            account_id = found.get((path, "EUR"))
            return 0 if account_id is None else ledger.balance(connection, account_id)

    def _account(self, path: str) -> int:
        with self.engine.connect() as connection:
            return ledger.find_account_ids(connection, [(path, "EUR")])[path, "EUR"]

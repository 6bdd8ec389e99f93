"""Money of orders that was paid and released, sellers to pay it to, and the job that does."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import requests
from sqlalchemy import select

import ledger
from payments import invariants
from payments.access.caller import Caller, Role
from payments.accounting.releases import ReleaseBooking, book_release, hold_for_release
from payments.database import transaction
from payments.escrow import tables as escrow_tables
from payments.freezes.freeze_releases import freeze_releases
from payments.freezes.lift_freeze import lift_freeze
from payments.identifiers import new_id
from payments.intake.create_intent import create_intent
from payments.lifecycle.record_facts import SourcedFact, record_facts
from payments.lifecycle.tables import Payment
from payments.orders.tables import Order
from payments.orders.view import OrderView
from payments.payouts.ask_about_payouts import ask_about_payouts
from payments.payouts.destinations import Details, seal
from payments.payouts.pay_sellers import pay_sellers
from payments.payouts.queue_payout import queue_payout
from payments.payouts.read_payouts import PayoutView, read_payout
from payments.payouts.retry_payout import retry_payout
from payments.payouts.tables import PayoutAttempt, PayoutDestination, SellerPayout
from payments.providers.connect import Providers
from payments.providers.facts import ChargeSucceeded, MoneyReceived
from payments.releases.tables import Release
from tests.payments.bank_shop import bank_payment
from tests.payments.conftest import SECRET_KEY
from tests.payments.shop import CIPHER, SERVICE, Shop, new_reference

assert escrow_tables  # releases refer to escrows
FINANCE = Caller(principal="key:finance", role=Role.FINANCE)
IBAN = "DE89370400440532013000"


class Sellers:
    """One seller of one shop, and everything that is done about their money."""

    def __init__(self, shop: Shop, providers: Providers, stripe_url: str) -> None:
        self.shop = shop
        self.stripe_url = stripe_url
        self.engine = shop.engine
        self.providers = providers
        self.now = dt.datetime.now(dt.UTC)  # noqa: TID251 - the simulated providers have this clock

    def wait(self, **time: int) -> None:
        self.now += dt.timedelta(**time)

    def turn(self, path: str, **wanted: Any) -> None:
        """Turn a knob of the simulated Stripe."""
        answer = requests.post(
            f"{self.stripe_url}/_sandbox/{path}",
            json=wanted,
            headers={"Authorization": f"Bearer {SECRET_KEY}"},
            timeout=5,
        )
        assert answer.ok, answer.text

    # ---- money that was paid -----------------------------------------------------------------

    def paid_by_card(self, order: OrderView | None = None) -> Payment:
        """A payment that was charged, at Stripe and here."""
        order = order or self.shop.order()
        stripe = self.providers.stripe
        created = create_intent(
            self.engine,
            caller=SERVICE,
            reference=new_reference(),
            order_id=order.id,
            now=self.now,
            cipher=CIPHER,
            stripe=stripe,
        ).resource
        intent_id = created.client_secret.partition("_secret_")[0]
        stripe.v1.payment_intents.confirm(
            intent_id, {"payment_method": "pm_card_visa", "use_stripe_sdk": True}
        )
        self._tell(
            ChargeSucceeded(
                provider="stripe",
                provider_ref=intent_id,
                payment_id=created.payment.id,
                occurred_at=self.now,
                amount=order.amount,
                currency=order.currency,
            )
        )
        return self._payment(created.payment.id)

    def paid_by_bank(self, provider: str = "truelayer") -> Payment:
        """A bank payment whose money came, as told by its provider."""
        payment = bank_payment(self.shop, provider=provider)
        self._tell(
            MoneyReceived(
                provider=provider,
                provider_ref=payment.provider_ref,
                payment_id=payment.id,
                occurred_at=self.now,
                source=provider,
                receipt_ref=f"receipt of {payment.id}",
                amount=payment.amount,
                currency=payment.currency,
            )
        )
        return self._payment(payment.id)

    def _tell(self, fact: ChargeSucceeded | MoneyReceived) -> None:
        with transaction(self.engine) as session:
            [outcome] = record_facts(session, [SourcedFact(fact, "test")], now=self.now)
        assert outcome.result == "applied", outcome

    def _payment(self, payment_id: str) -> Payment:
        with transaction(self.engine) as session:
            return session.get_one(Payment, payment_id)

    # ---- what is owed to the seller ----------------------------------------------------------

    def destination(self, kind: str, *, currency: str | None = None, **details: str) -> str:
        """A destination of the seller's that is in force from now on."""
        row_id = new_id("dst", now=self.now)
        given = Details(**details)
        row = PayoutDestination(
            id=row_id,
            party_id=self.shop.seller_id,
            kind=kind,
            chain=None,
            currency=currency,
            destination_encrypted=seal(given, row_id=row_id, cipher=CIPHER),
            hint="ends in 3000",
            status="approved",
            active_from=self.now,
            proposed_by="key:shop",
            decided_by="key:finance",
            created_at=self.now,
            decided_at=self.now,
        )
        with transaction(self.engine) as session:
            session.add(row)
        return row_id

    def connected_account(self) -> str:
        """A connected account of the seller's, in force as their destination."""
        made = self.providers.stripe.v1.accounts.create({"type": "express", "country": "DE"})
        self.destination("stripe", account=made.id)
        return str(made.id)

    def bank_account(self, currency: str = "EUR") -> str:
        return self.destination("bank", currency=currency, iban=IBAN, holder="Sam Seller")

    def release(self, payment: Payment, amount: int | None = None) -> str:
        """Release all of a payment, or a part without fee and tax; the payout's id."""
        self.wait(seconds=1)  # of two payouts the later one is the newer one
        with transaction(self.engine) as session:
            order = session.get_one(Order, payment.order_id)
            whole = amount is None
            release = Release(
                id=new_id("rel", now=self.now),
                order_id=order.id,
                payment_id=payment.id,
                origin="api",
                seller_id=order.seller_id,
                amount=payment.amount if amount is None else amount,
                currency=payment.currency,
                platform_fee=order.platform_fee if whole else 0,
                tax=order.tax_amount if whole else 0,
                status="approved",
                needs_approval=False,
                requested_by="key:shop",
                created_at=self.now,
                updated_at=self.now,
            )
            booking = self._book(session.connection(), release)
            release.status, release.posted_at = "posted", self.now
            session.add(release)
            session.flush()
            return queue_payout(
                session,
                release_id=release.id,
                payment=payment,
                seller_id=release.seller_id,
                amount=booking.seller_amount,
                now=self.now,
            ).id

    def _book(self, connection: Any, release: Release) -> ReleaseBooking:
        release.hold_id = hold_for_release(
            connection,
            release_id=release.id,
            order_id=release.order_id,
            currency=release.currency,
            amount=release.amount,
            now=self.now,
        )
        booking = ReleaseBooking(
            id=release.id,
            payment_id=release.payment_id,
            order_id=release.order_id,
            seller_id=release.seller_id,
            currency=release.currency,
            amount=release.amount,
            platform_fee=release.platform_fee,
            tax=release.tax,
            set_off=0,
        )
        book_release(
            connection, booking, hold_id=release.hold_id, occurred_at=self.now, now=self.now
        )
        return booking

    # ---- payouts -----------------------------------------------------------------------------

    def pay(self) -> dict[str, int]:
        return pay_sellers(
            self.engine, providers=self.providers, cipher=CIPHER, now=self.now, limit=50
        )

    def look_again(self, payout_id: str) -> None:
        """Ask its provider about a payout, as when its money moved without our hearing of it."""
        payout = self.row(payout_id)
        with transaction(self.engine) as session:
            ask_about_payouts(
                session,
                payment_ids=[payout.payment_id],
                provider=payout.provider,
                now=self.now,
            )
        assert self.pay()["seen"] >= 1

    def freeze(self, order_id: str) -> str:
        return freeze_releases(
            self.engine,
            caller=FINANCE,
            reference=new_reference(),
            reason="a test",
            order_id=order_id,
            now=self.now,
        ).resource.id

    def lift(self, freeze_id: str) -> None:
        for principal in ("key:one", "key:other"):
            with transaction(self.engine) as session:
                lift_freeze(
                    session,
                    caller=Caller(principal=principal, role=Role.OPERATOR),
                    reference=new_reference(),
                    freeze_id=freeze_id,
                    reason="a test",
                    now=self.now,
                )

    def retry(self, payout_id: str, reference: str | None = None) -> PayoutView:
        with transaction(self.engine) as session:
            return retry_payout(
                session,
                caller=FINANCE,
                reference=reference or new_reference(),
                payout_id=payout_id,
                now=self.now,
            ).resource

    def read(self, payout_id: str) -> PayoutView:
        with transaction(self.engine) as session:
            return read_payout(session, caller=SERVICE, payout_id=payout_id)

    def standing(self, payout_id: str) -> tuple[str, str | None]:
        """Its status, and why it failed."""
        view = self.read(payout_id)
        return view.status, view.failure_code

    def row(self, payout_id: str) -> SellerPayout:
        with transaction(self.engine) as session:
            return session.get_one(SellerPayout, payout_id)

    def attempts(self, payout_id: str) -> Sequence[PayoutAttempt]:
        found = select(PayoutAttempt).filter_by(payout_id=payout_id).order_by(PayoutAttempt.number)
        with transaction(self.engine) as session:
            return session.scalars(found).all()

    def owed(self, currency: str = "EUR") -> tuple[int, int]:
        """What is owed to the seller, and what of it is free."""
        name = (f"liabilities:seller:{self.shop.seller_id}", currency)
        with self.engine.connect() as connection:
            account_id = ledger.find_account_ids(connection, [name])[name]
            free = ledger.available(connection, account_id)
            return -ledger.balance(connection, account_id), free or 0

    def lines(self, effect_key: str) -> dict[str, int]:
        """What an entry moved, by account; nothing when there is none."""
        with self.engine.connect() as connection:
            found = ledger.entries_of_effects(connection, [effect_key])
        return {
            line.path.replace(self.shop.seller_id, "SELLER"): line.amount
            for entry in found
            for line in entry.lines
        }

    def count_entries(self, kind: str, payout_id: str) -> int:
        with self.engine.connect() as connection:
            return int(
                connection.exec_driver_sql(
                    "SELECT count(*) FROM ledger.entries"
                    " WHERE kind = %s AND split_part(effect_key, ':', 1) = %s",
                    (kind, payout_id),
                ).scalar_one()
            )

    def assert_invariants(self) -> None:
        with self.engine.connect() as connection:
            assert ledger.broken_invariants(connection) == []
            assert invariants.broken_invariants(connection) == []

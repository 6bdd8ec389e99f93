"""A buyer, a seller and orders of their own for a test, made as the product makes them."""

import datetime as dt
import secrets
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Engine

from payments.access.caller import Caller, Role
from payments.database import transaction
from payments.identifiers import new_id
from payments.lifecycle.tables import Payment, PaymentEvent
from payments.orders.create_order import create_order
from payments.orders.totals import LineInput
from payments.orders.view import OrderView
from payments.parties.create_party import create_party
from payments.privacy.encryption import FieldCipher, new_keyset_json

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
KEYSET = new_keyset_json()
CIPHER = FieldCipher(KEYSET)
SERVICE = Caller(principal="key:shop", role=Role.SERVICE)


def new_reference() -> str:
    return secrets.token_hex(16)


def person(party_id: str, role: Role = Role.BUYER) -> Caller:
    return Caller(principal=f"party:{party_id}", role=role, party_id=party_id)


def new_party(engine: Engine, name: str = "Ada") -> str:
    with transaction(engine) as session:
        answered = create_party(
            session,
            caller=SERVICE,
            reference=new_reference(),
            name=name,
            email=f"{name.split(maxsplit=1)[0].lower()}@example.com",
            now=NOW,
            cipher=CIPHER,
        )
    return answered.resource.id


@dataclass(frozen=True)
class Shop:
    """One buyer and one seller."""

    engine: Engine
    buyer_id: str
    seller_id: str

    @property
    def buyer(self) -> Caller:
        return person(self.buyer_id)

    @property
    def seller(self) -> Caller:
        return person(self.seller_id, Role.SELLER)

    def order(self, net: int = 10_000, currency: str = "EUR", rate: str = "19") -> OrderView:
        with transaction(self.engine) as session:
            return create_order(
                session,
                caller=SERVICE,
                reference=new_reference(),
                buyer_id=self.buyer_id,
                seller_id=self.seller_id,
                currency=currency,
                lines=[LineInput("A print", 1, net, Decimal(rate))],
                platform_fee=net // 20,
                now=NOW,
            ).resource

    def payment(self, order: OrderView, *, known_to_stripe: bool = True) -> Payment:
        """Return a payment of the order as `create_intent` leaves it, without asking Stripe."""
        row = Payment(
            id=new_id("pay", now=NOW),
            order_id=order.id,
            rail="card",
            provider="stripe",
            provider_ref=f"pi_{secrets.token_hex(16)}" if known_to_stripe else None,
            capture="automatic",
            status="created",
            amount=order.amount,
            currency=order.currency,
            amount_refunded=0,
            created_at=NOW,
            updated_at=NOW,
        )
        created = PaymentEvent(
            payment_id=row.id,
            seq=1,
            to_status="created",
            cause="api:create",
            occurred_at=NOW,
            recorded_at=NOW,
        )
        with transaction(self.engine) as session:
            session.add(row)
            session.flush()
            session.add(created)
        return row


def open_shop(engine: Engine) -> Shop:
    return Shop(engine, new_party(engine, "Ada Buyer"), new_party(engine, "Sam Seller"))

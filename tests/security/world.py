"""A buyer and a seller with one of everything that belongs to somebody, and strangers to them."""

import datetime as dt
import secrets
from dataclasses import dataclass, field

from sqlalchemy import Engine, select

from payments.database import transaction
from payments.escrow.tables import Escrow
from payments.identifiers import new_id
from payments.lifecycle.tables import Payment, Refund
from payments.orders.view import OrderView
from payments.parties.set_kyc_level import set_kyc_level
from payments.providers.connect import Providers
from tests.payments.conftest import stripe_at
from tests.payments.invoices.desk import Desk
from tests.payments.payouts.sellers import Sellers
from tests.payments.shop import CIPHER, NOW, Shop, new_party

NOBODYS_STRIPE = "http://127.0.0.1:9"
ADDRESS = "0x52908400098527886E0F7030069857D2E4169EE7"
OTHER_ADDRESS = "0x8617E340B3D01FA5F11F306F4090FD50E238070D"


@dataclass
class World:
    """What two people have between them; `ids` names it by what it is."""

    engine: Engine
    desk: Desk = field(init=False)
    ids: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.desk = Desk(self.engine)
        self.know(self.shop.buyer_id, "basic")
        self._make_all()

    @property
    def shop(self) -> Shop:
        return self.desk.shop

    def know(self, party_id: str, level: str) -> None:
        with transaction(self.engine) as session:
            set_kyc_level(session, party_id=party_id, level=level, now=NOW, cipher=CIPHER)

    def id_of(self, kind: str, role: str) -> str:
        """Return the id of the caller's own; a party is whoever calls."""
        if kind == "party":
            return self.shop.seller_id if role == "seller" else self.shop.buyer_id
        if kind == "destination":
            return self.ids[f"{role} destination"]
        return self.ids[kind]

    def _make_all(self) -> None:
        order = self.desk.paid()
        self.desk.refund(order, 100)
        payment = self.desk.payment_of(order)
        with transaction(self.engine) as session:
            refund = session.scalars(select(Refund).filter_by(payment_id=payment.id)).one()
        self.desk.issue(order)
        [invoice] = self.desk.issued(order)
        self.desk.render(invoice.id)
        sellers = Sellers(self.shop, Providers(stripe_at(NOBODYS_STRIPE), banks={}), "")
        destination = sellers.bank_account()
        self.ids = {
            "order": order.id,
            "payment": payment.id,
            "refund": refund.id,
            "number": invoice.number,
            "release": self.desk.waiting(self.desk.paid()).id,
            "payout": sellers.release(sellers.paid_by_bank()),
            "seller destination": destination,
            "buyer destination": destination,
            "escrow": self._escrow(self.shop.order(currency="USDC")),
        }

    def _escrow(self, order: OrderView) -> str:
        """Write an escrow that waits for its deposit."""
        escrow_id = new_id("esc", now=NOW)
        payment = Payment(
            id=new_id("pay", now=NOW),
            order_id=order.id,
            rail="crypto",
            provider="evm",
            provider_ref=f"base:{secrets.token_hex(16)}",
            capture="automatic",
            status="requires_action",
            amount=order.amount,
            currency=order.currency,
            amount_refunded=0,
            escrow_id=escrow_id,
            created_at=NOW,
            updated_at=NOW,
        )
        escrow = Escrow(
            id=escrow_id,
            order_id=order.id,
            payment_id=payment.id,
            seller_id=order.seller_id,
            chain="base",
            asset=order.currency,
            contract_address=f"0x{secrets.token_hex(20)}",
            chain_reference=f"0x{secrets.token_hex(32)}",
            depositor=ADDRESS,
            beneficiary=OTHER_ADDRESS,
            operator=ADDRESS,
            arbiter=ADDRESS,
            guardian=ADDRESS,
            amount=order.amount,
            fund_by=NOW + dt.timedelta(hours=1),
            release_by=NOW + dt.timedelta(days=1),
            arbiter_by=NOW + dt.timedelta(days=2),
            status="awaiting_deposit",
            created_at=NOW,
            updated_at=NOW,
        )
        with transaction(self.engine) as session:
            session.add(payment)
            session.flush()
            session.add(escrow)
        return escrow_id


@dataclass(frozen=True)
class Strangers:
    """Another buyer and another seller, who have nothing to do with it."""

    buyer_id: str
    seller_id: str


def meet_strangers(engine: Engine) -> Strangers:
    return Strangers(new_party(engine, "Mallory Buyer"), new_party(engine, "Trent Seller"))

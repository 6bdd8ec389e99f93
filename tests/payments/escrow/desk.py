"""A shop whose buyer and seller have wallets on a local chain, and what moves an escrow along."""

import datetime as dt
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, select

from payments import invariants
from payments.access.caller import Caller, Role
from payments.chain.guarded_signer import GuardedSigner
from payments.chain.send import send
from payments.chain.sending import Sending
from payments.chain.tables import ChainIntent
from payments.chain_settings import ChainSettings
from payments.database import in_transaction, transaction
from payments.delivery.tables import LiveEvent
from payments.escrow.deploy_escrow import NewEscrow, deploy_escrow
from payments.escrow.read_escrow import read_escrow
from payments.escrow.terms import Windows
from payments.escrow.view import EscrowView
from payments.idempotency import Answered
from payments.intake.read_payment import read_payment
from payments.lifecycle.view import PaymentView, RefundView
from payments.orders.view import OrderView
from payments.parties.set_kyc_level import set_kyc_level
from payments.payouts.decide_destination import decide_destination
from payments.payouts.destination_input import DestinationInput
from payments.payouts.destination_view import DestinationView
from payments.payouts.propose_destination import propose_destination
from payments.providers.chain_port import ChainPort
from payments.providers.connect import Providers
from payments.providers.evm.adapter import EvmChain
from payments.refunds.read_refund import list_refunds
from payments.watching.watch_chain import Watch, watch_chain
from sandbox.chain.wallet import Wallet
from tests.chain import TestChain
from tests.payments.chain.world import WalletKey
from tests.payments.conftest import stripe_at
from tests.payments.shop import CIPHER, SERVICE, Shop, new_party, new_reference, open_shop

FINANCE = Caller(principal="key:finance", role=Role.FINANCE)
WINDOWS = Windows(
    fund=dt.timedelta(hours=72), release=dt.timedelta(days=30), arbiter=dt.timedelta(days=60)
)
NOBODY = "http://127.0.0.1:9"  # nothing listens there


@dataclass
class Desk:
    """One buyer and one seller, both known and with an address in force."""

    shop: Shop
    chain: TestChain
    settings: ChainSettings
    port: ChainPort = field(init=False)

    def __post_init__(self) -> None:
        self.port = EvmChain(self.settings)

    @property
    def engine(self) -> Engine:
        return self.shop.engine

    @property
    def chains(self) -> Mapping[str, ChainSettings]:
        return {self.settings.name: self.settings}

    @property
    def ports(self) -> Mapping[str, ChainPort]:
        return {self.settings.name: self.port}

    @property
    def providers(self) -> Providers:
        return Providers(stripe=stripe_at(NOBODY), banks={}, chains=self.ports)

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC)  # noqa: TID251 - blocks bear the real time

    # ---- parties ----------------------------------------------------------------------------

    def propose(self, party_id: str, **wanted: Any) -> DestinationView:
        with transaction(self.engine) as session:
            return propose_destination(
                session,
                caller=SERVICE,
                reference=new_reference(),
                party_id=party_id,
                wanted=DestinationInput(**wanted),
                chains=self.chains,
                now=self.now(),
                cipher=CIPHER,
            ).resource

    def decide(
        self,
        destination_id: str,
        *,
        decision: Any = "approve",
        caller: Caller = FINANCE,
        cooling: dt.timedelta = dt.timedelta(),
        now: dt.datetime | None = None,
        reference: str | None = None,
    ) -> Answered[DestinationView]:
        with transaction(self.engine) as session:
            return decide_destination(
                session,
                caller=caller,
                reference=reference or new_reference(),
                destination_id=destination_id,
                decision=decision,
                cooling=cooling,
                now=now or self.now(),
                cipher=CIPHER,
            )

    def give_address(self, party_id: str, wallet: Wallet) -> None:
        proposed = self.propose(
            party_id, kind="chain", chain=self.settings.name, address=wallet.address
        )
        self.decide(proposed.id)

    def know(self, party_id: str, level: str = "basic") -> None:
        with transaction(self.engine) as session:
            set_kyc_level(session, party_id=party_id, level=level, now=self.now(), cipher=CIPHER)

    def new_party(self, name: str) -> str:
        return new_party(self.engine, name)

    # ---- an escrow --------------------------------------------------------------------------

    def order(self, currency: str = "USDC") -> OrderView:
        return self.shop.order(currency=currency)

    def deploy(
        self,
        order: OrderView | None = None,
        *,
        caller: Caller = SERVICE,
        reference: str | None = None,
        chains: Mapping[str, ChainSettings] | None = None,
        ports: Mapping[str, ChainPort] | None = None,
        now: dt.datetime | None = None,
        **asked: Any,
    ) -> Answered[EscrowView]:
        order = order or self.order()
        return deploy_escrow(
            self.engine,
            caller=caller,
            reference=reference or new_reference(),
            asked=NewEscrow(**{"order_id": order.id, "asset": order.currency} | asked),
            windows=WINDOWS,
            chains=self.chains if chains is None else chains,
            ports=self.ports if ports is None else ports,
            now=now or self.now(),
            cipher=CIPHER,
        )

    def deployed(self, currency: str = "USDC") -> EscrowView:
        """Return an escrow whose contract is there."""
        escrow = self.deploy(self.order(currency)).resource
        self.go_on()
        return self.escrow(escrow.id)

    def funded(self, currency: str = "USDC") -> EscrowView:
        """Return an escrow that its buyer paid into, finally."""
        escrow = self.deployed(currency)
        self.pay(escrow)
        self.go_on()
        return self.escrow(escrow.id)

    def pay(self, escrow: EscrowView) -> None:
        """Have the buyer's wallet send what the escrow says."""
        calls = escrow.as_json()["deposit"]
        buyer = self.chain.buyer
        if calls["approve"] is not None:
            self.chain.send(buyer, calls["approve"]["to"], _bytes(calls["approve"]["data"]))
            self.chain.mine()
        value = int(calls["value"])
        self.chain.send(buyer, calls["to"], _bytes(calls["data"]), value=value)
        self.chain.mine()

    # ---- what others do meanwhile -------------------------------------------------------------

    def go_on(self, *, blocks: int = 3) -> None:
        """Send what is queued, and watch it become final."""
        self.send()
        self.chain.mine(blocks)
        self.watch()
        self.send()
        self.watch()

    def send(self) -> None:
        sending = Sending(
            engine=self.engine,
            chain=self.settings,
            port=self.port,
            signer=GuardedSigner(
                self.engine,
                WalletKey(self.chain.operator),
                chains=self.chains,
                ports=self.ports,
                clock=self.now,
            ),
            cipher=CIPHER,
            clock=self.now,
        )
        send(sending, until=self.now() + dt.timedelta(minutes=1))

    def watch(self) -> None:
        watch = Watch(
            engine=self.engine,
            settings=self.settings,
            port=self.port,
            chains=self.chains,
            clock=self.now,
        )
        while watch_chain(watch).get("more"):
            pass

    # ---- what is there ------------------------------------------------------------------------

    def escrow(self, escrow_id: str, *, caller: Caller = SERVICE) -> EscrowView:
        return in_transaction(
            self.engine,
            lambda session: read_escrow(
                session, caller=caller, escrow_id=escrow_id, chains=self.chains
            ),
        )

    def payment(self, escrow: EscrowView) -> PaymentView:
        payment_id = escrow.row.payment_id
        return in_transaction(
            self.engine,
            lambda session: read_payment(session, caller=SERVICE, payment_id=payment_id),
        )

    def refunds(self, escrow: EscrowView) -> list[RefundView]:
        payment_id = escrow.row.payment_id
        return in_transaction(
            self.engine,
            lambda session: list_refunds(session, caller=SERVICE, payment_id=payment_id),
        )

    def intent(self, subject_id: str, kind: str) -> ChainIntent:
        found = select(ChainIntent).filter_by(subject_id=subject_id, kind=kind)
        with transaction(self.engine) as session:
            return session.scalars(found).one()

    def told(self, topic: str, subject_id: str) -> list[dict[str, Any]]:
        """What the frontend was told of something, oldest first."""
        found = select(LiveEvent.data).filter_by(topic=topic, subject_id=subject_id)
        with transaction(self.engine) as session:
            return list(session.scalars(found.order_by(LiveEvent.id)))

    def assert_sound(self) -> None:
        with self.engine.connect() as connection:
            assert invariants.broken_invariants(connection) == []


def open_desk(engine: Engine, chain: TestChain) -> Desk:
    desk = Desk(open_shop(engine), chain, chain.settings())
    for party_id, wallet in (
        (desk.shop.buyer_id, chain.buyer),
        (desk.shop.seller_id, chain.seller),
    ):
        desk.know(party_id)
        desk.give_address(party_id, wallet)
    return desk


def wallet_of_nobody() -> Wallet:
    return Wallet.named(secrets.token_hex(16))


def _bytes(data: str) -> bytes:
    return bytes.fromhex(data.removeprefix("0x"))

"""A local chain with escrows of ours on it, watched step by step as a test wants."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import Engine, create_engine, select, text

import ledger
from payments.access.caller import Caller, Role
from payments.database import in_transaction, transaction
from payments.escrow.tables import Escrow, EscrowEffect
from payments.invariants import broken_invariants
from payments.lifecycle.tables import Payment, PaymentEvent, Refund
from payments.orders.tables import Order
from payments.parties.set_kyc_level import set_kyc_level
from payments.providers.chain_port import ChainPort
from payments.providers.connect import Providers
from payments.refunds.create_refund import create_refund
from payments.releases.request_release import NewRelease, request_release
from payments.releases.tables import Release
from payments.watching.watch_chain import Watch, watch_chain
from sandbox.chain.wallet import calldata
from tests.chain import USDC, TestChain
from tests.payments.chain.world import World
from tests.payments.shop import CIPHER, new_reference, open_shop

FINANCE = Caller(principal="party:finance", role=Role.FINANCE)
SUPPORT = Caller(principal="party:support", role=Role.SUPPORT)
MUCH = 10**30

_Row = TypeVar("_Row", Escrow, Payment, Order, Release, Refund)


@dataclass
class Stage(World):
    """One world; `send_*` are by the wallets themselves, past our sender."""

    def watch_with(self, port: ChainPort, **settings: Any) -> Mapping[str, int]:
        chosen = replace(self.settings, **settings)
        return watch_chain(
            Watch(
                engine=self.engine,
                settings=chosen,
                port=port,
                chains={chosen.name: chosen},
                clock=self.now,
            )
        )

    def watch(self) -> Mapping[str, int]:
        return self.watch_with(self.port)

    def mine_and_watch(self, blocks: int = 1) -> Mapping[str, int]:
        self.chain.mine(blocks)
        return self.watch()

    # ---- what happens on chain ---------------------------------------------------------------

    def new_escrow(self, amount: int = 100 * USDC, **changed: Any) -> Escrow:
        escrow = super().new_escrow(amount, **changed)
        with transaction(self.engine) as session:
            session.add(
                PaymentEvent(
                    payment_id=escrow.payment_id,
                    seq=1,
                    to_status="created",
                    cause="api:create",
                    occurred_at=escrow.created_at,
                    recorded_at=escrow.created_at,
                )
            )
        return escrow

    def create(self, escrow: Escrow) -> str:
        """Have the operator send what its queued intent says; return the hash."""
        intent = self.intent(escrow.id)
        return self.chain.send(self.chain.operator, intent.to_address, intent.calldata)

    def deployed(self, amount: int = 100 * USDC) -> Escrow:
        escrow = self.new_escrow(amount)
        self.create(escrow)
        self.chain.mine()
        return escrow

    def deposit(self, escrow: Escrow) -> str:
        """Have the deposit wait for a block; return its hash."""
        return self.chain.deposit(self.chain.buyer, escrow.contract_address, escrow.amount)

    def funded(self, amount: int = 100 * USDC) -> Escrow:
        """Return an escrow whose deposit is final and booked."""
        escrow = self.deployed(amount)
        self.deposit(escrow)
        self.mine_and_watch(3)
        assert self.escrow(escrow).status == "funded"
        return escrow

    def funded_by_sender(self) -> Escrow:
        """Return a funded escrow that our own sender deployed."""
        escrow = self.new_escrow()
        self.send_until_final()
        self.deposit(escrow)
        self.mine_and_watch(3)
        assert self.escrow(escrow).status == "funded"
        return escrow

    def send_operation(
        self, wallet: Any, escrow: Escrow, what: str, operation_id: str, amount: int
    ) -> str:
        call = calldata(f"{what}(bytes32,uint256)", bytes.fromhex(operation_id[2:]), amount)
        return self.chain.send(wallet, escrow.contract_address, call)

    def send_call(self, wallet: Any, escrow: Escrow, signature: str) -> str:
        return self.chain.send(wallet, escrow.contract_address, calldata(signature))

    def carry_out(self, operation: Release | Refund) -> str:
        """Have the operator send a release or refund that was asked for; return the hash."""
        intent = self.intent(operation.id)
        return self.chain.send(self.chain.operator, intent.to_address, intent.calldata)

    # ---- what is asked of us -----------------------------------------------------------------

    def ask_release(self, escrow: Escrow, amount: int) -> Release:
        answered = request_release(
            self.engine,
            caller=FINANCE,
            reference=new_reference(),
            asked=NewRelease(escrow_id=escrow.id, amount=amount),
            approval_above={"USDC": MUCH},
            chains={self.settings.name: self.settings},
            ports={self.settings.name: self.port},
            now=self.now(),
        )
        return self.read(Release, answered.resource.id)

    def ask_refund(self, escrow: Escrow, amount: int) -> Refund:
        providers: Any = Providers(
            stripe=None,  # type: ignore[arg-type] # no card here
            banks={},
            chains={self.settings.name: self.port},
        )
        answered = create_refund(
            self.engine,
            caller=SUPPORT,
            reference=new_reference(),
            payment_id=escrow.payment_id,
            amount=amount,
            reason=None,
            now=self.now(),
            providers=providers,
        )
        return self.read(Refund, answered.resource.id)

    # ---- what came of it ---------------------------------------------------------------------

    def read(self, table: type[_Row], row_id: str) -> _Row:
        with transaction(self.engine) as session:
            return session.get_one(table, row_id)

    def escrow(self, escrow: Escrow) -> Escrow:
        return self.read(Escrow, escrow.id)

    def payment(self, escrow: Escrow) -> Payment:
        return self.read(Payment, escrow.payment_id)

    def order_status(self, escrow: Escrow) -> str:
        return self.read(Order, escrow.order_id).status

    def history(self, escrow: Escrow) -> list[str]:
        wanted = select(PaymentEvent.to_status).filter_by(payment_id=escrow.payment_id)
        with transaction(self.engine) as session:
            return list(session.scalars(wanted.order_by(PaymentEvent.seq)))

    def effects(self, escrow: Escrow) -> dict[str, EscrowEffect]:
        wanted = select(EscrowEffect).filter_by(escrow_id=escrow.id)
        with transaction(self.engine) as session:
            return {row.key: row for row in session.scalars(wanted)}

    def releases(self, escrow: Escrow) -> list[Release]:
        wanted = select(Release).filter_by(escrow_id=escrow.id).order_by(Release.id)
        with transaction(self.engine) as session:
            return list(session.scalars(wanted))

    def refunds(self, escrow: Escrow) -> list[Refund]:
        wanted = select(Refund).filter_by(payment_id=escrow.payment_id).order_by(Refund.id)
        with transaction(self.engine) as session:
            return list(session.scalars(wanted))

    def held(self, escrow: Escrow) -> tuple[int, int]:
        """Return what the ledger holds for the order, and what of it is reserved for nothing."""
        path = f"liabilities:escrow:{escrow.order_id}"
        with self.engine.connect() as connection:
            found = ledger.find_account_ids(connection, [(path, escrow.asset)])
            if not found:
                return 0, 0
            account = found[path, escrow.asset]
            return -ledger.balance(connection, account), ledger.available(connection, account) or 0

    def in_contract(self, escrow: Escrow) -> int:
        """Return what the ledger says lies in the escrow's contract."""
        path = f"assets:chain:{escrow.chain}:escrow:{escrow.contract_address}"
        with self.engine.connect() as connection:
            found = ledger.find_account_ids(connection, [(path, escrow.asset)])
            return ledger.balance(connection, found[path, escrow.asset]) if found else 0

    def spent_on_gas(self) -> int:
        path = f"expenses:processing:{self.settings.name}"
        with self.engine.connect() as connection:
            found = ledger.find_account_ids(connection, [(path, "ETH")])
            return ledger.balance(connection, found[path, "ETH"])

    def entries(self, key: str) -> list[str]:
        """Return the keys of the entries that begin with `key`, oldest first."""
        query = text(
            "SELECT effect_key FROM ledger.entries WHERE starts_with(effect_key, :key) ORDER BY id"
        )
        with self.engine.connect() as connection:
            return list(connection.execute(query, {"key": key}).scalars())

    def broken(self) -> list[str]:
        """Return the names of all truths that do not hold, the ledger's own ones too."""
        owner = create_engine(self.engine.url)
        with owner.connect() as connection:
            faults = [*ledger.broken_invariants(connection), *broken_invariants(connection)]
        owner.dispose()
        return [f"{fault.name}: {fault.rows}" for fault in faults]


def open_stage(engine: Engine, chain: TestChain, **changed: Any) -> Stage:
    """Return a stage on a chain; the cursor starts at the chain's head."""
    shop = open_shop(engine)
    told = {"start_block": chain.head.number + 1, **changed}
    stage = Stage(engine, chain, chain.settings(**told), shop)
    for party_id in (shop.buyer_id, shop.seller_id):
        in_transaction(
            engine,
            lambda session, party_id=party_id: set_kyc_level(  # type: ignore[misc] # bound at once
                session, party_id=party_id, level="basic", now=stage.now(), cipher=CIPHER
            ),
        )
    return stage

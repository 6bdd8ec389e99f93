"""A local chain, escrows on it, and a sender whose clock and signer a test has in its hands."""

import datetime as dt
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_utils.crypto import keccak
from sqlalchemy import Engine, select, text

from payments.access.caller import Caller, Role
from payments.chain import intents
from payments.chain.guarded_signer import GuardedSigner
from payments.chain.send import send
from payments.chain.sending import Sending
from payments.chain.signers import list_signers
from payments.chain.tables import ChainAttempt, ChainIntent, ChainSigner
from payments.chain_settings import ChainSettings
from payments.database import transaction
from payments.escrow.tables import Escrow
from payments.freezes.freeze_releases import freeze_releases
from payments.freezes.lift_freeze import lift_freeze
from payments.identifiers import new_id
from payments.lifecycle.tables import Payment, Refund
from payments.providers.chain_port import (
    ChainPort,
    Fees,
    KeystorePort,
    Signed,
    SignerPort,
    Terms,
    Unsigned,
)
from payments.providers.evm.adapter import EvmChain
from payments.providers.evm.addresses import keccak_of
from payments.releases.tables import Release
from sandbox.chain.wallet import Wallet
from tests.chain import USDC, TestChain
from tests.payments.shop import CIPHER, Shop, new_reference, open_shop

_ONE = Caller(principal="key:one", role=Role.OPERATOR)
_OTHER = Caller(principal="key:two", role=Role.OPERATOR)


@dataclass(frozen=True)
class WalletKey:
    """The operator's key, without any keystore file."""

    wallet: Wallet

    def addresses(self) -> Collection[str]:
        return [self.wallet.address]

    def sign(self, unsigned: Unsigned) -> Signed:
        signed = Account.sign_transaction(
            {
                "type": 2,
                "chainId": unsigned.chain_id,
                "nonce": unsigned.nonce,
                "gas": unsigned.gas_limit,
                "maxFeePerGas": unsigned.fees.max_fee,
                "maxPriorityFeePerGas": unsigned.fees.priority_fee,
                "to": unsigned.to,
                "data": unsigned.calldata,
                "value": unsigned.value,
            },
            self.wallet.key,
        )
        raw = bytes(signed.raw_transaction)
        return Signed(raw, f"0x{keccak(raw).hex()}")


@dataclass
class DisturbedSigner:
    """A signer around which something happens, each time it signs."""

    inner: SignerPort
    before: Callable[[], object] = lambda: None
    after: Callable[[], object] = lambda: None
    signed: list[Signed] = field(default_factory=list)

    def addresses(self) -> Collection[str]:
        return self.inner.addresses()

    def sign(self, intent_id: str, *, fees: Fees) -> Signed:
        self.before()
        self.signed.append(self.inner.sign(intent_id, fees=fees))
        self.after()
        return self.signed[-1]


@dataclass
class World:
    engine: Engine
    chain: TestChain
    settings: ChainSettings
    shop: Shop
    ahead: dt.timedelta = dt.timedelta()
    until_ahead: dt.timedelta = dt.timedelta(minutes=5)
    port: ChainPort = field(init=False)
    key: KeystorePort = field(init=False)

    def __post_init__(self) -> None:
        self.port = EvmChain(self.settings)
        self.key = WalletKey(self.chain.operator)

    # ---- time -------------------------------------------------------------------------------

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC) + self.ahead  # noqa: TID251 - blocks bear the real time

    def later(self, seconds: float) -> None:
        self.ahead += dt.timedelta(seconds=seconds)

    # ---- sending ----------------------------------------------------------------------------

    def with_settings(self, **changed: Any) -> "World":
        return replace(self, settings=self.chain.settings(**changed))

    def signer(self) -> GuardedSigner:
        return GuardedSigner(
            self.engine,
            self.key,
            chains={self.settings.name: self.settings},
            ports={self.settings.name: self.port},
            clock=self.now,
        )

    def sending(
        self, *, signer: SignerPort | None = None, port: ChainPort | None = None
    ) -> Sending:
        return Sending(
            engine=self.engine,
            chain=self.settings,
            port=port or self.port,
            signer=signer or self.signer(),
            cipher=CIPHER,
            clock=self.now,
        )

    def send(self, **parts: Any) -> Mapping[str, int]:
        return send(self.sending(**parts), until=self.now() + self.until_ahead)

    def send_until_final(self, *, mine: int = 4) -> None:
        """Send, and have everything that was sent become final."""
        for _ in range(2):
            self.send()
            self.chain.mine(mine)
        self.send()
        self.send()

    # ---- what is to be sent -----------------------------------------------------------------

    def new_escrow(self, amount: int = 100 * USDC, **changed: Any) -> Escrow:
        """Write an escrow as the product does, and queue its deployment."""
        order = self.shop.order(net=amount, currency="USDC", rate="0")
        now = self.now()
        escrow_id = new_id("esc", now=now)
        fund_by = (now + dt.timedelta(hours=1)).replace(microsecond=0)
        terms = Terms(
            reference=keccak_of(escrow_id),
            depositor=self.chain.buyer.address,
            beneficiary=self.chain.seller.address,
            operator=self.settings.operator,
            arbiter=self.settings.arbiter,
            guardian=self.settings.guardian,
            token=self.settings.token_of("USDC"),
            amount=order.amount,
            fund_by=int(fund_by.timestamp()),
            release_by=int(fund_by.timestamp()) + 86_400,
            arbiter_by=int(fund_by.timestamp()) + 2 * 86_400,
        )
        contract = self.port.predict_address(terms)
        payment = Payment(
            id=new_id("pay", now=now),
            order_id=order.id,
            rail="crypto",
            provider="evm",
            provider_ref=f"{self.settings.name}:{contract}",
            capture="automatic",
            status="created",
            amount=order.amount,
            currency="USDC",
            escrow_id=escrow_id,
            amount_refunded=0,
            created_at=now,
            updated_at=now,
        )
        escrow = Escrow(
            id=escrow_id,
            order_id=order.id,
            payment_id=payment.id,
            seller_id=self.shop.seller_id,
            chain=self.settings.name,
            asset="USDC",
            token_address=terms.token,
            contract_address=contract,
            chain_reference=terms.reference,
            depositor=terms.depositor,
            beneficiary=terms.beneficiary,
            operator=terms.operator,
            arbiter=terms.arbiter,
            guardian=terms.guardian,
            amount=terms.amount,
            fund_by=fund_by,
            release_by=fund_by + dt.timedelta(days=1),
            arbiter_by=fund_by + dt.timedelta(days=2),
            status="deploying",
            created_at=now,
            updated_at=now,
            **changed,
        )
        with transaction(self.engine) as session:
            session.add(payment)
            session.flush()
            session.add(escrow)
            session.flush()
            self._queue(
                session, "deploy", escrow.id, self.settings.factory, self.port.encode_create(terms)
            )
        return escrow

    def funded_escrow(self, amount: int = 100 * USDC) -> Escrow:
        """Have an escrow deployed, funded on chain, and known to be."""
        escrow = self.new_escrow(amount)
        self.send()
        self.chain.mine()
        self.chain.deposit(self.chain.buyer, escrow.contract_address, escrow.amount)
        self.chain.mine(4)
        self.send()
        self.send()
        self.set("escrows", escrow.id, status="funded", amount_deposited=escrow.amount)
        return escrow

    def release(self, escrow: Escrow, amount: int | None = None, **changed: Any) -> str:
        """Write an approved release, queue its intent, and return the release's id."""
        now = self.now()
        release_id = new_id("rel", now=now)
        row: dict[str, Any] = {
            "id": release_id,
            "order_id": escrow.order_id,
            "payment_id": escrow.payment_id,
            "escrow_id": escrow.id,
            "operation_id": keccak_of(release_id),
            "origin": "api",
            "seller_id": escrow.seller_id,
            "amount": amount or escrow.amount,
            "currency": escrow.asset,
            "platform_fee": 0,
            "tax": 0,
            "status": "approved",
            "needs_approval": False,
            "requested_by": "key:ops",
            "created_at": now,
            "updated_at": now,
        }
        release = Release(**row | changed)
        call = self.port.encode_release(release.operation_id or "", release.amount)
        with transaction(self.engine) as session:
            session.add(release)
            session.flush()
            self._queue(
                session,
                "release",
                release.id,
                escrow.contract_address,
                call,
                asset=escrow.asset,
                amount=release.amount,
            )
        return release_id

    def refund(self, escrow: Escrow, amount: int | None = None) -> str:
        """Write a pending refund, queue its intent, and return the refund's id."""
        now = self.now()
        refund_id = new_id("rfd", now=now)
        refund = Refund(
            id=refund_id,
            payment_id=escrow.payment_id,
            provider="evm",
            provider_ref=keccak_of(refund_id),
            origin="api",
            amount=amount or escrow.amount,
            currency=escrow.asset,
            status="pending",
            occurred_at=now,
            created_at=now,
            updated_at=now,
        )
        call = self.port.encode_refund(keccak_of(refund_id), refund.amount)
        with transaction(self.engine) as session:
            session.add(refund)
            session.flush()
            self._queue(
                session,
                "refund",
                refund.id,
                escrow.contract_address,
                call,
                asset=escrow.asset,
                amount=refund.amount,
            )
        return refund_id

    def _queue(
        self,
        session: Any,
        kind: intents.Kind,
        subject_id: str,
        to: str,
        calldata: bytes,
        *,
        asset: str | None = None,
        amount: int = 0,
    ) -> None:
        intents.queue(
            session,
            chain=self.settings.name,
            signer=self.settings.operator,
            kind=kind,
            subject_id=subject_id,
            to=to,
            calldata=calldata,
            asset=asset,
            amount=amount,
            now=self.now(),
        )

    # ---- what came of it --------------------------------------------------------------------

    def intent(self, subject_id: str) -> ChainIntent:
        with transaction(self.engine) as session:
            return session.scalars(
                select(ChainIntent).where(ChainIntent.subject_id == subject_id)
            ).one()

    def intents(self) -> list[ChainIntent]:
        with transaction(self.engine) as session:
            return list(session.scalars(select(ChainIntent).order_by(ChainIntent.nonce)))

    def attempts(self, subject_id: str) -> list[ChainAttempt]:
        wanted = select(ChainAttempt).where(ChainAttempt.intent_id == self.intent(subject_id).id)
        with transaction(self.engine) as session:
            return list(session.scalars(wanted.order_by(ChainAttempt.signed_at)))

    def row(self) -> ChainSigner:
        with transaction(self.engine) as session:
            return list_signers(session)[0]

    def remaining(self, escrow: Escrow) -> int:
        return self.port.escrow_state(escrow.contract_address).remaining

    def set(self, table: str, row_id: str, **values: Any) -> None:
        """Change a row as another part of the product would have."""
        columns = ", ".join(f"{name} = :{name}" for name in values)
        with transaction(self.engine) as session:
            session.execute(
                text(f"UPDATE strongroom.{table} SET {columns} WHERE id = :id"),
                values | {"id": row_id},
            )

    def freeze(self, order_id: str | None = None) -> Callable[[], None]:
        """Freeze everything or one order; return what lifts it, by two people."""
        frozen = freeze_releases(
            self.engine,
            caller=_ONE,
            reference=new_reference(),
            reason="a test",
            order_id=order_id,
            now=self.now(),
        )

        def lift() -> None:
            for caller in (_ONE, _OTHER):
                with transaction(self.engine) as session:
                    lift_freeze(
                        session,
                        caller=caller,
                        reference=new_reference(),
                        freeze_id=frozen.resource.id,
                        reason="over",
                        now=self.now(),
                    )

        return lift


def chains_json(settings: ChainSettings) -> str:
    """Return what CHAINS says of a chain."""
    fees = settings.fees
    told = {
        "chain_id": settings.chain_id,
        "rpc_urls": settings.rpc_urls,
        "native_asset": settings.native_asset,
        "factory": settings.factory,
        "operator": settings.operator,
        "arbiter": settings.arbiter,
        "guardian": settings.guardian,
        "tokens": {asset: token.address for asset, token in settings.tokens.items()},
        "confirmations": settings.confirmations,
        "max_fee_gwei": str(fees.max_fee_gwei),
        "max_priority_fee_gwei": str(fees.max_priority_fee_gwei),
        "bump_after_s": fees.bump_after_s,
        "limits": {
            asset: {"transaction": str(limits.transaction), "day": str(limits.day)}
            for asset, limits in settings.limits.items()
        },
    }
    return json.dumps({settings.name: told})


def keystore(folder: Path, wallet: Wallet) -> str:
    """Write a wallet's key as an encrypted file, its password beside it, and return its path."""
    (folder / "password").write_text("a password")
    file = folder / f"{wallet.address}.json"
    file.write_text(json.dumps(Account.encrypt(wallet.key, "a password", iterations=2)))
    return str(file)


def open_world(engine: Engine, chain: TestChain, **changed: Any) -> World:
    return World(engine, chain, chain.settings(**changed), open_shop(engine))

"""Starts an order's payment on chain: payment, escrow and the intent to deploy its contract.

All of it is one transaction: the contract's address follows from its terms, so that no node is
asked, and deploying is for whoever sends what is queued.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.chain import intents
from payments.chain_settings import ChainSettings
from payments.crash_points import reach
from payments.database import in_transaction
from payments.delivery.live_events import announce
from payments.escrow.announce import announce_escrow
from payments.escrow.deployable import (
    addresses_of,
    prepare_chain,
    refuse_other_asset,
    refuse_other_escrow,
    require_kyc,
)
from payments.escrow.tables import Escrow
from payments.escrow.terms import Windows, choose_chain, choose_deadlines, make_terms
from payments.escrow.view import EscrowView, view_escrow
from payments.idempotency import Answered
from payments.identifiers import new_id
from payments.intake.payable_order import PayableOrder, lock_payable_order, supersede_others
from payments.kyc import EVERYTHING_NEEDS_BASIC, KycThresholds
from payments.lifecycle.stages import Status
from payments.lifecycle.tables import Payment, PaymentEvent
from payments.lifecycle.view import rfc_3339, view_payment
from payments.privacy.encryption import FieldCipher
from payments.providers.chain_port import ChainPort, Terms
from payments.providers.evm.addresses import checksum

OPERATION = "escrow.deploy"
PROVIDER = "evm"
CAUSE = "api:create"


@dataclass(frozen=True, kw_only=True)
class NewEscrow:
    """What is asked for; without a chain it is the one that holds the asset."""

    order_id: str
    asset: str
    chain: str | None = None
    fund_by: dt.datetime | None = None
    release_by: dt.datetime | None = None

    def content(self) -> dict[str, str | None]:
        """Return it for the reference's fingerprint."""
        moments = {"fund_by": self.fund_by, "release_by": self.release_by}
        shown = {name: moment and rfc_3339(moment) for name, moment in moments.items()}
        return {**asdict(self), **shown}


def deploy_escrow(
    engine: Engine,
    *,
    caller: Caller,
    reference: str,
    asked: NewEscrow,
    windows: Windows,
    chains: Mapping[str, ChainSettings],
    ports: Mapping[str, ChainPort],
    now: dt.datetime,
    cipher: FieldCipher,
    kyc: KycThresholds = EVERYTHING_NEEDS_BASIC,
) -> Answered[EscrowView]:
    """Have a contract deployed that holds the order's whole amount, once per reference.

    Raises:
        InvalidRequestError: a deadline or the chain is not valid, or the reference malformed.
        NotFoundError: there is no such order, or it is not the caller's.
        ForbiddenError: the caller is the seller, or somebody's KYC level is too low.
        ConflictError: see `lock_payable_order`, `choose_chain`, `make_terms`, and deployable.py.
        InProgressError, ReferenceReusedError: see `idempotency.claim`.
        UnavailableError: the chain's factory could not be seen to be ours; once in the life of a
            process it is asked for.
    """
    trouble = prepare_chain(chains, ports, chain=asked.chain, asset=asked.asset)

    def deploy(session: Session) -> Answered[EscrowView]:
        escrow_id = new_id("esc", now=now)
        claim = idempotency.claim(
            session,
            principal=caller.principal,
            operation=OPERATION,
            reference=reference,
            fingerprint=idempotency.fingerprint(asked.content()),
            resource_id=escrow_id,
            now=now,
        )
        if claim.replayed_id is not None:
            row = session.get_one(Escrow, claim.replayed_id)
            return Answered(view_escrow(session, row, chains=chains), replayed=True)
        order = lock_payable_order(session, caller=caller, order_id=asked.order_id, currencies=None)
        refuse_other_escrow(session, order)
        refuse_other_asset(order, asked.asset)
        chain = choose_chain(chains, chain=asked.chain, asset=asked.asset)
        deadlines = choose_deadlines(
            windows, fund_by=asked.fund_by, release_by=asked.release_by, now=now
        )
        require_kyc(session, order, thresholds=kyc)
        depositor, beneficiary = addresses_of(session, order, chain.name, cipher=cipher, now=now)
        terms = make_terms(
            chain,
            escrow_id=escrow_id,
            depositor=depositor,
            beneficiary=beneficiary,
            asset=asked.asset,
            amount=order.amount,
            deadlines=deadlines,
        )
        if trouble is not None:
            raise trouble
        row = _write(session, escrow_id, order, chain, terms, port=ports[chain.name], now=now)
        idempotency.finish(session, claim, now=now)
        return Answered(announce_escrow(session, row, chains=chains, now=now), replayed=False)

    answered = in_transaction(engine, deploy)
    reach("deploy_escrow.committed")
    return answered


# ---- writing it ----------------------------------------------------------------------------


def _write(
    session: Session,
    escrow_id: str,
    order: PayableOrder,
    chain: ChainSettings,
    terms: Terms,
    *,
    port: ChainPort,
    now: dt.datetime,
) -> Escrow:
    contract = checksum(port.predict_address(terms))
    payment = _write_payment(
        session, escrow_id, order, provider_ref=f"{chain.name}:{contract}", now=now
    )
    row = Escrow(
        id=escrow_id,
        order_id=order.id,
        payment_id=payment.id,
        seller_id=order.seller_id,
        chain=chain.name,
        asset=order.currency,
        token_address=terms.token,
        contract_address=contract,
        chain_reference=terms.reference,
        depositor=terms.depositor,
        beneficiary=terms.beneficiary,
        operator=terms.operator,
        arbiter=terms.arbiter,
        guardian=terms.guardian,
        amount=terms.amount,
        fund_by=dt.datetime.fromtimestamp(terms.fund_by, dt.UTC),
        release_by=dt.datetime.fromtimestamp(terms.release_by, dt.UTC),
        arbiter_by=dt.datetime.fromtimestamp(terms.arbiter_by, dt.UTC),
        status="deploying",
        is_paused=False,
        amount_deposited=0,
        amount_released=0,
        amount_refunded=0,
        amount_stray=0,
        created_at=now,
        updated_at=now,
    )
    session.add(row)
    session.flush()
    intents.queue(
        session,
        chain=chain.name,
        signer=terms.operator,
        kind="deploy",
        subject_id=escrow_id,
        to=checksum(chain.factory),
        calldata=port.encode_create(terms),
        asset=None,
        amount=0,
        now=now,
    )
    return row


def _write_payment(
    session: Session, escrow_id: str, order: PayableOrder, *, provider_ref: str, now: dt.datetime
) -> Payment:
    """Write the payment that the escrow is, tell the frontend, and have older ones give way."""
    row = Payment(
        id=new_id("pay", now=now),
        order_id=order.id,
        rail="crypto",
        provider=PROVIDER,
        provider_ref=provider_ref,
        capture="automatic",
        status=Status.CREATED.value,
        amount=order.amount,
        currency=order.currency,
        amount_captured=0,
        amount_refunded=0,
        escrow_id=escrow_id,
        amount_received=0,
        polls=0,
        created_at=now,
        updated_at=now,
    )
    session.add(row)
    session.flush()
    first = PaymentEvent(
        payment_id=row.id,
        seq=1,
        to_status=row.status,
        cause=CAUSE,
        occurred_at=now,
        recorded_at=now,
    )
    session.add(first)
    supersede_others(session, order_id=order.id, payment_id=row.id, now=now)
    announce(
        session,
        topic="payment.updated",
        subject_id=row.id,
        audience=(order.buyer_id, order.seller_id),
        data=view_payment(row).as_event(),
        now=now,
    )
    return row

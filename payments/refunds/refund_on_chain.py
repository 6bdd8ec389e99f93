"""Has an escrow's contract pay its depositor back: money held and intent queued at once.

What becomes of it is told by the chain; see payments/watching.
"""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.chain import intents
from payments.errors import ConflictError
from payments.escrow.ports import chain_port
from payments.escrow.tables import Escrow
from payments.lifecycle.tables import Payment, Refund
from payments.providers.connect import Providers
from payments.providers.evm.addresses import keccak_of


def lock_escrow(session: Session, payment: Payment) -> Escrow:
    """Lock the escrow of a payment on chain; the payment and its order are locked.

    Raises:
        ConflictError: the contract would not pay back at our word: it is disputed
            (`payment_disputed`), or not funded (`payment_not_refundable`).
    """
    found = select(Escrow).filter_by(payment_id=payment.id)
    row = session.scalars(found.with_for_update(key_share=True)).one()
    if row.status == "disputed":
        raise ConflictError(
            "This escrow is disputed: its arbiter decides, or its seller gives in.",
            code="payment_disputed",
        )
    if row.status != "funded":
        raise ConflictError(
            f"The escrow is {row.status}; only what is funded can be refunded.",
            code="payment_not_refundable",
        )
    return row


def queue_refund(
    session: Session, refund: Refund, escrow: Escrow, *, now: dt.datetime, providers: Providers
) -> None:
    """Queue the refund of an escrow; its money is held already.

    Raises:
        OutcomeUnknownError: the escrow's chain is not set up here any more.
    """
    operation_id = keccak_of(refund.id)
    refund.provider_ref = operation_id
    port = chain_port(providers.chains, escrow.chain)
    intents.queue(
        session,
        chain=escrow.chain,
        signer=escrow.operator,
        kind="refund",
        subject_id=refund.id,
        to=escrow.contract_address,
        calldata=port.encode_refund(operation_id, refund.amount),
        asset=escrow.asset,
        amount=refund.amount,
        now=now,
    )

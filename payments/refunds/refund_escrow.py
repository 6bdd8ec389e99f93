"""Gives money of an escrow back to its buyer: the refund of the payment that it is."""

import datetime as dt

from sqlalchemy import Engine

from payments.access.caller import Caller
from payments.database import in_transaction
from payments.escrow.read_escrow import find_escrow
from payments.idempotency import Answered
from payments.lifecycle.view import RefundView
from payments.providers.connect import Providers
from payments.providers.ports import RefundReason
from payments.refunds.create_refund import create_refund


def refund_escrow(
    engine: Engine,
    *,
    caller: Caller,
    reference: str,
    escrow_id: str,
    amount: int | None,
    reason: RefundReason | None,
    now: dt.datetime,
    providers: Providers,
) -> Answered[RefundView]:
    """Give back `amount` minor units of what the escrow holds, or all that is left (None).

    Raises:
        NotFoundError: there is no such escrow, or it is not the caller's.
        Further as `create_refund`.
    """
    payment_id = in_transaction(
        engine,
        lambda session: find_escrow(session, caller=caller, escrow_id=escrow_id).payment_id,
    )
    return create_refund(
        engine,
        caller=caller,
        reference=reference,
        payment_id=payment_id,
        amount=amount,
        reason=reason,
        now=now,
        providers=providers,
    )

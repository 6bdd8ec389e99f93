"""Opens a dispute on an escrow: queues what tells its contract, which then obeys its arbiter."""

import datetime as dt
from collections.abc import Mapping

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.chain import intents
from payments.chain_settings import ChainSettings
from payments.crash_points import reach
from payments.database import in_transaction
from payments.errors import ConflictError
from payments.escrow.announce import announce_escrow
from payments.escrow.ports import chain_port
from payments.escrow.read_escrow import find_escrow
from payments.escrow.tables import Escrow
from payments.escrow.view import EscrowView, view_escrow
from payments.idempotency import Answered
from payments.providers.chain_port import ChainPort

OPERATION = "escrow.dispute"


def dispute_escrow(
    engine: Engine,
    *,
    caller: Caller,
    reference: str,
    escrow_id: str,
    reason: str,
    chains: Mapping[str, ChainSettings],
    ports: Mapping[str, ChainPort],
    now: dt.datetime,
) -> Answered[EscrowView]:
    """Have a dispute opened for one of the escrow's parties, once per reference.

    It stands once the chain shows it: `status` is `disputed` from then on, and only the arbiter
    releases or refunds.

    Raises:
        NotFoundError: there is no such escrow, or it is not the caller's.
        ConflictError: it is not funded, or disputed already, or its time to release is over
            (`escrow_not_disputable`).
        InvalidRequestError, InProgressError, ReferenceReusedError: see `idempotency.claim`.
        UnavailableError: its chain is not set up here any more.
    """

    def dispute(session: Session) -> Answered[EscrowView]:
        claim = idempotency.claim(
            session,
            principal=caller.principal,
            operation=OPERATION,
            reference=reference,
            fingerprint=idempotency.fingerprint({"escrow_id": escrow_id, "reason": reason}),
            resource_id=escrow_id,
            now=now,
        )
        row = find_escrow(session, caller=caller, escrow_id=escrow_id)
        session.refresh(row, with_for_update={"key_share": True})
        if claim.replayed_id is not None:
            return Answered(view_escrow(session, row, chains=chains), replayed=True)
        _check(session, row, now=now)
        row.dispute_reason, row.updated_at = reason, now
        session.flush()
        intents.queue(
            session,
            chain=row.chain,
            signer=row.operator,
            kind="dispute",
            subject_id=row.id,
            to=row.contract_address,
            calldata=chain_port(ports, row.chain).encode_dispute(),
            asset=None,
            amount=0,
            now=now,
        )
        idempotency.finish(session, claim, now=now)
        return Answered(announce_escrow(session, row, chains=chains, now=now), replayed=False)

    answered = in_transaction(engine, dispute)
    reach("dispute_escrow.committed")
    return answered


def _check(session: Session, row: Escrow, *, now: dt.datetime) -> None:
    if row.status != "funded":
        detail = f"The escrow is {row.status}; only a funded one can be disputed."
    elif now > row.release_by:
        detail = "The time to release is over: the buyer may take the money back."
    elif (asked := intents.find_for(session, kind="dispute", subject_id=row.id)) is not None:
        over = asked.state in ("failed", "canceled")
        detail = "A dispute was asked for before, and is on its way."
        if over:
            detail = "The contract refused our dispute; buyer and seller can open one themselves."
    else:
        return
    raise ConflictError(detail, code="escrow_not_disputable")

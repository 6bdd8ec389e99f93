"""What becomes of a release that waits: a second person approves it, or somebody cancels it."""

import datetime as dt
from collections.abc import Mapping

from sqlalchemy import Engine
from sqlalchemy.orm import Session

import ledger
from payments import idempotency
from payments.access.caller import Caller
from payments.access.four_eyes import require_second_person
from payments.chain import intents
from payments.chain_settings import ChainSettings
from payments.crash_points import reach
from payments.database import in_transaction
from payments.errors import ConflictError, InvalidRequestError, NotFoundError
from payments.freezes.covering import refuse_while_frozen
from payments.freezes.releases_lock import share_releases_lock
from payments.idempotency import Answered, Claim
from payments.kyc import EVERYTHING_NEEDS_BASIC, KycThresholds
from payments.lifecycle.stages import Status
from payments.lifecycle.tables import Payment
from payments.log_lines import get_logger
from payments.providers.chain_port import ChainPort
from payments.releases.announce import announce_release
from payments.releases.carry_out import carry_out
from payments.releases.known_seller import require_kyc
from payments.releases.releasable import (
    Source,
    lock_payments_of,
    lock_source,
    require_funded,
)
from payments.releases.tables import Release
from payments.releases.view import ReleaseView, view_release

APPROVE = "releases.approve"
CANCEL = "releases.cancel"

_log = get_logger(__name__)


def approve_release(
    engine: Engine,
    *,
    caller: Caller,
    reference: str,
    release_id: str,
    chains: Mapping[str, ChainSettings],
    ports: Mapping[str, ChainPort],
    now: dt.datetime,
    kyc: KycThresholds = EVERYTHING_NEEDS_BASIC,
) -> Answered[ReleaseView]:
    """Agree to a release that somebody else asked for: it is carried out, once.

    Raises:
        NotFoundError: there is no such release.
        ForbiddenError: the seller's KYC level is too low for it by now (`kyc_required`).
        ConflictError: it does not wait for approval (`release_not_approvable`), the caller asked
            for it (`second_person_needed`), or the buyer's bank disputes the payment
            (`payment_disputed`); see also `require_funded` and `refuse_while_frozen`.
        InProgressError, ReferenceReusedError: see `idempotency.claim`.
        UnavailableError: the escrow's chain is not set up here.
    """

    def approve(session: Session) -> Answered[ReleaseView]:
        share_releases_lock(session)
        claim = _claim(session, caller, APPROVE, reference, release_id, now=now)
        if claim.replayed_id is not None:
            return _replay(session, claim.replayed_id, chains=chains)
        source, row = _lock(session, release_id)
        if row.status != "requested" or row.hold_id is None:
            raise ConflictError(
                f"The release is {row.status}: it does not wait for approval, or what was held for"
                " it is gone.",
                code="release_not_approvable",
            )
        require_second_person(
            session,
            caller,
            first=row.requested_by,
            detail="You asked for it; somebody else must approve it.",
        )
        _require_undisputed(source.payment)
        require_funded(source.escrow, now=now)
        refuse_while_frozen(session, row.order_id)
        # It was counted when it was written down.
        require_kyc(session, row.seller_id, amount=0, asset=row.currency, thresholds=kyc, now=now)
        row.status, row.approved_by, row.updated_at = "approved", caller.person, now
        session.flush()
        carry_out(session, row, source.payment, source.escrow, ports=ports, now=now)
        reach("release.approved")
        return _answer(session, claim, row, chains=chains, now=now)

    answered = in_transaction(engine, approve)
    reach("release.approval_committed")
    return answered


def cancel_release(
    engine: Engine,
    *,
    caller: Caller,
    reference: str,
    release_id: str,
    reason: str,
    chains: Mapping[str, ChainSettings],
    now: dt.datetime,
) -> Answered[ReleaseView]:
    """Take a release back that was neither posted nor signed: what was held for it is free again.

    Raises:
        InvalidRequestError: the reason is empty.
        NotFoundError: there is no such release.
        ConflictError: it is too late for that, or it is over (`release_not_cancelable`).
        InProgressError, ReferenceReusedError: see `idempotency.claim`.
    """
    if not reason.strip():
        raise InvalidRequestError("Say why.", errors={"reason": ["Say why."]})

    def cancel(session: Session) -> Answered[ReleaseView]:
        claim = _claim(session, caller, CANCEL, reference, release_id, reason=reason, now=now)
        if claim.replayed_id is not None:
            return _replay(session, claim.replayed_id, chains=chains)
        row = _lock_with_payments(session, release_id)
        if not _is_cancelable(session, row, reason=reason, now=now):
            raise ConflictError(
                f"The release is {row.status}, and cannot be taken back any more.",
                code="release_not_cancelable",
            )
        if row.hold_id is not None:
            ledger.void_hold(session.connection(), row.hold_id, now=now)
        row.status, row.updated_at = "canceled", now
        row.canceled_by, row.cancel_reason = caller.person, reason
        _log.info("release_canceled", release_id=row.id, by=caller.person, reason=reason)
        return _answer(session, claim, row, chains=chains, now=now)

    answered = in_transaction(engine, cancel)
    reach("release.cancel_committed")
    return answered


def _is_cancelable(session: Session, row: Release, *, reason: str, now: dt.datetime) -> bool:
    """Tell whether nothing of it was signed, and see to it that nothing ever is."""
    if row.origin != "api":
        return False
    if row.status == "requested":
        return True
    return row.status == "approved" and intents.cancel(
        session, kind="release", subject_id=row.id, reason=f"canceled: {reason}", now=now
    )


def _claim(
    session: Session,
    caller: Caller,
    operation: str,
    reference: str,
    release_id: str,
    *,
    now: dt.datetime,
    **more: str,
) -> Claim:
    return idempotency.claim(
        session,
        principal=caller.principal,
        operation=operation,
        reference=reference,
        fingerprint=idempotency.fingerprint({"release_id": release_id, **more}),
        now=now,
    )


def _replay(
    session: Session, release_id: str, *, chains: Mapping[str, ChainSettings]
) -> Answered[ReleaseView]:
    row = session.get_one(Release, release_id)
    return Answered(view_release(session, row, chains=chains), replayed=True)


def _answer(
    session: Session,
    claim: Claim,
    row: Release,
    *,
    chains: Mapping[str, ChainSettings],
    now: dt.datetime,
) -> Answered[ReleaseView]:
    idempotency.finish(session, claim, resource_id=row.id, now=now)
    return Answered(announce_release(session, row, chains=chains, now=now), replayed=False)


def _lock(session: Session, release_id: str) -> tuple[Source, Release]:
    """Lock a release after what it is of, as everybody does."""
    known = session.get(Release, release_id)
    if known is None:
        raise NotFoundError("There is no such release.")
    source = lock_source(session, order_id=known.order_id, payment_id=known.payment_id)
    return source, _lock_row(session, release_id)


def _lock_with_payments(session: Session, release_id: str) -> Release:
    """Lock a release after the payments of its order, so that nobody books on them meanwhile."""
    known = session.get(Release, release_id)
    if known is not None:
        lock_payments_of(session, known.order_id)
    return _lock_row(session, release_id)


def _require_undisputed(payment: Payment) -> None:
    """Refuse what a dispute found reserved for a release, and so could not reserve itself."""
    if payment.status == Status.DISPUTED:
        raise ConflictError(
            "The buyer's bank disputes this payment; cancel the release, and wait for the outcome.",
            code="payment_disputed",
        )


def _lock_row(session: Session, release_id: str) -> Release:
    row = session.get(Release, release_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFoundError("There is no such release.")
    return row

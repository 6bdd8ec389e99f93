"""Releases held funds to the seller, in part or whole: asked for once, held, and carried out.

What needs a second person waits for one with its money held. Nothing outside the database is
called here, so that all of it is one transaction.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

import ledger
from ledger.errors import InsufficientFundsError
from payments import idempotency
from payments.access.caller import Caller
from payments.accounting.releases import hold_for_release
from payments.chain_settings import APPROVAL_ABOVE_UNITS, ChainSettings
from payments.crash_points import reach
from payments.database import in_transaction
from payments.errors import InvalidRequestError, NotFoundError
from payments.escrow.tables import Escrow
from payments.freezes.covering import refuse_while_frozen
from payments.freezes.releases_lock import share_releases_lock
from payments.idempotency import Answered
from payments.identifiers import new_id
from payments.kyc import EVERYTHING_NEEDS_BASIC, KycThresholds
from payments.providers.chain_port import ChainPort
from payments.providers.evm.addresses import keccak_of
from payments.releases.announce import announce_release
from payments.releases.carry_out import carry_out
from payments.releases.known_seller import require_kyc
from payments.releases.parts import OVER, parts_of
from payments.releases.releasable import (
    Source,
    amount_of,
    exceeds_held,
    lock_source,
    require_funded,
)
from payments.releases.tables import Release
from payments.releases.view import ReleaseView, view_release
from payments.standstill.forgotten import claim_release

OPERATION = "releases.create"


@dataclass(frozen=True, kw_only=True)
class NewRelease:
    """What is to be released: of an order or of an escrow; `amount` in minor units, or all."""

    order_id: str | None = None
    escrow_id: str | None = None
    amount: int | None = None

    def content(self) -> dict[str, str | None]:
        """Return it for the reference's fingerprint."""
        return {name: None if v is None else str(v) for name, v in asdict(self).items()}


def request_release(
    engine: Engine,
    *,
    caller: Caller,
    reference: str,
    asked: NewRelease,
    approval_above: Mapping[str, int],
    chains: Mapping[str, ChainSettings],
    ports: Mapping[str, ChainPort],
    now: dt.datetime,
    kyc: KycThresholds = EVERYTHING_NEEDS_BASIC,
) -> Answered[ReleaseView]:
    """Release held funds, once per reference; above `approval_above` a second person must agree.

    Parts of one order count together. Of an escrow with a release of this amount that a restore had
    forgotten, the first request gets that one: it may be the one that was forgotten, sent again.

    Raises:
        InvalidRequestError: the amount is zero, not exactly one of order and escrow is named, or
            the reference is malformed.
        NotFoundError: there is no such order or escrow.
        ForbiddenError: the seller's KYC level is too low for it (`kyc_required`).
        ConflictError: see `lock_source`, `require_funded`, `refuse_while_frozen`, `amount_of`.
        InProgressError, ReferenceReusedError: see `idempotency.claim`.
        UnavailableError: the escrow's chain is not set up here.
    """
    _check(asked)

    def release(session: Session) -> Answered[ReleaseView]:
        share_releases_lock(session)
        claim = idempotency.claim(
            session,
            principal=caller.principal,
            operation=OPERATION,
            reference=reference,
            fingerprint=idempotency.fingerprint(asked.content()),
            now=now,
        )
        if claim.replayed_id is not None:
            row = session.get_one(Release, claim.replayed_id)
            return Answered(view_release(session, row, chains=chains), replayed=True)
        forgotten = _forgotten(session, asked, by=reference)
        if forgotten is not None:
            idempotency.finish(session, claim, resource_id=forgotten.id, now=now)
            return Answered(view_release(session, forgotten, chains=chains), replayed=True)
        source = _find(session, asked, now=now)
        refuse_while_frozen(session, source.order.id)
        row = _write(
            session, caller, source, asked, approval_above=approval_above, kyc=kyc, now=now
        )
        reach("release.held")
        if not row.needs_approval:
            carry_out(session, row, source.payment, source.escrow, ports=ports, now=now)
            reach("release.carried_out")
        idempotency.finish(session, claim, resource_id=row.id, now=now)
        return Answered(announce_release(session, row, chains=chains, now=now), replayed=False)

    answered = in_transaction(engine, release)
    reach("release.committed")
    return answered


def _check(asked: NewRelease) -> None:
    errors: dict[str, list[str]] = {}
    if (asked.order_id is None) == (asked.escrow_id is None):
        errors["order_id"] = ["Name one of `order_id` and `escrow_id`."]
    if asked.amount is not None and asked.amount < 1:
        errors["amount"] = ["Release at least 1; leave it out to release all that is held."]
    if errors:
        raise InvalidRequestError("The release is not valid.", errors=errors)


def _forgotten(session: Session, asked: NewRelease, *, by: str) -> Release | None:
    if asked.amount is None:
        return None  # it is not part of what is left
    release_id = claim_release(
        session, order_id=asked.order_id, escrow_id=asked.escrow_id, amount=asked.amount, by=by
    )
    return None if release_id is None else session.get_one(Release, release_id)


def _find(session: Session, asked: NewRelease, *, now: dt.datetime) -> Source:
    if asked.escrow_id is None:
        source = lock_source(session, order_id=asked.order_id or "")
        require_funded(source.escrow, now=now)
        return source
    escrow = session.get(Escrow, asked.escrow_id)
    if escrow is None:
        raise NotFoundError("There is no such escrow.")
    require_funded(escrow, now=now)
    source = lock_source(session, order_id=escrow.order_id, payment_id=escrow.payment_id)
    require_funded(source.escrow, now=now)  # again, now that nobody else can change it
    return source


def _write(
    session: Session,
    caller: Caller,
    source: Source,
    asked: NewRelease,
    *,
    approval_above: Mapping[str, int],
    kyc: KycThresholds,
    now: dt.datetime,
) -> Release:
    """Write the release with its money held and its parts fixed."""
    order, escrow = source.order, source.escrow
    amount = amount_of(session, source, asked.amount)
    require_kyc(
        session, order.seller_id, amount=amount, asset=order.currency, thresholds=kyc, now=now
    )
    parts = parts_of(session, order, amount)
    release_id = new_id("rel", now=now)
    limit = _limit(session, order.currency, approval_above)
    needs_approval = amount + _without_approval(session, order.id) > limit
    row = Release(
        id=release_id,
        order_id=order.id,
        payment_id=source.payment.id,
        escrow_id=None if escrow is None else escrow.id,
        operation_id=None if escrow is None else keccak_of(release_id),
        origin="api",
        seller_id=order.seller_id,
        amount=amount,
        currency=order.currency,
        platform_fee=parts.platform_fee,
        tax=parts.tax,
        set_off=0,
        status="requested" if needs_approval else "approved",
        needs_approval=needs_approval,
        hold_id=_hold(session, release_id, source, amount, now=now),
        requested_by=caller.person,
        created_at=now,
        updated_at=now,
    )
    session.add(row)
    session.flush()
    return row


def _without_approval(session: Session, order_id: str) -> int:
    """Return what was asked for of a locked order that nobody else has to agree to.

    It counts towards the limit, or much could be released in many small parts.
    """
    found = select(func.coalesce(func.sum(Release.amount), 0)).where(
        Release.order_id == order_id,
        Release.origin == "api",
        Release.needs_approval.is_(False),
        Release.status.not_in(OVER),
    )
    return int(session.scalars(found).one())


def _limit(session: Session, currency: str, approval_above: Mapping[str, int]) -> int:
    known = approval_above.get(currency)
    if known is not None:
        return known
    asset = ledger.assets(session.connection())[currency]
    return APPROVAL_ABOVE_UNITS * int(10**asset.exponent)


def _hold(
    session: Session, release_id: str, source: Source, amount: int, *, now: dt.datetime
) -> int:
    try:
        return hold_for_release(
            session.connection(),
            release_id=release_id,
            order_id=source.order.id,
            currency=source.order.currency,
            amount=amount,
            now=now,
        )
    except InsufficientFundsError as error:
        raise exceeds_held() from error

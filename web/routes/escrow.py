"""Escrows: an order's money on chain."""

import datetime as dt
from typing import Any

from payments.database import in_transaction
from payments.escrow.deploy_escrow import NewEscrow as Asked
from payments.escrow.deploy_escrow import deploy_escrow
from payments.escrow.dispute_escrow import dispute_escrow
from payments.escrow.read_escrow import read_escrow
from payments.escrow.terms import Windows
from payments.escrow.view import EscrowView
from payments.idempotency import Answered
from payments.refunds.refund_escrow import refund_escrow
from payments.settings import Settings
from web.authentication import current_caller
from web.blueprint import Blueprint
from web.parts import current_parts
from web.policies import allow
from web.problems import problems
from web.references import render_answered, take_reference
from web.schemas.escrow import Escrow, EscrowName, NewDispute, NewEscrow
from web.schemas.refunds import NewRefund, Refund

_Rendered = tuple[dict[str, Any], int, dict[str, str]]

blueprint = Blueprint("escrow", __name__, url_prefix="/api/escrow")


@blueprint.route("/deploy-contract", methods=["POST"])
@allow("escrow.deploy")
@problems(
    "kyc_required",
    "not_found",
    "order_not_open",
    "payment_in_progress",
    "asset_not_order_currency",
    "asset_not_supported",
    "payout_address_missing",
    "payout_address_shared",
)
@blueprint.arguments(NewEscrow)
@blueprint.response(202, Escrow)
def deploy(body: dict[str, Any]) -> _Rendered:
    """Have a contract deployed that holds an order's money; it is paid with a wallet."""
    parts = current_parts()
    reference = take_reference(body)
    answered = deploy_escrow(
        parts.engine,
        caller=current_caller(),
        reference=reference,
        asked=Asked(
            order_id=body["order_id"],
            asset=body["asset"],
            chain=body["chain"],
            fund_by=body["fund_by"],
            release_by=body["release_by"],
        ),
        windows=_windows(parts.settings),
        chains=parts.settings.chains,
        ports=parts.providers.chains,
        now=parts.now(),
        cipher=parts.cipher,
        kyc=parts.settings.kyc_thresholds,
    )
    return _render(answered)


@blueprint.route("/monitor-deployment", methods=["POST"])
@allow("escrow.monitor")
@problems("not_found")
@blueprint.arguments(EscrowName)
@blueprint.response(200, Escrow)
def monitor(body: dict[str, Any]) -> dict[str, Any]:
    """Show how far an escrow's deployment is, by what was read of the chain."""
    return _read(body["escrow_id"])


@blueprint.route("/<id:escrow_id>", methods=["GET"])
@allow("escrow.read")
@blueprint.response(200, Escrow)
def read(escrow_id: str) -> dict[str, Any]:
    """Show an escrow to the parties of its order, the backend and the staff."""
    return _read(escrow_id)


@blueprint.route("/<id:escrow_id>/refund", methods=["POST"])
@allow("escrow.refund")
@problems(
    "payment_not_refundable",
    "payment_disputed",
    "refund_exceeds_payment",
    "funds_released",
)
@blueprint.arguments(NewRefund)
@blueprint.response(201, Refund)
def refund(body: dict[str, Any], escrow_id: str) -> _Rendered:
    """Have the contract pay its buyer back, in part or whole; as a refund of its payment."""
    parts = current_parts()
    answered = refund_escrow(
        parts.engine,
        caller=current_caller(),
        reference=take_reference(body),
        escrow_id=escrow_id,
        amount=body["amount"],
        reason=body["reason"],
        now=parts.now(),
        providers=parts.providers,
    )
    made, status, headers = render_answered(answered)
    return made.as_json(), status, headers


@blueprint.route("/<id:escrow_id>/dispute", methods=["POST"])
@allow("escrow.dispute")
@problems("escrow_not_disputable")
@blueprint.arguments(NewDispute)
@blueprint.response(202, Escrow)
def dispute(body: dict[str, Any], escrow_id: str) -> _Rendered:
    """Have a dispute opened: from then on only the arbiter decides who gets the money."""
    parts = current_parts()
    answered = dispute_escrow(
        parts.engine,
        caller=current_caller(),
        reference=take_reference(body),
        escrow_id=escrow_id,
        reason=body["reason"],
        chains=parts.settings.chains,
        ports=parts.providers.chains,
        now=parts.now(),
    )
    return _render(answered)


def _read(escrow_id: str) -> dict[str, Any]:
    parts, caller = current_parts(), current_caller()
    escrow = in_transaction(
        parts.engine,
        lambda session: read_escrow(
            session, caller=caller, escrow_id=escrow_id, chains=parts.settings.chains
        ),
    )
    return escrow.as_json()


def _render(answered: Answered[EscrowView]) -> _Rendered:
    escrow, status, headers = render_answered(answered, status=202)
    return escrow.as_json(), status, headers


def _windows(settings: Settings) -> Windows:
    return Windows(
        fund=dt.timedelta(hours=settings.escrow_fund_h),
        release=dt.timedelta(days=settings.escrow_release_d),
        arbiter=dt.timedelta(days=settings.escrow_arbiter_d),
    )

"""The desk of finance: reconciliation runs, what nothing explains, matches and findings."""

from typing import Any

from payments.access.caller import Caller, Role
from payments.database import in_transaction
from payments.log_lines import current_request_id
from payments.pages import Page
from payments.privacy.encryption import FieldCipher
from payments.reconciliation.judge_line import WantedPart, discard_line, match_line
from payments.reconciliation.judge_receipt import match_receipt
from payments.reconciliation.request_run import list_runs, read_run, request_run
from payments.reconciliation.settle_finding import list_findings, settle_finding
from payments.reconciliation.tables import Finding as FindingRow
from payments.reconciliation.tables import ReconciliationRun
from payments.reconciliation.undo_match import undo_match
from payments.reconciliation.unmatched import UnmatchedItem, Wanted, list_unmatched
from payments.reconciliation.view_match import MatchView, list_matches
from payments.refunds.refund_receipt import refund_receipt
from web.authentication import current_caller
from web.blueprint import Blueprint
from web.parts import current_parts
from web.policies import allow
from web.problems import problems
from web.references import render_answered, take_reference
from web.rehearsals import rehearsable
from web.schemas.fields import PageQuery
from web.schemas.findings import Finding, FindingChange, FindingPage, FindingQuery
from web.schemas.reconciliation_desk import (
    Judged,
    Match,
    MatchList,
    MatchQuery,
    NewGiveback,
    NewMatch,
    NewReason,
    NewRun,
    Run,
    RunPage,
    UnmatchedPage,
    UnmatchedQuery,
)
from web.schemas.refunds import Refund

blueprint = Blueprint("reconciliation_desk", __name__, url_prefix="/api/reconciliation")

Rendered = tuple[dict[str, Any], int, dict[str, str]]
_RECEIPT = "rcp_"
_READS_NAMES = frozenset({Role.FINANCE, Role.ADMIN})


@blueprint.route("/runs", methods=["POST"])
@allow("reconciliation.run")
@blueprint.arguments(NewRun)
@blueprint.response(202, Run)
def start(body: dict[str, Any]) -> tuple[ReconciliationRun, int, dict[str, str]]:
    """Have statements and books brought together; a job does it, one run at a time."""
    parts, caller = current_parts(), current_caller()
    reference = take_reference(body)
    answered = in_transaction(
        parts.engine,
        lambda session: request_run(
            session,
            caller=caller,
            reference=reference,
            date_window_days=body["date_window_days"],
            now=parts.now(),
            request_id=current_request_id(),
        ),
    )
    return render_answered(answered, status=202)


@blueprint.route("/runs", methods=["GET"])
@allow("reconciliation.read")
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, RunPage)
def list_all_runs(query: dict[str, Any]) -> Page[ReconciliationRun]:
    """List the runs, newest first."""
    return in_transaction(
        current_parts().engine,
        lambda session: list_runs(session, limit=query["limit"], after=query.get("after")),
    )


@blueprint.route("/runs/<id:run_id>", methods=["GET"])
@allow("reconciliation.read")
@blueprint.response(200, Run)
def show_run(run_id: str) -> ReconciliationRun:
    """Show how far a run has come, and what came of it."""
    return in_transaction(current_parts().engine, lambda session: read_run(session, run_id))


@blueprint.route("/unmatched", methods=["GET"])
@allow("reconciliation.read")
@blueprint.arguments(UnmatchedQuery, location="query")
@blueprint.response(200, UnmatchedPage)
def list_queue(query: dict[str, Any]) -> Page[UnmatchedItem]:
    """List what nothing explains; a page may be empty and still have a `next`, when searching."""
    parts, cipher = current_parts(), _cipher_for(current_caller())
    limit, after = query.pop("limit"), query.pop("after", None)
    return in_transaction(
        parts.engine,
        lambda session: list_unmatched(
            session, Wanted(**query), limit=limit, after=after, cipher=cipher, now=parts.now()
        ),
    )


@blueprint.route("/unmatched/<id:item_id>/match", methods=["POST"])
@allow("reconciliation.match")
@rehearsable
@problems(
    "amounts_differ",
    "currency_differs",
    "expectation_not_open",
    "line_not_open",
    "order_not_open",
    "payment_charged",
    "payment_refuses_money",
    "receipt_not_suspended",
    "receipt_too_small",
)
@blueprint.arguments(NewMatch)
@blueprint.response(201, Judged)
def match(body: dict[str, Any], item_id: str) -> Rendered:
    """Say what a line is, in parts that add up to it; or take a receipt into its payment."""
    parts, caller, reference = current_parts(), current_caller(), take_reference(body)
    if item_id.startswith(_RECEIPT):
        taken = in_transaction(
            parts.engine,
            lambda session: match_receipt(
                session, caller=caller, reference=reference, receipt_id=item_id, now=parts.now()
            ),
        )
        payment, status, headers = render_answered(taken)
        return {"match": None, "payment": payment.as_event()}, status, headers
    answered = in_transaction(
        parts.engine,
        lambda session: match_line(
            session,
            caller=caller,
            reference=reference,
            line_id=item_id,
            parts=[WantedPart(**part) for part in body["parts"]],
            reason=body["reason"],
            now=parts.now(),
        ),
    )
    made, status, headers = render_answered(answered)
    return {"match": made, "payment": None}, status, headers


@blueprint.route("/unmatched/<id:line_id>/discard", methods=["POST"])
@allow("reconciliation.match")
@rehearsable
@problems("line_not_open")
@blueprint.arguments(NewReason)
@blueprint.response(201, Judged)
def discard(body: dict[str, Any], line_id: str) -> Rendered:
    """Say that a line has nothing to do with us, and why."""
    parts, caller, reference = current_parts(), current_caller(), take_reference(body)
    answered = in_transaction(
        parts.engine,
        lambda session: discard_line(
            session,
            caller=caller,
            reference=reference,
            line_id=line_id,
            reason=body["reason"],
            now=parts.now(),
        ),
    )
    made, status, headers = render_answered(answered)
    return {"match": made, "payment": None}, status, headers


@blueprint.route("/unmatched/<id:receipt_id>/refund", methods=["POST"])
@allow("reconciliation.match")
@problems("receipt_not_suspended", "provider_refused")
@blueprint.arguments(NewGiveback)
@blueprint.response(201, Refund)
def give_back(body: dict[str, Any], receipt_id: str) -> Rendered:
    """Give back what waits of a receipt, over the provider that brought its payment."""
    parts = current_parts()
    answered = refund_receipt(
        parts.engine,
        caller=current_caller(),
        reference=take_reference(body),
        receipt_id=receipt_id,
        now=parts.now(),
        providers=parts.providers,
    )
    refund, status, headers = render_answered(answered)
    return refund.as_json(), status, headers


@blueprint.route("/matches", methods=["GET"])
@allow("reconciliation.read")
@blueprint.arguments(MatchQuery, location="query")
@blueprint.response(200, MatchList)
def list_made(query: dict[str, Any]) -> dict[str, Any]:
    """List what a line, or a payment, was matched with, oldest first."""
    found = in_transaction(
        current_parts().engine,
        lambda session: list_matches(
            session, line_id=query.get("line_id"), payment_id=query.get("payment_id")
        ),
    )
    return {"data": found, "next": None}


@blueprint.route("/matches/<id:match_id>/undo", methods=["POST"])
@allow("reconciliation.match")
@rehearsable
@problems("match_undone")
@blueprint.arguments(NewReason)
@blueprint.response(200, Match)
def undo(body: dict[str, Any], match_id: str) -> tuple[MatchView, int, dict[str, str]]:
    """Take a match back: the line is in suspense again, and no run matches it anew."""
    parts, caller, reference = current_parts(), current_caller(), take_reference(body)
    answered = in_transaction(
        parts.engine,
        lambda session: undo_match(
            session,
            caller=caller,
            reference=reference,
            match_id=match_id,
            reason=body["reason"],
            now=parts.now(),
        ),
    )
    return render_answered(answered, status=200)


@blueprint.route("/findings", methods=["GET"])
@allow("reconciliation.read")
@blueprint.arguments(FindingQuery, location="query")
@blueprint.response(200, FindingPage)
def list_all_findings(query: dict[str, Any]) -> Page[FindingRow]:
    """List what does not agree, newest first."""
    return in_transaction(
        current_parts().engine,
        lambda session: list_findings(
            session,
            limit=query["limit"],
            state=query.get("state"),
            kind=query.get("kind"),
            after=query.get("after"),
        ),
    )


@blueprint.route("/findings/<id:finding_id>", methods=["PATCH"])
@allow("reconciliation.match")
@rehearsable
@problems("finding_resolved")
@blueprint.arguments(FindingChange)
@blueprint.response(200, Finding)
def change_finding(body: dict[str, Any], finding_id: str) -> FindingRow:
    """Take a finding on, or settle it with a word of what was done; no money moves by that."""
    parts, caller = current_parts(), current_caller()
    return in_transaction(
        parts.engine,
        lambda session: settle_finding(
            session, caller=caller, finding_id=finding_id, now=parts.now(), **body
        ),
    )


def _cipher_for(caller: Caller) -> FieldCipher | None:
    """Return what opens people's names, for who may read them."""
    return current_parts().cipher if caller.role in _READS_NAMES else None

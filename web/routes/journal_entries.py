"""Journal entries by hand: asked for by one, decided on by another, reversed once."""

from typing import Any

from ledger import JournalLine
from payments.database import in_transaction
from payments.idempotency import Answered
from payments.manual_entries.decide_entry import approve_entry, reject_entry
from payments.manual_entries.new_entry import NewEntry as Asked
from payments.manual_entries.read_entries import list_entries, read_entry
from payments.manual_entries.request_entry import request_entry
from payments.manual_entries.request_reversal import request_reversal
from payments.manual_entries.view import EntryView
from web.authentication import current_caller
from web.blueprint import Blueprint
from web.parts import current_parts
from web.policies import allow
from web.problems import problems
from web.references import render_answered, take_reference
from web.schemas.journal_entries import (
    EntriesQuery,
    EntryDecision,
    EntryRejection,
    JournalEntry,
    JournalEntryPage,
    NewJournalEntry,
    NewReversal,
)

_Rendered = tuple[dict[str, Any], int, dict[str, str]]

blueprint = Blueprint("journal_entries", __name__, url_prefix="/api/ledger")


@blueprint.route("/entries", methods=["POST"])
@allow("entries.request")
@problems("period_closed")
@blueprint.arguments(NewJournalEntry)
@blueprint.response(202, JournalEntry)
def create(body: dict[str, Any]) -> _Rendered:
    """Ask for a journal entry; it is posted when somebody else approves it."""
    parts, caller, reference = current_parts(), current_caller(), take_reference(body)
    attachment = body["attachment_sha256"]
    asked = Asked(
        effective_on=body["effective_on"],
        reason=body["reason"],
        lines=tuple(_line(line) for line in body["lines"]),
        attachment_sha256=None if attachment is None else bytes.fromhex(attachment),
        auto_reverse_on=body["auto_reverse_on"],
    )
    answered = in_transaction(
        parts.engine,
        lambda session: request_entry(
            session, caller=caller, reference=reference, asked=asked, now=parts.now()
        ),
    )
    return _render(answered, status=202)


@blueprint.route("/entries", methods=["GET"])
@allow("entries.read")
@blueprint.arguments(EntriesQuery, location="query")
@blueprint.response(200, JournalEntryPage)
def list_by_hand(query: dict[str, Any]) -> dict[str, Any]:
    """List the entries by hand, newest first."""
    page = in_transaction(
        current_parts().engine,
        lambda session: list_entries(
            session, status=query.get("status"), limit=query["limit"], after=query.get("after")
        ),
    )
    return {"data": [entry.as_json() for entry in page.data], "next": page.next}


@blueprint.route("/entries/<entry:entry_id>", methods=["GET"])
@allow("entries.read")
@blueprint.response(200, JournalEntry)
def read(entry_id: str) -> dict[str, Any]:
    """Show an entry: one by hand by its id, or any of the journal by its number."""
    return in_transaction(
        current_parts().engine, lambda session: read_entry(session, entry_id)
    ).as_json()


@blueprint.route("/entries/<id:entry_id>/approve", methods=["POST"])
@allow("entries.decide")
@problems("entry_decided", "second_person_needed")
@blueprint.arguments(EntryDecision)
@blueprint.response(200, JournalEntry)
def approve(body: dict[str, Any], entry_id: str) -> _Rendered:
    """Agree to an entry that somebody else asked for: it is posted, or the ledger refuses it."""
    parts = current_parts()
    answered = approve_entry(
        parts.engine,
        caller=current_caller(),
        reference=take_reference(body),
        entry_id=entry_id,
        now=parts.now(),
    )
    return _render(answered, status=200)


@blueprint.route("/entries/<id:entry_id>/reject", methods=["POST"])
@allow("entries.decide")
@problems("entry_decided", "second_person_needed")
@blueprint.arguments(EntryRejection)
@blueprint.response(200, JournalEntry)
def reject(body: dict[str, Any], entry_id: str) -> _Rendered:
    """Say no to an entry that somebody else asked for."""
    parts = current_parts()
    answered = reject_entry(
        parts.engine,
        caller=current_caller(),
        reference=take_reference(body),
        entry_id=entry_id,
        reason=body["reason"],
        now=parts.now(),
    )
    return _render(answered, status=200)


@blueprint.route("/entries/<entry:entry_id>/reverse", methods=["POST"])
@allow("entries.request")
@problems("entry_not_reversible", "entry_reversed", "period_closed")
@blueprint.arguments(NewReversal)
@blueprint.response(202, JournalEntry)
def reverse(body: dict[str, Any], entry_id: str) -> _Rendered:
    """Ask for the exact mirror of an entry by hand; it is posted when somebody else approves it."""
    parts, caller, reference = current_parts(), current_caller(), take_reference(body)
    answered = in_transaction(
        parts.engine,
        lambda session: request_reversal(
            session,
            caller=caller,
            reference=reference,
            name=entry_id,
            reason=body["reason"],
            effective_on=body["effective_on"],
            now=parts.now(),
        ),
    )
    return _render(answered, status=202)


def _line(line: dict[str, Any]) -> JournalLine:
    debit, credit = line["debit"], line["credit"]
    return JournalLine(line["account"], line["asset"], -credit if debit is None else debit)


def _render(answered: Answered[EntryView], *, status: int) -> _Rendered:
    entry, shown, headers = render_answered(answered, status=status)
    return entry.as_json(), shown, headers

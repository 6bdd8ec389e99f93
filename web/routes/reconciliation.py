"""Reconciliation: bank statements come in as files, and are listed."""

from typing import Any

from flask import request

from payments.database import in_transaction
from payments.idempotency import Answered
from payments.pages import Page
from payments.reconciliation.import_statement import import_statement
from payments.reconciliation.read_statements import ImportedFile, ImportedStatement, list_statements
from payments.reconciliation.statements.csv_mapping import parse_mapping
from payments.reconciliation.statements.parse import MAX_BYTES
from web.aside import run_aside
from web.authentication import current_caller
from web.blueprint import Blueprint
from web.bodies import raw_body
from web.parts import current_parts
from web.policies import allow
from web.problems import problems
from web.references import REPLAYED, render_answered
from web.schemas.reconciliation import (
    StatementImport,
    StatementPage,
    StatementQuery,
    StatementsQuery,
)

REPLAYED_HEADER = {"$ref": f"#/components/headers/{REPLAYED}"}

blueprint = Blueprint("reconciliation", __name__, url_prefix="/api/reconciliation")


@blueprint.route("/statements", methods=["POST"])
@allow("reconciliation.import")
@problems(
    "statement_unreadable",
    "statement_not_balanced",
    "statement_of_other_account",
    "reference_reused",
)
@raw_body(limit=MAX_BYTES)
@blueprint.arguments(StatementQuery, location="query")
@blueprint.response(201, StatementImport)
@blueprint.also_answers(200, StatementImport, headers={REPLAYED: REPLAYED_HEADER})
@blueprint.described(
    requestBody={
        "required": True,
        "description": "The file as it is: camt.052, camt.053, MT940, OFX or CSV.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    },
)
def import_file(query: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Take in a bank statement; each line is stored once, in however many files it comes."""
    parts = current_parts()
    answered = import_statement(
        parts.engine,
        caller=current_caller(),
        content=request.get_data(cache=False),
        filename=query["filename"],
        account=query["account"],
        accounts=parts.settings.bank_accounts,
        format=query["format"],
        mapping=parse_mapping(query["mapping"]) if "mapping" in query else None,
        cipher=parts.cipher,
        now=parts.now(),
        aside=run_aside,
    )
    file, status, headers = render_answered(answered)
    return _shown(file, answered), status, headers


@blueprint.route("/statements", methods=["GET"])
@allow("reconciliation.read")
@blueprint.arguments(StatementsQuery, location="query")
@blueprint.response(200, StatementPage)
def list_imported(query: dict[str, Any]) -> Page[ImportedStatement]:
    """List the statements, the last imported first."""
    return in_transaction(
        current_parts().engine,
        lambda session: list_statements(
            session,
            limit=query["limit"],
            account=query.get("account"),
            after=query.get("after"),
        ),
    )


def _shown(file: ImportedFile, answered: Answered[ImportedFile]) -> dict[str, Any]:
    return {
        "file_id": file.file_id,
        "filename": file.filename,
        "format": file.format,
        "statements": file.statements,
        "new_lines": file.new_lines,
        "already_imported": answered.replayed,
    }

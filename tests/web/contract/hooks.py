"""Who schemathesis is: for each operation somebody whose role may do it."""

import itertools
import json
import os
import re
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis import AuthContext, Case, GenerationMode, HookContext

CREDENTIALS: dict[str, str | None] = json.loads(os.environ["CONTRACT_CREDENTIALS"])  # noqa: TID251 - how the test tells it

CONFIRM = "POST /api/payments/{payment_id}/confirm"

_TURNS = itertools.count()


@schemathesis.auth(refresh_interval=None)
class Caller:
    """Sends the credential of a caller who may do the operation."""

    def get(self, _case: Case[Any], context: AuthContext) -> str:
        return CREDENTIALS[context.operation.label] or ""

    def set(self, case: Case[Any], data: str, _context: AuthContext) -> None:
        if data:
            case.headers["Authorization"] = data


@schemathesis.hook
def before_call(_context: HookContext, case: Case[Any], _kwargs: dict[str, Any]) -> None:
    """Leave the keys alone that are ours: without them everything that follows is 401.

    And freeze single orders only: while all are frozen, nothing is released. What is released is
    an order's or an escrow's, by turns: of both at once only what is generated asks.
    """
    body = case.body if isinstance(case.body, dict) else {}
    if case.operation.label == "POST /api/ops/restores":  # what follows would be put off
        case.query = {"dry_run": "true"}
    if case.operation.label == "POST /api/ops/freeze" and body.get("order_id") is None:
        body["order_id"] = "ord_0"
    if case.operation.label == "POST /api/escrow/release" and {"order_id", "escrow_id"} <= set(
        body
    ):
        del body[("order_id", "escrow_id")[next(_TURNS) % 2]]
    if case.operation.label == CONFIRM and _may_work(case) and next(_TURNS) % 2:
        _confirm_what_nobody_has(case)
    if case.operation.label.startswith("GET /api/invoices/"):
        _look_at_what_is_made(case)
    named = str((case.path_parameters or {}).get("key_id", "-")).partition("_")[2]
    if named and any(named in (credential or "") for credential in CREDENTIALS.values()):
        case.path_parameters["key_id"] = "key_0"


def _may_work(case: Case[Any]) -> bool:
    """Whether the case is one that the description allows, not one that it forbids."""
    return case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE


def _confirm_what_nobody_has(case: Case[Any]) -> None:
    """Confirm another payment each time: its state and an address seldom fit by chance."""
    turn = next(_TURNS)
    payments = _lines("to_confirm.txt")
    case.path_parameters["payment_id"] = payments[turn % len(payments)]
    case.body = {"reference": f"confirmed-{turn}", "payment_method": "pm_card_visa"}
    case.headers.pop("Idempotency-Key", None)


_AN_ORDER = re.compile("ord_[0-9A-Z]{26}")  # which others' answers tell, too


def _look_at_what_is_made(case: Case[Any]) -> None:
    """Documents are made by jobs, and none runs here: ask for the order whose documents are there.

    And every other time without a link: those that are generated are none.
    """
    if _AN_ORDER.fullmatch(str((case.path_parameters or {}).get("order_id"))):
        case.path_parameters["order_id"] = _lines("invoiced.txt")[0]
    if next(_TURNS) % 2:
        (case.query or {}).pop("link", None)


def _lines(name: str) -> list[str]:
    return [json.loads(line) for line in Path(name).read_text().splitlines()]

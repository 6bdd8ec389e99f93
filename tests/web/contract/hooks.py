"""Who schemathesis is: for each operation somebody whose role may do it."""

import itertools
import json
import os
from typing import Any

import schemathesis
from schemathesis import AuthContext, Case, HookContext

CREDENTIALS: dict[str, str | None] = json.loads(os.environ["CONTRACT_CREDENTIALS"])  # noqa: TID251 - how the test tells it

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
    if case.operation.label == "POST /api/ops/freeze" and body.get("order_id") is None:
        body["order_id"] = "ord_0"
    if case.operation.label == "POST /api/escrow/release" and {"order_id", "escrow_id"} <= set(
        body
    ):
        del body[("order_id", "escrow_id")[next(_TURNS) % 2]]
    named = str((case.path_parameters or {}).get("key_id", "-")).partition("_")[2]
    if named and any(named in (credential or "") for credential in CREDENTIALS.values()):
        case.path_parameters["key_id"] = "key_0"

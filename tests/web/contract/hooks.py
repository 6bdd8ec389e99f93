"""Who schemathesis is: for each operation somebody whose role may do it."""

import json
import os
from typing import Any

import schemathesis
from schemathesis import AuthContext, Case, HookContext

CREDENTIALS: dict[str, str | None] = json.loads(os.environ["CONTRACT_CREDENTIALS"])  # noqa: TID251 - how the test tells it


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
    """Leave the keys alone that are ours: without them everything that follows is 401."""
    named = str((case.path_parameters or {}).get("key_id", "-")).partition("_")[2]
    if named and any(named in (credential or "") for credential in CREDENTIALS.values()):
        case.path_parameters["key_id"] = "key_0"

"""The ledger's accounts, for finance."""

from typing import Any

import ledger
from payments.database import in_transaction
from web.blueprint import Blueprint
from web.parts import current_parts
from web.policies import allow
from web.schemas.ledger import AccountPage, AccountQuery

blueprint = Blueprint("ledger", __name__, url_prefix="/api/ledger")

_DEBIT_CLASSES = frozenset({"asset", "expense"})


@blueprint.route("/accounts", methods=["GET"])
@allow("ledger.read")
@blueprint.arguments(AccountQuery, location="query")
@blueprint.response(200, AccountPage)
def list_accounts(query: dict[str, Any]) -> dict[str, Any]:
    """List the accounts that were posted to, with their balances now."""
    path, _, asset = query.get("after", "").partition(" ")
    limit: int = query["limit"]
    found = in_transaction(
        current_parts().engine,
        lambda session: ledger.balances_page(
            session.connection(), after=(path, asset), limit=limit + 1
        ),
    )
    rows = [_account(balance) for balance in found]
    return {"data": rows[:limit], "next": _cursor(rows[limit - 1]) if rows[limit:] else None}


def _account(row: ledger.AccountBalance) -> dict[str, Any]:
    natural = row.balance if row.account_class in _DEBIT_CLASSES else -row.balance
    return {
        "path": row.path,
        "account_class": row.account_class,
        "asset": row.asset.code,
        "balance": natural,
        "held": row.held,
        "debit": max(row.balance, 0),
        "credit": max(-row.balance, 0),
    }


def _cursor(row: dict[str, Any]) -> str:
    return f"{row['path']} {row['asset']}"

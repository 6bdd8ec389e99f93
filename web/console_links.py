"""Where the console shows a thing: its own page, or that of what it belongs to."""

from payments.search.found import Found

_LISTS = {
    "release": "/console/releases",
    "event": "/console/webhooks",
    "statement_line": "/console/reconciliation",
    "finding": "/console/reconciliation",
    "journal_entry": "/console/finance",
    "freeze": "/console/releases",
    "settlement": "/console/reconciliation",
}


def link_to(found: Found) -> str | None:
    """Return the path of the console's page that shows it; None when none does."""
    if found.kind == "party":
        return f"/console/search?q={found.id}"
    if found.kind == "order":
        return f"/console/orders/{found.id}"
    if found.kind == "escrow":
        return f"/console/escrows/{found.id}"
    if found.kind in _LISTS:
        return _LISTS[found.kind]
    if found.payment_id is not None:
        return f"/console/payments/{found.payment_id}"
    return f"/console/orders/{found.order_id}" if found.order_id else None

"""A payment in the console: where its money is, and all that happened to it in one list."""

from flask import render_template, request

from payments.database import in_transaction
from payments.history.read_history import read_history
from web.authentication import current_caller
from web.console_pages import ConsolePages
from web.parts import current_parts

blueprint = ConsolePages("console_payments")

KINDS = {
    "request": "Requests",
    "webhook": "Webhooks",
    "step": "Steps",
    "call": "Calls",
    "money": "Money",
    "ledger": "Ledger",
    "job": "Jobs",
    "notice": "Notices",
}
"""What the list can be narrowed to; `money` is all that moved some."""

_MONEY = ("receipt", "refund", "dispute", "release", "payout", "settlement", "invoice", "chain")


@blueprint.page("/payments/<id:payment_id>")
def show(payment_id: str) -> str:
    """Show a payment with its whole timeline."""
    history = in_transaction(
        current_parts().engine,
        lambda session: read_history(session, caller=current_caller(), payment_id=payment_id),
    )
    only = request.args.get("only", "")
    kinds = _MONEY if only == "money" else (only,)
    lines = [line for line in history.lines if only not in KINDS or line.kind in kinds]
    return render_template(
        "console/payment.html",
        history=history,
        payment=history.timeline.payment,
        order=history.order,
        lines=lines,
        kinds=KINDS,
        only=only,
    )

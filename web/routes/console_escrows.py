"""An escrow in the console: what the chain says of it, and how sure that is by now."""

from flask import render_template
from sqlalchemy.orm import Session

from payments.database import in_transaction
from payments.escrow.read_escrow import read_escrow
from payments.escrow.view import EscrowView
from payments.history.sent_to_chain import Sent, sent_for
from web.authentication import current_caller
from web.console_pages import ConsolePages
from web.parts import current_parts

blueprint = ConsolePages("console_escrows")


@blueprint.page("/escrows/<id:escrow_id>")
def show(escrow_id: str) -> str:
    """Show an escrow: amounts, parties, deadlines, what happened on chain and what we sent."""
    parts, caller = current_parts(), current_caller()

    def read(session: Session) -> tuple[EscrowView, Sent]:
        found = read_escrow(
            session, caller=caller, escrow_id=escrow_id, chains=parts.settings.chains
        )
        return found, sent_for(session, found.row)

    escrow, sent = in_transaction(parts.engine, read)
    return render_template("console/escrow.html", escrow=escrow, row=escrow.row, sent=sent)

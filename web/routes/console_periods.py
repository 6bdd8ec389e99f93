"""The months: which are open, closed or asked to be reopened, and where one closes them."""

from flask import render_template

from payments.database import in_transaction
from payments.periods.read_periods import list_periods
from web.console_pages import ConsolePages
from web.parts import current_parts

blueprint = ConsolePages("console_periods")


@blueprint.page("/periods", action="ledger.read")
def show() -> str:
    """Show the months, newest first."""
    parts = current_parts()
    months = in_transaction(parts.engine, lambda session: list_periods(session, now=parts.now()))
    return render_template("console/periods.html", months=months)

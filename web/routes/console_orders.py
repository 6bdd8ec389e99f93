"""An order in the console: what was bought, how it was paid, where its money went."""

from flask import render_template

from payments.database import in_transaction
from payments.history.read_order_file import read_order_file
from web.authentication import current_caller
from web.console_pages import ConsolePages
from web.parts import current_parts

blueprint = ConsolePages("console_orders")


@blueprint.page("/orders/<id:order_id>")
def show(order_id: str) -> str:
    """Show an order with all that belongs to it."""
    file = in_transaction(
        current_parts().engine,
        lambda session: read_order_file(session, caller=current_caller(), order_id=order_id),
    )
    return render_template("console/order.html", file=file, order=file.order)

"""Job: render one document that somebody waits for."""

from collections.abc import Mapping
from typing import Any

from jobs.context import JobContext
from jobs.press import press_of
from payments.invoices.pro_forma import make_pro_forma
from payments.invoices.render_invoice import render_invoice as render


def render_invoice(context: JobContext, args: Mapping[str, Any]) -> dict[str, int]:
    """Render the document `invoice_id`, or the pro forma of `order_id`."""
    press = press_of(context)
    if "invoice_id" in args:
        done = render(context.engine, press, invoice_id=str(args["invoice_id"]))
    else:
        done = make_pro_forma(
            context.engine,
            press,
            order_id=str(args["order_id"]),
            pay_url=context.settings.invoice_pay_url,
        )
    return {"rendered": int(done)}

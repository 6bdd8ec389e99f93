"""Invoices and credit notes in requests and answers."""

from typing import Any, ClassVar

from marshmallow import fields, validate

from payments.invoices.access import LONGEST_REASON
from web.schemas.fields import HeaderTextField, MomentField, ShownAmountField, StrictSchema

_ORDER = "ord_01KB2V6Q0R8Y4W5Z7X9A1C3E5G"
_LINK = "7.1795435700.4TLYYLlW8mQb0PTgmVYUqYy0GdW0b1l1x0iJ6lVwQf0"


_REASON: dict[str, Any] = {
    "validate": validate.Length(max=LONGEST_REASON),
    "metadata": {
        "description": "Why finance, support or admin look at it; here or as the other of"
        " `reason` and X-Access-Reason. It is kept."
    },
}


class ReasonHeader(StrictSchema):
    """Why it is looked at."""

    reason = HeaderTextField(data_key="X-Access-Reason", **_REASON)


class FileHeaders(ReasonHeader):
    """Why it is looked at, and how long the caller waits for a file that is being made."""

    prefer = fields.String(
        data_key="Prefer",
        metadata={
            "description": "`wait=0` to `wait=10`: the seconds to wait for a file that is being"
            " made (RFC 7240, 4.3)."
        },
    )


class InvoiceQuery(StrictSchema):
    """Why it is looked at, and a signed link instead of a credential."""

    reason = fields.String(**_REASON)
    link = fields.String(
        validate=validate.Length(max=200),
        metadata={"description": "What `POST /api/invoices/{order_id}/links` gave."},
    )


class NewLink(StrictSchema):
    """A link to the documents of the order, good for five minutes; each request makes one."""

    example: ClassVar = {"reason": "The buyer asks for a copy: ticket 4711."}

    reason = fields.String(**_REASON)


class InvoiceLink(StrictSchema):
    """A path of this host that needs no other credential until `expires_at`."""

    example: ClassVar = {
        "url": f"/api/invoices/{_ORDER}.pdf?link={_LINK}",
        "link": _LINK,
        "expires_at": "2026-11-22T12:05:00Z",
    }

    url = fields.String(metadata={"description": "The PDF of the order's invoice."})
    link = fields.String(
        metadata={"description": "The same as `?link=` of any other document of the order."}
    )
    expires_at = MomentField()


class InvoiceFile(StrictSchema):
    """A rendered file: served with the same bytes for ever, whose hash this is."""

    sha256 = fields.String(metadata={"description": "Lower-case hex."})
    size = fields.Integer(metadata={"description": "Bytes."})
    renderer = fields.String()
    created_at = MomentField()


class InvoiceDocument(StrictSchema):
    """An invoice or a credit note; amounts in minor units, positive on credit notes too.

    Its files are at `/api/invoices/{order_id}/{number}.pdf` and `.xml`.
    """

    id = fields.String()
    kind = fields.String(validate=validate.OneOf(["invoice", "credit_note"]))
    number = fields.String()
    issued_at = MomentField()
    currency = fields.String()
    amount = ShownAmountField()
    tax_amount = ShownAmountField()
    corrects = fields.String(
        allow_none=True, metadata={"description": "The number of the document it refers to."}
    )
    refund_id = fields.String(allow_none=True)
    rendering = fields.String(validate=validate.OneOf(["waiting", "ready", "failed"]))
    problem = fields.String(
        allow_none=True, metadata={"description": "What keeps it from being rendered."}
    )
    pdf = fields.Nested(InvoiceFile, allow_none=True)
    xml = fields.Nested(InvoiceFile, allow_none=True)
    no_einvoice = fields.List(
        fields.String(), metadata={"description": "Why there is no XML: what EN 16931 lacks."}
    )


class Invoices(StrictSchema):
    """What was issued for an order: its invoice first, then credit notes in their order.

    `pro_forma`: the order is not paid. `waiting`: it is, and the invoice is about to be issued.
    """

    example: ClassVar = {
        "order_id": _ORDER,
        "status": "issued",
        "documents": [
            {
                "id": "inv_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
                "kind": "invoice",
                "number": "S0001-2026-000001",
                "issued_at": "2026-11-22T12:00:00Z",
                "currency": "EUR",
                "amount": "11900",
                "tax_amount": "1900",
                "corrects": None,
                "refund_id": None,
                "rendering": "ready",
                "problem": None,
                "pdf": {
                    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "size": 21034,
                    "renderer": "wkhtmltopdf 0.12.6",
                    "created_at": "2026-11-22T12:00:01Z",
                },
                "xml": None,
                "no_einvoice": ["The seller has no tax number."],
            }
        ],
    }

    order_id = fields.String()
    status = fields.String(validate=validate.OneOf(["issued", "pro_forma", "waiting", "none"]))
    documents = fields.List(fields.Nested(InvoiceDocument))

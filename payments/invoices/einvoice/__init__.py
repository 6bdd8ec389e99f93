"""The invoice that programs read: EN 16931 as CII XML, the profile EN 16931 of Factur-X 1.0."""

from payments.invoices.einvoice.embed import NotEmbeddableError, embed_einvoice
from payments.invoices.einvoice.make import EInvoiceError, make_einvoice
from payments.invoices.einvoice.obstacles import why_no_einvoice

__all__ = [
    "EInvoiceError",
    "NotEmbeddableError",
    "embed_einvoice",
    "make_einvoice",
    "why_no_einvoice",
]

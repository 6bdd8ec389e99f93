"""Where a search looks: for each kind of thing, its table and the columns that name it.

Every column has an index that answers for it; `webhook_inbox`, `payments` and the like have one
by provider, so the providers are named as well.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select

from payments.chain.tables import ChainIntent
from payments.escrow.tables import Escrow
from payments.freezes.tables import Freeze
from payments.invoices.tables import Invoice
from payments.lifecycle.tables import BankReceipt, Dispute, Payment, Refund
from payments.manual_entries.tables import ManualEntry
from payments.orders.tables import Order
from payments.parties.tables import Party
from payments.payouts.tables import PayoutAttempt, SellerPayout
from payments.reconciliation.tables import Finding, StatementLine
from payments.releases.tables import Release
from payments.search import describe
from payments.search.found import Found
from payments.settlement.tables import BalanceTransactionRow, Payout
from payments.webhooks.tables import InboxEvent

PROVIDERS = ("stripe", "truelayer", "gocardless")

Test = Callable[[str], ColumnElement[bool]]


@dataclass(frozen=True)
class Source:
    """A kind of thing: `prefix` of its ids; `names` maps what else it is known by to a test."""

    table: Any
    describe: Callable[[Any], Found]
    prefix: str | None
    names: dict[str, Test]


def _ref(table: Any, column: Any) -> Test:
    return lambda text: table.provider.in_(PROVIDERS) & (column == text)


def _lower(column: Any) -> Test:
    return lambda text: func.lower(column) == text.lower()


def _same(column: Any) -> Test:
    return lambda text: column == text


def _capital(column: Any) -> Test:
    return lambda text: column == text.upper()


def _payout_of(text: str) -> ColumnElement[bool]:
    attempts = PayoutAttempt.provider.in_(PROVIDERS) & (PayoutAttempt.provider_ref == text)
    return SellerPayout.id.in_(_ids(PayoutAttempt.payout_id, attempts))


def _payment_of_movement(text: str) -> ColumnElement[bool]:
    rows = BalanceTransactionRow
    return Payment.id.in_(_ids(rows.payment_id, rows.id == text))


def _ids(column: Any, test: ColumnElement[bool]) -> Any:
    return select(column).where(test)


SOURCES = (
    Source(Order, describe.order, "ord", {}),
    Source(
        Payment,
        describe.payment,
        "pay",
        {
            "provider id": _ref(Payment, Payment.provider_ref),
            "checkout session": _ref(Payment, Payment.checkout_session_ref),
            "bank reference": _capital(Payment.bank_reference),
            "balance transaction": _payment_of_movement,
        },
    ),
    Source(Refund, describe.refund, "rfd", {"provider id": _ref(Refund, Refund.provider_ref)}),
    Source(Dispute, describe.dispute, "dsp", {"provider id": _ref(Dispute, Dispute.provider_ref)}),
    Source(BankReceipt, describe.receipt, "rcp", {}),
    Source(
        Escrow,
        describe.escrow,
        "esc",
        {
            "contract address": _lower(Escrow.contract_address),
            "depositor's address": _lower(Escrow.depositor),
            "beneficiary's address": _lower(Escrow.beneficiary),
            "reference on chain": _same(Escrow.chain_reference),
        },
    ),
    Source(Release, describe.release, "rel", {}),
    Source(SellerPayout, describe.payout, "pyo", {"provider id": _payout_of}),
    Source(Payout, describe.settlement, "pyo", {"provider id": _ref(Payout, Payout.provider_ref)}),
    Source(Invoice, describe.invoice, "inv", {"number": _capital(Invoice.number_text)}),
    Source(InboxEvent, describe.event, None, {"event id": _ref(InboxEvent, InboxEvent.event_id)}),
    Source(ChainIntent, describe.intent, "cti", {}),
    Source(StatementLine, describe.line, "stl", {}),
    Source(Finding, describe.finding, "fnd", {}),
    Source(ManualEntry, describe.entry, "jrn", {}),
    Source(Freeze, describe.freeze, "frz", {}),
    Source(Party, describe.party, "pty", {}),
)

"""What the product asks of a provider, whoever it is: links to pay by bank, refunds, payouts.

Only a provider's own folder imports its SDK; use cases know these ports alone.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from payments.providers.facts import Fact, PayoutReported, RefundReported, Told

RefundReason = Literal["duplicate", "fraudulent", "requested_by_customer"]


@dataclass(frozen=True, kw_only=True)
class RefundRequest:
    """A refund to be made; `provider_ref` is the payment at its provider."""

    refund_id: str
    payment_id: str
    provider_ref: str
    amount: int
    currency: str
    reason: RefundReason | None
    reference: str
    """What the payee's statement quotes, at most 18 characters."""
    idempotency_key: str


class RefundPort(Protocol):
    """Gives money back over the rail it came by."""

    def create_refund(self, request: RefundRequest) -> RefundReported:
        """Make a refund, once per idempotency key.

        Raises:
            ConflictError, InvalidRequestError: refused; nothing went back.
            OutcomeUnknownError: no clear answer.
        """

    def find_refund(self, request: RefundRequest) -> RefundReported | None:
        """Return the refund if the provider has it.

        Raises:
            OutcomeUnknownError: no answer.
        """


@runtime_checkable
class ListsRefunds(Protocol):
    """Shows all refunds of a payment, those under way, too."""

    def list_refunds(self, provider_ref: str) -> Sequence[RefundReported]:
        """Return every refund of a payment, by the provider's id of the payment.

        Raises:
            ConflictError: there is no such payment.
            OutcomeUnknownError: no answer.
        """


@dataclass(frozen=True, kw_only=True)
class PayoutRequest:
    """A payout to a seller to be made, or asked about.

    `payment_ref` is the payment at its provider whose money it is. Of a connected account: its
    `account`; of a bank account: its `iban` and `holder`. `began_at` is when it may first have
    been asked for, `asked_at` now. `reference` is what the payee's statement quotes, at most 18
    characters.
    """

    payout_id: str
    attempt: int
    order_id: str
    payment_ref: str
    amount: int
    currency: str
    account: str | None = field(default=None, repr=False)
    iban: str | None = field(default=None, repr=False)
    holder: str | None = field(default=None, repr=False)
    reference: str
    idempotency_key: str
    began_at: dt.datetime
    asked_at: dt.datetime


@runtime_checkable
class PayoutPort(Protocol):
    """Pays sellers what was released to them, out of the money it took for us."""

    def create_payout(self, request: PayoutRequest) -> PayoutReported:
        """Make a payout, once per idempotency key.

        Raises:
            FundsNotThereYetError: refused, for now: what it would be paid from has not come.
            PayoutRefusedError: refused; nothing left. Its code says why.
            OutcomeUnknownError: no clear answer.
        """

    def find_payout(self, request: PayoutRequest) -> PayoutReported | None:
        """Return the payout if the provider has it, by the ids of ours that we wrote beside it.

        Raises:
            OutcomeUnknownError: no answer.
        """

    def get_payout(self, payout_ref: str) -> PayoutReported:
        """Return a payout by the provider's id of it, with all that came back of it.

        Raises:
            ConflictError: there is none.
            OutcomeUnknownError: no answer.
        """


@dataclass(frozen=True)
class Capabilities:
    """What a bank provider can do for us, as it is set up."""

    currencies: frozenset[str]
    cancels: bool
    lists_transactions: bool


@dataclass(frozen=True, kw_only=True)
class LinkRequest:
    """A page to be made on which a payer pays by bank; `amount` in minor units of `currency`."""

    payment_id: str
    order_id: str
    amount: int
    currency: str
    bank_reference: str
    payer_id: str
    payer_name: str
    payer_email: str | None
    return_url: str
    expires_at: dt.datetime
    idempotency_key: str


@dataclass(frozen=True)
class Link:
    """The page, and the provider's id of the payment made with it."""

    provider_ref: str
    url: str


@dataclass(frozen=True, kw_only=True)
class VerifiedEvent:
    """One signed event; `payload` is what `translate` reads, and what the inbox keeps.

    `matched_secret`: which version of our secret it was signed with, if it was one of ours.
    """

    event_id: str
    type: str
    occurred_at: dt.datetime
    payload: bytes
    matched_secret: str | None = None


@dataclass(frozen=True, kw_only=True)
class ProviderTransaction:
    """A movement on our account at the provider; positive came in.

    `kind`: `payment`, `refund`, `payout`, `transfer` or `other`; `subject_ref` is the provider's
    id of the payment or refund it belongs to.
    """

    transaction_ref: str
    kind: str
    subject_ref: str | None
    amount: int
    currency: str
    occurred_at: dt.datetime


class BankProvider(RefundPort, Protocol):
    """Takes payments from bank accounts."""

    name: str
    capabilities: Capabilities

    def create_link(self, request: LinkRequest) -> Link:
        """Make a page to pay on, once per idempotency key.

        Raises:
            ConflictError, InvalidRequestError: refused; nothing was made.
            OutcomeUnknownError: no clear answer.
        """

    def get_status(self, provider_ref: str, *, seen_at: dt.datetime) -> Sequence[Fact]:
        """Return where the payment stands, as facts.

        Raises:
            OutcomeUnknownError: no answer.
        """

    def cancel(
        self, provider_ref: str, *, idempotency_key: str, seen_at: dt.datetime
    ) -> Sequence[Fact]:
        """Take no money for it any more.

        Raises:
            ConflictError: too late, or the provider cannot.
            OutcomeUnknownError: no clear answer.
        """

    def verify_webhook(
        self, *, path: str, headers: Mapping[str, str], payload: bytes, now: dt.datetime
    ) -> Sequence[VerifiedEvent]:
        """Return the events of a webhook, byte for byte what the provider signed.

        `headers` has names in lower case.

        Raises:
            InvalidSignatureError: the provider did not sign this, or not within the last minutes.
            InvalidRequestError: it is signed, but no event.
            UnavailableError: the provider's keys cannot be fetched now.
        """

    def translate(self, payload: bytes) -> Sequence[Told]:
        """Return what a verified event tells; nothing when it means nothing here.

        Raises:
            MalformedEventError: it has not the form that is documented.
        """

    def list_transactions(
        self, *, currency: str, since: dt.datetime, until: dt.datetime
    ) -> Iterator[ProviderTransaction]:
        """Return what moved on our account at the provider, oldest first.

        Raises:
            OutcomeUnknownError: no answer.
        """

    def balance(self, *, currency: str) -> int | None:
        """Return our balance at the provider now; None when it keeps none for us.

        Raises:
            OutcomeUnknownError: no answer.
        """

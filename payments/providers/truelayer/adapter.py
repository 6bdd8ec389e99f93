"""TrueLayer behind the port of bank providers: Payments API v3 into merchant accounts of ours."""

import datetime as dt
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from payments.bank_settings import TrueLayerSettings
from payments.errors import ConflictError
from payments.providers.exchange import Exchange
from payments.providers.facts import Canceled, Fact, PayoutReported, RefundReported, Told
from payments.providers.outcome import (
    OutcomeUnknownError,
    PayoutRefusedError,
    UnexpectedStateError,
)
from payments.providers.ports import (
    Capabilities,
    Link,
    LinkRequest,
    PayoutRequest,
    ProviderTransaction,
    RefundRequest,
    VerifiedEvent,
)
from payments.providers.truelayer import (
    events,
    merchant_account,
    metadata,
    payouts,
    refunds,
)
from payments.providers.truelayer.metadata import Due
from payments.providers.truelayer.payment_facts import (
    CANCELABLE,
    PROVIDER,
    facts_of_payment,
    whose_shown,
)
from payments.providers.truelayer.shown_values import secret_text, text
from payments.providers.truelayer.signing_keys import SigningKeys
from payments.providers.truelayer.wire import Wire

_USERS = uuid.UUID("5b0d3c5e-5f52-4a5f-8f8e-6d7a3f1d9c24")  # TrueLayer wants UUIDs of payers
_KEYS_TIMEOUT_S = 5


class TrueLayer:
    """TrueLayer, as `BankProvider` describes it; threads may share one."""

    name = PROVIDER

    def __init__(
        self,
        settings: TrueLayerSettings,
        *,
        connect_timeout_s: float = 3,
        read_timeout_s: float = 20,
        clock: Callable[[], float] = time.monotonic,
        gate: Callable[[], None] = lambda: None,
    ) -> None:
        """Nothing is asked of TrueLayer yet.

        `gate` is asked before each call that changes something, and raises when it must not be.
        """
        self._settings = settings
        self._wire = Wire(
            settings,
            Exchange(
                whose="truelayer",
                connect_timeout_s=connect_timeout_s,
                read_timeout_s=read_timeout_s,
                clock=clock,
            ),
            clock,
            gate=gate,
        )
        keys_exchange = Exchange(
            whose="truelayer",
            connect_timeout_s=connect_timeout_s,
            read_timeout_s=min(read_timeout_s, _KEYS_TIMEOUT_S),
            clock=clock,
        )
        self._keys = SigningKeys(settings.jwks_url, keys_exchange, clock)
        self.capabilities = Capabilities(
            frozenset(settings.merchant_accounts), cancels=True, lists_transactions=True
        )

    def create_link(self, request: LinkRequest) -> Link:
        """See `BankProvider`."""
        made = self._wire.post(
            "payments", idempotency_key=request.idempotency_key, body=self._payment(request)
        )
        try:
            provider_ref, token = text(made["id"]), secret_text(made["resource_token"])
        except (KeyError, TypeError, ValueError):
            raise OutcomeUnknownError("TrueLayer's new payment is not readable.") from None
        if made.get("status") == "failed":
            raise ConflictError("TrueLayer did not begin the payment.", code="provider_refused")
        to_page = {
            "payment_id": provider_ref,
            "resource_token": token,
            "return_uri": request.return_url,
        }
        page = f"{self._settings.page_url.rstrip('/')}/payments"
        return Link(provider_ref, f"{page}#{urlencode(to_page, quote_via=quote, safe='')}")

    def get_status(self, provider_ref: str, *, seen_at: dt.datetime) -> Sequence[Fact]:
        """See `BankProvider`.

        Raises:
            ConflictError: TrueLayer has no such payment.
        """
        payment = self._wire.get("payments", provider_ref)
        try:
            return facts_of_payment(payment, seen_at=seen_at)
        except (KeyError, TypeError, ValueError):
            raise OutcomeUnknownError("TrueLayer's payment is not readable.") from None

    def cancel(
        self, provider_ref: str, *, idempotency_key: str, seen_at: dt.datetime
    ) -> Sequence[Fact]:
        """See `BankProvider`. One that had failed before is as good as canceled."""
        refusal: ConflictError | None = None
        try:
            self._wire.post(
                "payments", provider_ref, "actions", "cancel", idempotency_key=idempotency_key
            )
        except ConflictError as error:
            refusal = error
        payment = self._wire.get("payments", provider_ref)
        try:
            whose, status = whose_shown(payment), text(payment["status"])
        except (KeyError, TypeError, ValueError):
            raise OutcomeUnknownError("TrueLayer's payment is not readable.") from None
        if status == "failed":
            return [Canceled(**whose.at(seen_at, status))]
        if refusal is None and status in CANCELABLE:
            raise OutcomeUnknownError("TrueLayer has not canceled the payment yet.")
        raise UnexpectedStateError(f"It is too late to cancel the payment: {status}.")

    def create_refund(self, request: RefundRequest) -> RefundReported:
        """See `RefundPort`."""
        return refunds.create(self._wire, request)

    def list_refunds(self, provider_ref: str) -> Sequence[RefundReported]:
        """See `ListsRefunds`."""
        return refunds.list_all(self._wire, provider_ref)

    def find_refund(self, request: RefundRequest) -> RefundReported | None:
        """See `RefundPort`.

        Raises:
            ConflictError: TrueLayer has no such payment.
        """
        return refunds.find(self._wire, request)

    def create_payout(self, request: PayoutRequest) -> PayoutReported:
        """See `PayoutPort`."""
        return payouts.create(self._wire, self._account_of(request), request)

    def find_payout(self, request: PayoutRequest) -> PayoutReported | None:
        """See `PayoutPort`.

        Raises:
            ConflictError: TrueLayer has no such account.
        """
        return payouts.find(self._wire, self._account_of(request), request)

    def get_payout(self, payout_ref: str) -> PayoutReported:
        """See `PayoutPort`."""
        return payouts.get(self._wire, payout_ref)

    def verify_webhook(
        self, *, path: str, headers: Mapping[str, str], payload: bytes, now: dt.datetime
    ) -> Sequence[VerifiedEvent]:
        """See `BankProvider`."""
        event = events.verify(
            path=path,
            headers=headers,
            payload=payload,
            now=now,
            keys=self._keys,
            jwks_url=self._settings.jwks_url,
        )
        return [event]

    def translate(self, payload: bytes) -> Sequence[Told]:
        """See `BankProvider`."""
        return events.translate(payload)

    def list_transactions(
        self, *, currency: str, since: dt.datetime, until: dt.datetime
    ) -> Iterator[ProviderTransaction]:
        """See `BankProvider`."""
        account_id = self._settings.merchant_accounts.get(currency)
        if account_id is None:
            return iter(())
        return merchant_account.transactions(self._wire, account_id, since=since, until=until)

    def balance(self, *, currency: str) -> int | None:
        """See `BankProvider`."""
        account_id = self._settings.merchant_accounts.get(currency)
        return None if account_id is None else merchant_account.balance(self._wire, account_id)

    def _account_of(self, request: PayoutRequest) -> str:
        account_id = self._settings.merchant_accounts.get(request.currency)
        if account_id is None:
            raise PayoutRefusedError("No account at TrueLayer has this currency.")
        return account_id

    def _payment(self, request: LinkRequest) -> dict[str, Any]:
        """Return what TrueLayer is told of a payment; the same request gives the same."""
        account_id = self._settings.merchant_accounts.get(request.currency)
        if account_id is None:
            raise ConflictError("No account takes this currency.", code="currency_not_supported")
        if request.payer_email is None:  # or a phone number, which nobody asks buyers for
            detail = "TrueLayer needs the buyer's e-mail address."
            raise ConflictError(detail, code="provider_refused")
        user = {
            "id": str(uuid.uuid5(_USERS, request.payer_id)),
            "name": request.payer_name,
            "email": request.payer_email,
        }
        return {
            "amount_in_minor": request.amount,
            "currency": request.currency,
            "payment_method": {
                "type": "bank_transfer",
                "provider_selection": {"type": "user_selected"},
                "beneficiary": {
                    "type": "merchant_account",
                    "merchant_account_id": account_id,
                    "reference": request.bank_reference,
                },
            },
            "user": user,
            "metadata": metadata.of_payment(
                payment_id=request.payment_id,
                order_id=request.order_id,
                due=Due(request.amount, request.currency),
            ),
        }

"""TrueLayer behind the port of bank providers."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

from payments.bank_settings import TrueLayerSettings
from payments.providers.facts import Fact, RefundReported
from payments.providers.ports import (
    Capabilities,
    Link,
    LinkRequest,
    ProviderTransaction,
    RefundRequest,
    VerifiedEvent,
)


class TrueLayer:
    """TrueLayer, as `BankProvider` describes it."""

    name = "truelayer"

    def __init__(self, settings: TrueLayerSettings) -> None:
        """Nothing is asked of TrueLayer yet."""
        self._settings = settings
        self.capabilities = Capabilities(frozenset(), cancels=False, lists_transactions=False)

    def create_link(self, request: LinkRequest) -> Link:
        """See `BankProvider`."""
        raise NotImplementedError

    def get_status(self, provider_ref: str, *, seen_at: dt.datetime) -> Sequence[Fact]:
        """See `BankProvider`."""
        raise NotImplementedError

    def cancel(
        self, provider_ref: str, *, idempotency_key: str, seen_at: dt.datetime
    ) -> Sequence[Fact]:
        """See `BankProvider`."""
        raise NotImplementedError

    def create_refund(self, request: RefundRequest) -> RefundReported:
        """See `RefundPort`."""
        raise NotImplementedError

    def find_refund(self, request: RefundRequest) -> RefundReported | None:
        """See `RefundPort`."""
        raise NotImplementedError

    def verify_webhook(
        self, *, path: str, headers: Mapping[str, str], payload: bytes, now: dt.datetime
    ) -> Sequence[VerifiedEvent]:
        """See `BankProvider`."""
        raise NotImplementedError

    def translate(self, payload: bytes) -> Sequence[Fact]:
        """See `BankProvider`."""
        raise NotImplementedError

    def list_transactions(
        self, *, currency: str, since: dt.datetime, until: dt.datetime
    ) -> Iterator[ProviderTransaction]:
        """See `BankProvider`."""
        raise NotImplementedError

    def balance(self, *, currency: str) -> int | None:
        """See `BankProvider`."""
        raise NotImplementedError

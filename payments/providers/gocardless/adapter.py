"""GoCardless behind the port of bank providers.

A payment's `provider_ref` is its billing request (`BRQ…`), which is there from the beginning. The
payment (`PM…`) comes into being when the payer has authorised it; it is the reference of the money
received, and is looked up where it is needed. Events about it name our payment by its metadata.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence

from payments.bank_settings import GoCardlessSettings
from payments.errors import ConflictError
from payments.providers.facts import Fact, RefundReported
from payments.providers.gocardless import links, looks, refunds, webhooks
from payments.providers.gocardless.client import Wire
from payments.providers.gocardless.payment_facts import PROVIDER
from payments.providers.ports import (
    Capabilities,
    Link,
    LinkRequest,
    ProviderTransaction,
    RefundRequest,
    VerifiedEvent,
)
from payments.secret_versions.kinds import Kind
from payments.secret_versions.source import FixedSecrets, SecretSource, with_live_versions


class GoCardless:
    """GoCardless, as `BankProvider` describes it; threads may share one."""

    name = PROVIDER

    def __init__(
        self,
        settings: GoCardlessSettings,
        secrets: SecretSource | None = None,
        *,
        gate: Callable[[], None] = lambda: None,
    ) -> None:
        """Nothing is asked of GoCardless yet; without `secrets`, those of the settings are live.

        `gate` is asked before each call that changes something, and raises when it must not be.
        """
        self._secrets = secrets or FixedSecrets({Kind.GOCARDLESS_WEBHOOK: settings.webhook_secrets})
        self._wire = Wire(settings, gate=gate)
        self.capabilities = Capabilities(
            frozenset(links.SCHEMES), cancels=True, lists_transactions=False
        )

    def create_link(self, request: LinkRequest) -> Link:
        """See `BankProvider`."""
        return links.create_link(self._wire, request)

    def get_status(self, provider_ref: str, *, seen_at: dt.datetime) -> Sequence[Fact]:
        """See `BankProvider`."""
        return looks.get_status(self._wire, provider_ref, seen_at=seen_at)

    def cancel(
        self, provider_ref: str, *, idempotency_key: str, seen_at: dt.datetime
    ) -> Sequence[Fact]:
        """See `BankProvider`; it can be done until the payer has authorised the payment."""
        return looks.cancel(
            self._wire, provider_ref, idempotency_key=idempotency_key, seen_at=seen_at
        )

    def create_refund(self, request: RefundRequest) -> RefundReported:
        """See `RefundPort`."""
        return refunds.create(self._wire, request)

    def find_refund(self, request: RefundRequest) -> RefundReported | None:
        """See `RefundPort`."""
        return refunds.find(self._wire, request)

    def verify_webhook(
        self,
        *,
        path: str,  # noqa: ARG002 - GoCardless signs the body alone
        headers: Mapping[str, str],
        payload: bytes,
        now: dt.datetime,
    ) -> Sequence[VerifiedEvent]:
        """See `BankProvider`."""
        return with_live_versions(
            self._secrets,
            Kind.GOCARDLESS_WEBHOOK,
            lambda secrets: webhooks.verify(payload, headers=headers, secrets=secrets),
            now=now,
        )

    def translate(self, payload: bytes) -> Sequence[Fact]:
        """See `BankProvider`."""
        return webhooks.translate(payload)

    def list_transactions(
        self,
        *,
        currency: str,  # noqa: ARG002 - the port asks for it
        since: dt.datetime,  # noqa: ARG002 - the port asks for it
        until: dt.datetime,  # noqa: ARG002 - the port asks for it
    ) -> Iterator[ProviderTransaction]:
        """Refuse: the items of GoCardless' payouts have no ids, and fees in tenths of a cent.

        Raises:
            ConflictError: always; see `capabilities`.
        """
        raise ConflictError("GoCardless lists no transactions that could be booked.")

    def balance(
        self,
        *,
        currency: str,  # noqa: ARG002 - the port asks for it
    ) -> int | None:
        """Return None: what GoCardless keeps is less its fees, and goes out daily in payouts."""
        return None

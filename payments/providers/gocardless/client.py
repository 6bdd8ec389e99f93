"""The official client, set up so that nothing is left to its defaults."""

from collections.abc import Callable
from typing import Any

from gocardless_pro.services import (
    BillingRequestFlowsService,
    BillingRequestsService,
    EventsService,
    PaymentsService,
    RefundsService,
)

from payments.bank_settings import GoCardlessSettings
from payments.providers.exchange import Exchange
from payments.providers.gocardless.transport import Transport

CONNECT_TIMEOUT_S = 3
READ_TIMEOUT_S = 20

_ATTEMPTS = 1  # what the client calls its retries is how often it tries in all
_RETRY_DELAY_S = 0
_RAISE_ON_CONFLICT = False  # what a key has made before is fetched instead


class Wire:
    """The parts of GoCardless' API that we use; threads may share one.

    It does not repeat calls by itself: repeating is decided by whoever knows the row. The client's
    front door, `gocardless_pro.Client`, tries thrice with half a second between and cannot be told
    otherwise, so its services are made here.
    """

    def __init__(
        self, settings: GoCardlessSettings, *, gate: Callable[[], None] = lambda: None
    ) -> None:
        """Connections open on first use; `gate` raises when nothing may be changed there now."""
        exchange = Exchange(
            whose="gocardless",
            connect_timeout_s=CONNECT_TIMEOUT_S,
            read_timeout_s=READ_TIMEOUT_S,
        )
        api = Transport(settings.api_url, settings.access_token, exchange, gate=gate)
        once = (api, _ATTEMPTS, _RETRY_DELAY_S, _RAISE_ON_CONFLICT)
        self.billing_requests = BillingRequestsService(*once)
        self.billing_request_flows = BillingRequestFlowsService(*once)
        self.payments = PaymentsService(*once)
        self.refunds = RefundsService(*once)
        self.events = EventsService(*once)


def under(idempotency_key: str) -> dict[str, Any]:
    """Return what makes a call happen once for this key, which GoCardless keeps for 30 days."""
    return {"headers": {"Idempotency-Key": idempotency_key}}

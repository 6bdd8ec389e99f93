"""The Stripe SDK, set up so that nothing is left to its defaults."""

from collections.abc import Callable

from stripe import StripeClient

from payments.providers.stripe.pooled_http import PooledClient
from payments.settings import Settings

__all__ = ["API_VERSION", "StripeClient", "connect_stripe"]

API_VERSION = "2026-10-28.endive"  # requests and answers keep this form until we change it
CONNECT_TIMEOUT_S = 3
READ_TIMEOUT_S = 20


def connect_stripe(settings: Settings, *, gate: Callable[[], None] = lambda: None) -> StripeClient:
    """Return a client for this process.

    It does not repeat calls by itself: repeating is decided by whoever knows the intent's row.
    `gate` is asked before each call that changes something, and raises when it must not be made.
    """
    return StripeClient(
        settings.stripe_secret_key,
        base_addresses={"api": settings.stripe_api_url},
        stripe_version=API_VERSION,
        max_network_retries=0,
        http_client=PooledClient(
            connect_timeout_s=CONNECT_TIMEOUT_S, read_timeout_s=READ_TIMEOUT_S, gate=gate
        ),
    )

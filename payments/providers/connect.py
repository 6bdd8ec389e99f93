"""Every provider that is set up, connected once for each process."""

from collections.abc import Mapping
from dataclasses import dataclass

from payments.providers.gocardless.adapter import GoCardless
from payments.providers.ports import BankProvider
from payments.providers.stripe.client import StripeClient, connect_stripe
from payments.providers.truelayer.adapter import TrueLayer
from payments.settings import Settings


@dataclass(frozen=True)
class Providers:
    """Stripe, and the bank providers by name, the preferred one first."""

    stripe: StripeClient
    banks: Mapping[str, BankProvider]


def connect_providers(settings: Settings) -> Providers:
    """Return all providers that the settings name; connections open on first use."""
    banks: dict[str, BankProvider] = {}
    if settings.truelayer is not None:
        banks[TrueLayer.name] = TrueLayer(settings.truelayer)
    if settings.gocardless is not None:
        banks[GoCardless.name] = GoCardless(settings.gocardless)
    return Providers(stripe=connect_stripe(settings), banks=banks)

"""Who pays a seller: the provider that has the money."""

from payments.providers.connect import Providers
from payments.providers.outcome import OutcomeUnknownError, PayoutRefusedError
from payments.providers.ports import PayoutPort
from payments.providers.stripe.giveback_facts import PROVIDER as STRIPE
from payments.providers.stripe.transfers import StripeTransfers


def payout_port(providers: Providers, name: str) -> PayoutPort:
    """Return the way to a provider's payouts.

    Raises:
        PayoutRefusedError: it pays nobody out.
        OutcomeUnknownError: it is not set up here, or not any more.
    """
    if name == STRIPE:
        return StripeTransfers(providers.stripe)
    bank = providers.banks.get(name)
    if bank is None:
        raise OutcomeUnknownError(f"{name} is not set up here.")
    if not isinstance(bank, PayoutPort):
        raise PayoutRefusedError(f"{name} cannot pay out.", code="provider_cannot_pay_out")
    return bank

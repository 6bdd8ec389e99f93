"""Who gives money back: the provider that took it."""

from payments.providers.connect import Providers
from payments.providers.outcome import OutcomeUnknownError
from payments.providers.ports import RefundPort
from payments.providers.stripe.giveback_facts import PROVIDER as STRIPE
from payments.providers.stripe.refunds import StripeRefunds


def refund_port(providers: Providers, name: str) -> RefundPort:
    """Return the way to a provider's refunds.

    Raises:
        OutcomeUnknownError: it is not set up here, or not any more.
    """
    if name == STRIPE:
        return StripeRefunds(providers.stripe)
    bank = providers.banks.get(name)
    if bank is None:
        raise OutcomeUnknownError(f"{name} is not set up here.")
    return bank

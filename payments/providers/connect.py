"""Every provider that is set up, connected once for each process."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from payments.providers.chain_port import ChainPort, KeystorePort, SignerPort
from payments.providers.evm.connect import connect_chains, connect_signer, open_keystore
from payments.providers.gocardless.adapter import GoCardless
from payments.providers.ports import BankProvider
from payments.providers.stripe.client import StripeClient, connect_stripe
from payments.providers.truelayer.adapter import TrueLayer
from payments.secret_versions.source import SecretSource
from payments.settings import Settings


@dataclass(frozen=True)
class Providers:
    """Stripe, the bank providers by name, the preferred one first, and the chains by name.

    Who signs is a process of its own (`signer`), or this one has the keys (`keystore`), or neither.
    """

    stripe: StripeClient
    banks: Mapping[str, BankProvider]
    chains: Mapping[str, ChainPort] = field(default_factory=dict)
    signer: SignerPort | None = None
    keystore: KeystorePort | None = None


def connect_providers(
    settings: Settings,
    *,
    secrets: SecretSource | None = None,
    gate: Callable[[], None] = lambda: None,
) -> Providers:
    """Return all providers that the settings name; connections open on first use.

    `secrets` is where the live webhook secrets are had from, in a process that takes webhooks.
    `gate` is asked before every call that changes something, and raises when it must not be made.
    """
    banks: dict[str, BankProvider] = {}
    if settings.truelayer is not None:
        banks[TrueLayer.name] = TrueLayer(settings.truelayer, gate=gate)
    if settings.gocardless is not None:
        banks[GoCardless.name] = GoCardless(settings.gocardless, secrets, gate=gate)
    return Providers(
        stripe=connect_stripe(settings, gate=gate),
        banks=banks,
        chains=connect_chains(settings.chains, gate=gate),
        signer=connect_signer(settings.chain_signer),
        keystore=open_keystore(settings.chain_signer),
    )

"""What the shop is told through its environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.identity import AUDIENCE, ISSUER
from sandbox.shop.catalogue import CHAIN_ASSETS, Product

STRIPE_JS_URL = "https://js.stripe.com/v3/"


@dataclass(frozen=True)
class ShopSettings:
    """Where Strongroom and Stripe.js are, and the secrets the shop's own server holds."""

    url: str
    strongroom_url: str
    service_key: str = field(repr=False)
    identity_key: str = field(repr=False)
    issuer: str
    audience: str
    stripe_js_url: str
    bank_currencies: tuple[str, ...]
    chain_rpc_url: str | None
    wallet_key: bytes | None = field(repr=False)

    @property
    def uses_real_stripe(self) -> bool:
        """Whether card fields come from Stripe itself."""
        return self.stripe_js_url == STRIPE_JS_URL

    def is_on_chain(self, currency: str) -> bool:
        """Whether an order in this currency is paid into an escrow."""
        return currency in CHAIN_ASSETS

    def ways_to_pay(self, currency: str) -> tuple[str, ...]:
        """What a buyer may choose from at the checkout of an order in this currency."""
        if self.is_on_chain(currency):
            return ("escrow on chain",)
        return ("card", "bank") if currency in self.bank_currencies else ("card",)

    def sells(self, product: Product) -> bool:
        """Whether there is a way to pay for a product."""
        return self.chain_rpc_url is not None or not self.is_on_chain(product.currency)


def read_shop_settings(environ: Mapping[str, str], *, port: int) -> ShopSettings:
    """Read the settings.

    Raises:
        KeyError: names the variable that is missing.
    """
    return ShopSettings(
        url=f"http://127.0.0.1:{port}",
        strongroom_url=environ["STRONGROOM_URL"].rstrip("/"),
        service_key=environ["STRONGROOM_API_KEY"],
        identity_key=environ["SHOP_IDENTITY_KEY"],
        issuer=environ.get("JWT_ISSUER") or ISSUER,
        audience=environ.get("JWT_AUDIENCE") or AUDIENCE,
        stripe_js_url=environ.get("STRIPE_JS_URL") or STRIPE_JS_URL,
        bank_currencies=_listed(environ.get("BANK_CURRENCIES", "")),
        chain_rpc_url=environ.get("CHAIN_RPC_URL"),
        wallet_key=bytes.fromhex(environ["SHOP_WALLET_KEY"])
        if "CHAIN_RPC_URL" in environ
        else None,
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(",") if part)

"""What the demo shop sells, and how prices are written."""

from dataclasses import dataclass

_DECIMALS = {"USD": 2, "EUR": 2, "JPY": 0, "USDC": 6, "ETH": 18}
CHAIN_ASSETS = ("USDC", "ETH")
"""What is paid with a wallet; amounts are shown to the cent, or to the last digit there is."""
_SHOWN_DECIMALS = 2
_SIGNS = {"USD": "$", "EUR": "€", "JPY": "¥"}


@dataclass(frozen=True)
class Product:
    """Something on sale; `net` is the price without tax in minor units of `currency`."""

    slug: str
    name: str
    about: str
    currency: str
    net: int
    tax_percent: int

    @property
    def price(self) -> int:
        """What the buyer pays, tax included, in minor units; exact for everything on sale."""
        return self.net * (100 + self.tax_percent) // 100

    @property
    def platform_fee(self) -> int:
        """What the platform keeps when the money is released, in minor units."""
        return self.net * 5 // 100


PRODUCTS = (
    Product("stool", "Walnut stool", "Three legs, oiled by hand", "USD", 15000, 8),
    Product("mug", "Stoneware mug", "Thrown and glazed in small batches", "USD", 2500, 8),
    Product("lamp", "Brass desk lamp", "Solid brass, warm light", "EUR", 10000, 19),
    Product("tote", "Linen tote", "Carries a week of groceries", "USD", 4000, 8),
    Product("clock", "Wall clock", "Quiet, in a frame of cherry wood", "EUR", 20000, 19),
    Product("bowl", "Salt-glazed bowl", "Fired once, paid on chain", "USDC", 40_000_000, 19),
    Product("canister", "Tea canister", "Cherry bark, airtight lid", "JPY", 4000, 10),
)


def find_product(slug: str) -> Product | None:
    """The product with this slug, or None."""
    return next((product for product in PRODUCTS if product.slug == slug), None)


def written(amount: int, currency: str) -> str:
    """An amount of minor units as people read it: 1190000 EUR is €11,900.00.

    On chain there are more digits than people want to see: 5000000 USDC is USDC 5.00.
    """
    decimals = _DECIMALS.get(currency, 2)
    whole, part = divmod(amount, 10**decimals)
    digits = f"{part:0{decimals}d}"
    if currency in CHAIN_ASSETS:
        digits = digits.rstrip("0").ljust(_SHOWN_DECIMALS, "0")
    fraction = f".{digits}" if decimals else ""
    return f"{_SIGNS.get(currency, currency + ' ')}{whole:,}{fraction}"

"""The banks a payer can choose from on the hosted page; all of them are made up."""

from dataclasses import dataclass

from sandbox.bank.refusals import missing
from sandbox.simulated.store import Resource


@dataclass(frozen=True)
class Bank:
    """A payer's bank: how it is called, and the account its one customer has there."""

    slug: str
    name: str
    country: str
    iban: str

    @property
    def provider_id(self) -> str:
        """How TrueLayer calls it."""
        return f"sandbox-{self.slug}"

    def identifiers(self, currency: str) -> list[Resource]:
        """The payer's account there, as TrueLayer writes it."""
        if currency == "USD":
            return [{"type": "nrb", "account_number": self.iban[-10:]}]
        return [{"type": "iban", "iban": self.iban}]


BANKS = (
    Bank("harbour", "Blue Harbour Bank", "DE", "DE81700700100012345678"),
    Bank("linden", "Linden Savings", "DE", "DE65120300000987654321"),
    Bank("fern", "Fern & Field", "GB", "GB80FERN40478412345678"),
    Bank("polar", "Polar Direct", "NL", "NL33POLR0123456789"),
)


def find_bank(slug: str) -> Bank:
    """The bank of this name.

    Raises:
        Refusal: there is none.
    """
    for bank in BANKS:
        if bank.slug == slug:
            return bank
    raise missing("bank", slug)

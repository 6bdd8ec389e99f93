"""Assets: what is counted, and how many decimals its unit has."""

from typing import NamedTuple

from sqlalchemy import Connection

from ledger.errors import UnknownAssetError


class Asset(NamedTuple):
    """An asset; `exponent` is its number of decimals: USD 2, JPY 0, ETH 18."""

    id: int
    code: str
    exponent: int

    def display(self, amount: int) -> str:
        """Return an amount of minor units as people write it: 12345 USD is `123.45`."""
        sign = "-" if amount < 0 else ""
        digits = str(abs(amount)).rjust(self.exponent + 1, "0")
        if self.exponent == 0:
            return sign + digits
        return f"{sign}{digits[: -self.exponent]}.{digits[-self.exponent :]}"


def assets(connection: Connection) -> dict[str, Asset]:
    """Return all assets by code."""
    rows = connection.exec_driver_sql("SELECT id, code, exponent FROM ledger.assets ORDER BY code")
    return {row.code: Asset(row.id, row.code, row.exponent) for row in rows}


def define_asset(connection: Connection, *, code: str, exponent: int) -> None:
    """Add an asset, for example a token; one that exists stays as it is.

    Raises:
        UnknownAssetError: the code exists with another exponent.
    """
    connection.exec_driver_sql("SELECT ledger.define_asset(%s, %s::smallint)", (code, exponent))
    existing = assets(connection)[code]
    if existing.exponent != exponent:
        raise UnknownAssetError(f"{code} has {existing.exponent} decimals, not {exponent}")

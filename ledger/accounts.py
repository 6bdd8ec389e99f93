"""Accounts: opened by path and asset, found again by them."""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from sqlalchemy import Connection

from ledger.assets import assets
from ledger.errors import AccountDiffersError, UnknownAssetError

Mode = Literal["strict", "deferred"]
AccountName = tuple[str, str]  # path and asset code


class AccountSpec(NamedTuple):
    """An account to open.

    `path` begins with assets, liabilities, equity, income or expenses. A `strict` account is
    locked by each posting and may have a `floor`: the least balance in its natural direction,
    holds taken off, in minor units; 0 on a liability means that no more is paid out than is owed.
    A `deferred` account has no floor and is made for many concurrent postings.
    """

    path: str
    asset: str
    mode: Mode = "strict"
    floor: int | None = None


def open_accounts(connection: Connection, specs: Sequence[AccountSpec]) -> dict[AccountName, int]:
    """Open accounts that do not exist yet; return the ids of all, by path and asset code.

    Raises:
        UnknownAssetError: an asset code nobody defined.
        AccountDiffersError: an account exists with another mode or floor.
    """
    unknown = {spec.asset for spec in specs} - assets(connection).keys()
    if unknown:
        raise UnknownAssetError(f"there is no asset {', '.join(sorted(unknown))}")
    rows = connection.exec_driver_sql(
        "SELECT * FROM ledger.open_accounts(%s::text[], %s::text[], %s::text[], %s::numeric[])",
        (
            [spec.path for spec in specs],
            [spec.asset for spec in specs],
            [spec.mode for spec in specs],
            [None if spec.floor is None else str(spec.floor) for spec in specs],
        ),
    ).all()
    found = {(row.path, row.asset): row for row in rows}
    for spec in specs:
        row = found[spec.path, spec.asset]
        floor = None if row.floor is None else int(row.floor)
        if (row.mode, floor) != (spec.mode, spec.floor):
            raise AccountDiffersError(
                f"{spec.path} ({spec.asset}) is {row.mode} with floor {floor}, "
                f"not {spec.mode} with floor {spec.floor}"
            )
    return {name: row.id for name, row in found.items()}


def find_account_ids(
    connection: Connection, names: Iterable[AccountName]
) -> dict[AccountName, int]:
    """Return the ids of those accounts that exist, by path and asset code."""
    wanted = list(names)
    rows = connection.exec_driver_sql(
        "SELECT a.path, s.code, a.id FROM ledger.accounts a JOIN ledger.assets s"
        " ON s.id = a.asset_id JOIN unnest(%s::text[], %s::text[]) AS w (path, code)"
        " ON w.path = a.path AND w.code = s.code",
        ([path for path, _ in wanted], [asset for _, asset in wanted]),
    )
    return {(row.path, row.code): row.id for row in rows}

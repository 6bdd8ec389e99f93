"""The packages that accounts are mapped to, and what each wants."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from payments.errors import ConflictError

PACKAGES = ("quickbooks", "xero")

# What `control` of ledger.accounts is made by: an account of one order, party, payment or contract.
_SUBSIDIARY = re.compile(":([a-z]{2,5}_[0-9A-Z]{26}|0x[0-9A-Fa-f]{40})$")


class Target(NamedTuple):
    """An account of a package: its code or name, and the name of the tax rate to book it with."""

    code: str
    tax_code: str | None


class MappingMissingError(ConflictError):
    """Accounts that moved have no counterpart in the package; `errors` names each."""

    code = "mapping_missing"

    def __init__(self, package: str, accounts: list[str]) -> None:
        super().__init__(
            f"{len(accounts)} accounts are not mapped to {package}.",
            errors={account: ["Give it an account of the package."] for account in accounts},
        )


def control_of(path: str) -> str:
    """Return the control account of an account: `liabilities:escrow` for that of an order."""
    return _SUBSIDIARY.sub("", path)


def target_of(path: str, targets: Mapping[str, Target]) -> Target | None:
    """Return what an account is mapped to: by itself, or by its control account."""
    return targets.get(path) or targets.get(control_of(path))

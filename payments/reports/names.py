"""The reports by name: what each tells, and which filters it takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Detail = Literal["control", "account"]

_ALWAYS = frozenset({"from", "to", "as_of", "by", "asset"})


@dataclass(frozen=True)
class Definition:
    """A report's title and filters; one that `is_paged` is long, and as JSON comes in pages."""

    title: str
    accepts: frozenset[str]
    needs: frozenset[str] = frozenset()
    is_paged: bool = False


def _taking(*more: str, without: str = "") -> frozenset[str]:
    return (_ALWAYS | frozenset(more)) - {without}


DEFINITIONS: Mapping[str, Definition] = {
    "trial-balance": Definition("Trial balance", _taking("account", "control", "detail")),
    "general-ledger": Definition("General ledger", _taking("account", "control"), is_paged=True),
    "journal": Definition("Journal", _taking("account", "control"), is_paged=True),
    "account-statement": Definition(
        "Account statement", _taking("account"), frozenset({"account"}), is_paged=True
    ),
    "income-statement": Definition("Income statement", _taking()),
    "balance-sheet": Definition("Balance sheet", _taking(without="from")),
    "escrow-positions": Definition("Escrow positions", _taking("seller_id")),
    "fees": Definition("Fees", _taking()),
    "seller-statement": Definition(
        "Seller statement", _taking("seller_id"), frozenset({"seller_id"})
    ),
    "ageing-pending": Definition("Ageing of pending money", _taking(without="from")),
    "ageing-suspense": Definition("Ageing of suspense", _taking(without="from")),
}

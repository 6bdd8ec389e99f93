"""A destination as asked for, and what must be true of it before it is proposed.

A mistyped address cannot be noticed later: whatever is sent there is gone.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from schwifty import IBAN
from schwifty.exceptions import InvalidChecksumDigits, InvalidCountryCode, SchwiftyException
from sqlalchemy import column, exists, select, table
from sqlalchemy.orm import Session

import ledger
from payments.chain_settings import ChainSettings
from payments.errors import InvalidRequestError
from payments.payouts.destinations import Details
from payments.providers.evm.addresses import checksum, is_checksummed

MAX_HOLDER = 140  # of a name in a SEPA credit transfer
ZERO_ADDRESS = "0x" + 40 * "0"

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_ACCOUNT = re.compile(r"acct_[A-Za-z0-9]{6,64}")
_FIELDS = {
    "chain": ("chain", "address"),
    "stripe": ("account",),
    "bank": ("currency", "iban", "holder"),
}
# A table of those who stand on destinations, so its module is not there to be imported here.
_escrows = table("escrows", column("chain"), column("contract_address"), schema="strongroom")

_Faults = dict[str, list[str]]


@dataclass(frozen=True, kw_only=True, repr=False)
class DestinationInput:
    """Where a party wants to be paid: of the fields those of its `kind`, and no others."""

    kind: str
    chain: str | None = None
    address: str | None = None
    account: str | None = None
    currency: str | None = None
    iban: str | None = None
    holder: str | None = None

    def content(self) -> dict[str, str | None]:
        """Return it for the reference's fingerprint."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class CheckedDestination:
    """A destination that may be proposed: in its one way of writing, with its hint."""

    kind: str
    chain: str | None
    currency: str | None
    details: Details
    hint: str


def check_destination(
    session: Session, wanted: DestinationInput, *, chains: Mapping[str, ChainSettings]
) -> CheckedDestination:
    """Return the destination as it is kept.

    Raises:
        InvalidRequestError: names every field that is wrong, and what to do about it.
    """
    faults: _Faults = defaultdict(list)
    _check_fields(wanted, faults)
    if not faults and wanted.kind == "chain":
        _check_address(session, wanted, chains, faults)
    if not faults and wanted.kind == "stripe" and not _ACCOUNT.fullmatch(wanted.account or ""):
        faults["account"].append("Use the id of a connected account of Stripe, `acct_…`.")
    if not faults and wanted.kind == "bank":
        _check_bank_account(session, wanted, faults)
    if faults:
        raise InvalidRequestError("The destination is not valid.", errors=faults)
    return _checked(wanted)


def _check_fields(wanted: DestinationInput, faults: _Faults) -> None:
    """Note fields that are missing, and those that mean nothing for this kind."""
    own = _FIELDS.get(wanted.kind)
    if own is None:
        faults["kind"].append(f"Use one of {', '.join(_FIELDS)}.")
        return
    for name, value in wanted.content().items():
        if name in own and not value:
            faults[name].append(f"A destination of kind {wanted.kind} needs this field.")
        elif name not in own and name != "kind" and value is not None:
            faults[name].append(f"Leave it out: a destination of kind {wanted.kind} has none.")


def _check_address(
    session: Session,
    wanted: DestinationInput,
    chains: Mapping[str, ChainSettings],
    faults: _Faults,
) -> None:
    chain, address = chains.get(wanted.chain or ""), wanted.address or ""
    if chain is None:
        known = ", ".join(sorted(chains)) or "none: no chain is set up here"
        faults["chain"].append(f"There is no such chain; those set up are {known}.")
        return
    if not _ADDRESS.fullmatch(address):
        faults["address"].append("An address is 0x and 40 hexadecimal digits.")
    elif address.lower() == ZERO_ADDRESS:
        faults["address"].append("Nobody has this address: what is sent there is lost.")
    elif not is_checksummed(address):
        faults["address"].append(
            "The capitals are not those of its checksum (EIP-55), so it may be mistyped: copy it"
            " from the wallet, which writes it in capitals and small letters."
        )
    elif _is_ours(session, chain, address):
        faults["address"].append(
            "This is an address of the platform or of one of its contracts: give one of the"
            " party's own."
        )


def _is_ours(session: Session, chain: ChainSettings, address: str) -> bool:
    ours = [chain.factory, chain.operator, chain.arbiter, chain.guardian]
    ours += [token.address for token in chain.tokens.values()]
    if address.lower() in {known.lower() for known in ours}:
        return True
    contract = (_escrows.c.chain == chain.name) & (_escrows.c.contract_address == address)
    return bool(session.scalar(select(exists().where(contract))))


def _check_bank_account(session: Session, wanted: DestinationInput, faults: _Faults) -> None:
    if wanted.currency not in ledger.assets(session.connection()):
        faults["currency"].append("This currency is not known to the ledger.")
    if len(wanted.holder or "") > MAX_HOLDER:
        faults["holder"].append(f"A bank takes {MAX_HOLDER} characters of a name at most.")
    try:
        IBAN(wanted.iban or "")
    except InvalidChecksumDigits:
        faults["iban"].append("Its check digits do not fit the rest: look for a typing mistake.")
    except InvalidCountryCode:
        faults["iban"].append("It begins with the code of no country that has IBANs.")
    except SchwiftyException:
        faults["iban"].append("It has not the form of an IBAN, such as DE89370400440532013000.")


def _checked(wanted: DestinationInput) -> CheckedDestination:
    match wanted.kind:
        case "chain":
            address = checksum(wanted.address or "")
            details, hint = Details(address=address), f"{address[:6]}…{address[-4:]}"
        case "stripe":
            account = wanted.account or ""
            details, hint = Details(account=account), f"acct_…{account[-4:]}"
        case _:
            iban = IBAN(wanted.iban or "").compact
            details = Details(iban=iban, holder=wanted.holder)
            hint = f"{iban[:2]}…{iban[-4:]}"
    return CheckedDestination(
        kind=wanted.kind,
        chain=wanted.chain,
        currency=wanted.currency,
        details=details,
        hint=hint,
    )

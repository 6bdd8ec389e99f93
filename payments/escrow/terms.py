"""What an escrow's contract fixes when it is made: who, how much, until when."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from payments.chain_settings import ChainSettings
from payments.errors import ConflictError, InvalidRequestError
from payments.providers.chain_port import Terms
from payments.providers.evm.addresses import checksum, keccak_of

LONGEST = dt.timedelta(days=730)
"""How far ahead a deadline may be: money in a contract cannot be fetched out of it sooner."""


@dataclass(frozen=True, kw_only=True)
class Windows:
    """How long each part of an escrow's life takes, unless it is asked for otherwise.

    The money may come for `fund`, then be released for `release`, then be judged for `arbiter`.
    """

    fund: dt.timedelta
    release: dt.timedelta
    arbiter: dt.timedelta


@dataclass(frozen=True, kw_only=True)
class Deadlines:
    """An escrow's deadlines, in whole seconds, as its contract counts."""

    fund_by: dt.datetime
    release_by: dt.datetime
    arbiter_by: dt.datetime


def choose_deadlines(
    windows: Windows,
    *,
    fund_by: dt.datetime | None,
    release_by: dt.datetime | None,
    now: dt.datetime,
) -> Deadlines:
    """Return the deadlines asked for, and what `windows` give where none is.

    Raises:
        InvalidRequestError: one is past, too far ahead, or before the one that it follows.
    """
    funded = _whole_seconds(fund_by or now + windows.fund)
    latest = now + LONGEST
    # What follows one that is too late may be no date at all.
    released = _whole_seconds(release_by or min(funded, latest) + windows.release)
    errors: dict[str, list[str]] = {}
    if funded <= now:
        errors["fund_by"] = ["Choose a moment that is still to come."]
    if release_by is not None and released <= funded:
        errors["release_by"] = ["Choose a moment after `fund_by`."]
    if max(funded, released) > latest:
        late = "fund_by" if funded > latest else "release_by"
        errors[late] = [f"Choose a moment within {LONGEST.days} days."]
    if errors:
        raise InvalidRequestError("The deadlines are not valid.", errors=errors)
    return Deadlines(fund_by=funded, release_by=released, arbiter_by=released + windows.arbiter)


def choose_chain(
    chains: Mapping[str, ChainSettings], *, chain: str | None, asset: str
) -> ChainSettings:
    """Return the chain asked for, or the only one that holds the asset.

    Raises:
        InvalidRequestError: there is no such chain, or several hold the asset.
        ConflictError: none, or not this one, holds the asset (`asset_not_supported`).
    """
    if chain is not None and chain not in chains:
        known = ", ".join(sorted(chains)) or "none: no chain is set up here"
        fault = f"There is no such chain; those set up are {known}."
        raise InvalidRequestError("The chain is not known.", errors={"chain": [fault]})
    able = [
        known
        for name, known in sorted(chains.items())
        if asset in known.assets and chain in (None, name)
    ]
    if not able:
        where = "No chain here holds" if chain is None else f"The chain {chain} does not hold"
        raise ConflictError(f"{where} {asset} in escrow.", code="asset_not_supported")
    if len(able) > 1:
        names = ", ".join(known.name for known in able)
        fault = f"Several chains hold {asset}: name one of {names}."
        raise InvalidRequestError("Name the chain.", errors={"chain": [fault]})
    return able[0]


def make_terms(
    chain: ChainSettings,
    *,
    escrow_id: str,
    depositor: str,
    beneficiary: str,
    asset: str,
    amount: int,
    deadlines: Deadlines,
) -> Terms:
    """Return the terms of an escrow: `amount` in minor units of `asset`.

    Raises:
        ConflictError: two of those who have a say in it are one (`payout_address_shared`).
    """
    ours = [checksum(address) for address in (chain.operator, chain.arbiter, chain.guardian)]
    if len({depositor, beneficiary, *ours}) < len([depositor, beneficiary, *ours]):
        raise ConflictError(
            "The buyer's address is the seller's as well, or one of the platform's.",
            code="payout_address_shared",
        )
    operator, arbiter, guardian = ours
    token = chain.token_of(asset)
    return Terms(
        reference=keccak_of(escrow_id),
        depositor=depositor,
        beneficiary=beneficiary,
        operator=operator,
        arbiter=arbiter,
        guardian=guardian,
        token=None if token is None else checksum(token),
        amount=amount,
        fund_by=int(deadlines.fund_by.timestamp()),
        release_by=int(deadlines.release_by.timestamp()),
        arbiter_by=int(deadlines.arbiter_by.timestamp()),
    )


def _whole_seconds(moment: dt.datetime) -> dt.datetime:
    return moment.astimezone(dt.UTC).replace(microsecond=0)

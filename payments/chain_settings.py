"""How the chains are reached, who signs, and what may be paid in: parts of the settings."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from payments.variables import Variables

CONFIRMATIONS = 12
BUMP_AFTER_S = 60
PAYOUT_COOLING_H = 24
ESCROW_FUND_H = 72
ESCROW_RELEASE_D = 30
ESCROW_ARBITER_D = 60
APPROVAL_ABOVE: Mapping[str, int] = {"ETH": 5 * 10**18}
"""Releases above this need a second person; of other assets 10,000 whole units do."""
APPROVAL_ABOVE_UNITS = 10_000


@dataclass(frozen=True, kw_only=True)
class TokenSettings:
    """An ERC-20 that escrows may hold: its contract, under the code the ledger knows it by."""

    asset: str
    address: str


@dataclass(frozen=True, kw_only=True)
class FeePolicy:
    """What a transaction may cost at most, in gwei of the chain's coin for each unit of gas.

    `bump_after_s`: how long a transaction may wait before its fee is raised.
    """

    max_fee_gwei: Decimal
    max_priority_fee_gwei: Decimal
    bump_after_s: int = BUMP_AFTER_S


@dataclass(frozen=True, kw_only=True)
class ChainSettings:
    """One EVM chain. Hides its RPC URLs, which often hold a key.

    `confirmations`: how many blocks, its own included, make a transaction final; or `finalized`,
    to trust the chain's own word. `operator` is whom our signer signs for; `arbiter` and `guardian`
    are people, best a multi-signature wallet each. `limits` are the most one transaction and one
    day may move, by asset, in minor units; an asset without limits cannot be moved at all.
    """

    name: str
    chain_id: int
    rpc_urls: tuple[str, ...] = field(repr=False)
    native_asset: str
    factory: str
    operator: str
    arbiter: str
    guardian: str
    tokens: Mapping[str, TokenSettings]  # by asset
    fees: FeePolicy
    confirmations: int | Literal["finalized"] = CONFIRMATIONS
    start_block: int = 0
    limits: Mapping[str, "Limits"] = field(default_factory=dict)

    def token_of(self, asset: str) -> str | None:
        """Return the contract of an asset; None for the chain's own coin.

        Raises:
            KeyError: escrows here may not hold it.
        """
        return None if asset == self.native_asset else self.tokens[asset].address

    @property
    def assets(self) -> tuple[str, ...]:
        """Return what escrows here may hold."""
        return (self.native_asset, *self.tokens)


@dataclass(frozen=True)
class Limits:
    """The most a signer moves, in minor units of an asset: at once, and in 24 hours."""

    transaction: int
    day: int


@dataclass(frozen=True, kw_only=True)
class SignerSettings:
    """Who signs: a process of its own at `url` (with `token`), or an encrypted keystore file here.

    Exactly one of the two is given. `password_file` holds the keystore's password.
    """

    url: str | None = None
    token: str | None = field(default=None, repr=False)
    keystore: str | None = None
    password_file: str | None = None


_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_ASSET = re.compile(r"[A-Z0-9]{2,10}")
_NEEDED = {
    *("chain_id", "rpc_urls", "native_asset", "factory", "operator", "arbiter", "guardian"),
    *("max_fee_gwei", "max_priority_fee_gwei", "limits"),
}
_OPTIONAL = {"tokens", "confirmations", "start_block", "bump_after_s"}


def read_chains(reader: Variables, name: str) -> Mapping[str, ChainSettings]:
    """Return the chains by name, from the JSON of one variable; docs/escrow.md explains it."""
    if not reader.is_given(name):
        return {}
    chains = {}
    for chain, told in reader.json_object(name).items():
        faults = [f"{name}: {chain!r} {fault}" for fault in _faults_of(chain, told)]
        for fault in faults:
            reader.fault(fault)
        if not faults:
            chains[chain] = _chain_of(chain, told)
    return chains


def read_signer(reader: Variables) -> SignerSettings | None:
    """Return who signs for our escrows, if anybody does from here."""
    if reader.is_given("CHAIN_SIGNER_URL"):
        return SignerSettings(
            url=reader.url("CHAIN_SIGNER_URL", schemes=("https", "http")),
            token=reader.secret("CHAIN_SIGNER_TOKEN"),
        )
    if reader.is_given("CHAIN_KEYSTORE"):
        return SignerSettings(
            keystore=reader.text("CHAIN_KEYSTORE"),
            password_file=reader.text("CHAIN_KEYSTORE_PASSWORD_FILE"),
        )
    return None


def read_amounts(reader: Variables, name: str) -> Mapping[str, int]:
    """Return amounts in minor units by asset, from the JSON of one variable."""
    if not reader.is_given(name):
        return {}
    told = reader.json_object(name)
    if all(_ASSET.fullmatch(asset) and _is_amount(amount) for asset, amount in told.items()):
        return {asset: int(amount) for asset, amount in told.items()}
    reader.fault(f'{name} must read {{"EUR": "1000000", …}}: minor units by asset')
    return {}


def _faults_of(chain: str, told: Any) -> list[str]:
    """Return what is wrong with what is told of a chain, each as the end of a sentence."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", chain):
        return ["is no name for a chain: use lower-case letters, digits and dashes"]
    if not isinstance(told, dict):
        return ["must be a JSON object"]
    unknown = sorted(told.keys() - _NEEDED - _OPTIONAL)
    faults = [f"lacks {key}" for key in sorted(_NEEDED - told.keys())]
    faults += [f"has {key}, which means nothing" for key in unknown]
    return faults or [*_faults_of_addresses(told), *_faults_of_limits(told), *_faults_of_rest(told)]


def _faults_of_addresses(told: Mapping[str, Any]) -> Iterator[str]:
    roles = ("operator", "arbiter", "guardian")
    for key in ("factory", *roles):
        if not _ADDRESS.fullmatch(str(told[key])):
            yield f"has no address as {key}: use 0x and 40 hexadecimal digits"
    if len({str(told[role]).lower() for role in roles}) < len(roles):
        yield "has one address in two roles: operator, arbiter and guardian must differ"
    for asset, address in dict(told.get("tokens", {})).items():
        if not _ASSET.fullmatch(asset) or not _ADDRESS.fullmatch(str(address)):
            yield f'lists the token {asset!r}; write {{"USDC": "0x…"}}'


def _faults_of_limits(told: Mapping[str, Any]) -> Iterator[str]:
    for asset, limits in dict(told["limits"]).items():
        if not isinstance(limits, dict) or set(limits) != {"transaction", "day"}:
            yield f'limits {asset!r}; write {{"transaction": "…", "day": "…"}}'
        elif not all(_is_amount(amount) for amount in limits.values()):
            yield f"limits {asset!r} by something else than minor units"


def _faults_of_rest(told: Mapping[str, Any]) -> Iterator[str]:
    urls = told["rpc_urls"]
    if not isinstance(urls, list) or not urls or not all(str(u).startswith("http") for u in urls):
        yield "needs rpc_urls: a list of http(s) URLs, the preferred one first"
    confirmations = told.get("confirmations", CONFIRMATIONS)
    if confirmations != "finalized" and not _is_count(confirmations, least=1):
        yield 'needs confirmations: a whole number from 1, or "finalized"'
    for key, least in (("chain_id", 1), ("start_block", 0), ("bump_after_s", 1)):
        if key in told and not _is_count(told[key], least=least):
            yield f"needs {key}: a whole number from {least}"
    for key in ("max_fee_gwei", "max_priority_fee_gwei"):
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", str(told[key])):
            yield f"needs {key}: a decimal number of gwei"


def _chain_of(chain: str, told: Mapping[str, Any]) -> ChainSettings:
    tokens = {
        asset: TokenSettings(asset=asset, address=address)
        for asset, address in told.get("tokens", {}).items()
    }
    limits = {
        asset: Limits(int(told_of["transaction"]), int(told_of["day"]))
        for asset, told_of in told["limits"].items()
    }
    return ChainSettings(
        name=chain,
        chain_id=told["chain_id"],
        rpc_urls=tuple(told["rpc_urls"]),
        native_asset=told["native_asset"],
        factory=told["factory"],
        operator=told["operator"],
        arbiter=told["arbiter"],
        guardian=told["guardian"],
        tokens=tokens,
        fees=FeePolicy(
            max_fee_gwei=Decimal(str(told["max_fee_gwei"])),
            max_priority_fee_gwei=Decimal(str(told["max_priority_fee_gwei"])),
            bump_after_s=told.get("bump_after_s", BUMP_AFTER_S),
        ),
        confirmations=told.get("confirmations", CONFIRMATIONS),
        start_block=told.get("start_block", 0),
        limits=limits,
    )


def _is_amount(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and str(value).isdecimal()


def _is_count(value: Any, *, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least

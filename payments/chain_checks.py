"""Whether the chains and their signer are set up and work: these checks ask, and change nothing."""

from collections.abc import Iterator
from dataclasses import replace

from sqlalchemy import Connection, text

from payments.chain_settings import ChainSettings
from payments.database import APPLICATION_ROLE
from payments.errors import StrongroomError
from payments.provider_checks import Check, State, place
from payments.providers.chain_errors import WrongChainError
from payments.providers.chain_port import ChainPort, KeystorePort, SignerPort
from payments.providers.evm.connect import connect_chain, connect_signer, open_keystore
from payments.providers.outcome import OutcomeUnknownError
from payments.settings import Settings

READ_TIMEOUT_S = 5
QUIET_S = 300
"""Chains are read every few seconds: after so long without, nobody does."""
_USUAL_GAS = 250_000  # of a release or refund; making an escrow takes half as much again
_WEI_PER_GWEI = 10**9
_LEAST, _ENOUGH = 1, 20  # transactions that an operator's coins should pay for
_COIN = 10**18


def chain_checks(settings: Settings) -> list[Check]:
    """Look at every chain that is set up, and at who signs for it."""
    if not settings.chains:
        return [Check("Chains", State.OK, "none, and no escrows on chain")]
    checks = [
        check
        for chain in settings.chains.values()
        for check in _chain(chain, is_sandbox=settings.is_sandbox)
    ]
    return [*checks, _signer(settings)]


def standstills(connection: Connection) -> Check:
    """Look for chains that are not read any further, and say why."""
    connection.execute(text(f"SET LOCAL ROLE {APPLICATION_ROLE}"))
    rows = connection.execute(
        text(
            "SELECT chain, scanned_to, error,"
            " extract(epoch FROM clock_timestamp() - scanned_at)::bigint AS quiet_s"
            " FROM strongroom.chain_cursors ORDER BY chain"
        )
    ).all()
    faults = [
        f"{row.chain} stands still at block {row.scanned_to}:"
        f" {row.error or f'not read for {row.quiet_s} s'}"
        for row in rows
        if row.error is not None or row.quiet_s > QUIET_S
    ]
    if faults:
        return Check("Chain reading", State.FAIL, "; ".join(faults))
    read = ", ".join(f"{row.chain} to block {row.scanned_to}" for row in rows)
    return Check("Chain reading", State.OK, read or "nothing yet")


def frozen_signers(connection: Connection) -> Check:
    """Look for signers that sign nothing more until a person has looked."""
    connection.execute(text(f"SET LOCAL ROLE {APPLICATION_ROLE}"))
    rows = connection.execute(
        text(
            "SELECT chain, address, frozen_reason FROM strongroom.chain_signers"
            " ORDER BY chain, address"
        )
    ).all()
    frozen = [
        f"{row.address} on {row.chain}: {row.frozen_reason}"
        for row in rows
        if row.frozen_reason is not None
    ]
    if frozen:
        return Check("Frozen signers", State.FAIL, "; ".join(frozen))
    return Check("Frozen signers", State.OK, f"none of {len(rows)}")


def forsaken_chains(connection: Connection, settings: Settings) -> Check:
    """Look for escrows on a chain that is not set up any more: nobody follows them."""
    connection.execute(text(f"SET LOCAL ROLE {APPLICATION_ROLE}"))
    rows = connection.execute(
        text(
            "SELECT chain, count(*) AS open FROM strongroom.escrows"
            " WHERE status NOT IN ('closed', 'failed') GROUP BY chain ORDER BY chain"
        )
    ).all()
    forsaken = [f"{row.open} on {row.chain}" for row in rows if row.chain not in settings.chains]
    if forsaken:
        detail = f"{', '.join(forsaken)}, which is not in CHAINS: nobody follows them"
        return Check("Escrows", State.FAIL, detail)
    return Check("Escrows", State.OK, f"{sum(row.open for row in rows)} not closed")


def _chain(chain: ChainSettings, *, is_sandbox: bool) -> Iterator[Check]:
    """Look at one chain: at each of its URLs, its contracts, and its operator's coins."""
    name = f"Chain {chain.name}"
    heights, faults, is_another = _heights(chain)
    if not heights or is_another:
        yield Check(name, State.FAIL, "; ".join(faults))
        return
    confirmations = chain.confirmations
    final = confirmations if confirmations == "finalized" else f"{confirmations} confirmations"
    reached = f"{len(heights)} of {len(chain.rpc_urls)} URL(s) answer, at block {max(heights)}"
    plain = [url for url in chain.rpc_urls if url.startswith("http:")]
    if plain and not is_sandbox:
        faults.append(f"{place(plain[0])} is asked without encryption")
    state = State.WARN if faults else State.OK
    detail = f"chain id {chain.chain_id}, {reached}, final by {final}"
    yield Check(name, state, "; ".join([detail, *faults]))
    port = connect_chain(chain, read_timeout_s=READ_TIMEOUT_S)
    yield _contracts(chain, port)
    yield _operator(chain, port)


def _heights(chain: ChainSettings) -> tuple[list[int], list[str], bool]:
    """Ask each URL by itself for its newest block, for a dead one may hide behind a good one.

    Returns them, what is wrong with the other URLs, and whether one is another chain.
    """
    heights, faults, is_another = [], [], False
    for url in chain.rpc_urls:
        alone = connect_chain(replace(chain, rpc_urls=(url,)), read_timeout_s=READ_TIMEOUT_S)
        try:
            heights.append(alone.head().number)
        except OutcomeUnknownError:
            faults.append(f"{place(url)} does not answer")
        except WrongChainError as error:
            faults.append(error.detail)
            is_another = True
    return heights, faults, is_another


def _contracts(chain: ChainSettings, port: ChainPort) -> Check:
    name = f"Chain {chain.name} contracts"
    try:
        port.check_contracts()
    except StrongroomError as error:
        return Check(name, State.FAIL, error.detail)
    return Check(name, State.OK, f"factory {chain.factory} and its escrows have our code")


def _operator(chain: ChainSettings, port: ChainPort) -> Check:
    """Compare the operator's coins with what transactions may cost at most."""
    name = f"Chain {chain.name} operator"
    try:
        balance = port.balance(chain.operator)
    except StrongroomError as error:
        return Check(name, State.FAIL, error.detail)
    transactions = balance // max(int(chain.fees.max_fee_gwei * _WEI_PER_GWEI * _USUAL_GAS), 1)
    coins = f"{balance // _COIN}.{balance % _COIN:018d}".rstrip("0").removesuffix(".")
    detail = (
        f"{chain.operator} has {coins} {chain.native_asset}:"
        f" enough for {transactions} transaction(s) at the highest fee"
    )
    if transactions < _LEAST:
        return Check(name, State.FAIL, detail)
    return Check(name, State.OK if transactions >= _ENOUGH else State.WARN, detail)


def _signer(settings: Settings) -> Check:
    """Ask who signs for whom; every chain's operator must be among them."""
    name = "Chain signer"
    signer: SignerPort | KeystorePort | None = connect_signer(settings.chain_signer)
    signer = signer or open_keystore(settings.chain_signer)
    if signer is None or settings.chain_signer is None:
        detail = "none: nothing can be deployed, released or refunded; set CHAIN_SIGNER_URL"
        return Check(name, State.FAIL, detail)
    try:
        known = {address.lower() for address in signer.addresses()}
    except StrongroomError as error:
        return Check(name, State.FAIL, error.detail)
    lacking = [
        f"{chain.operator} of {chain.name}"
        for chain in settings.chains.values()
        if chain.operator.lower() not in known
    ]
    if lacking:
        return Check(name, State.FAIL, f"it has no key of {', '.join(lacking)}")
    if settings.chain_signer.url is not None:
        detail = f"{place(settings.chain_signer.url)} signs for every operator"
        return Check(name, State.OK, detail)
    state = State.OK if settings.is_sandbox else State.WARN
    detail = "the keys are in the processes that ask for signatures; let one of its own have them"
    return Check(name, state, detail)

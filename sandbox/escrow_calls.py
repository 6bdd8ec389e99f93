"""Calls around a payment on chain: the escrow, the buyer's wallet, the contract, its release."""

import secrets
from typing import Any

import requests

from sandbox.calls import TIMEOUT_S, Cast, created, new_order
from sandbox.chain.setup import NATIVE_ASSET
from sandbox.chain.wallet import NodeClient, Wallet, calldata
from sandbox.way_in import WayIn, loopback_session

Escrow = dict[str, Any]

# The approval waits for the same block, so the node cannot estimate what follows it.
_GAS = 400_000
_PER_CENT = {"USDC": 10_000, NATIVE_ASSET: 10**14}


def chain_order(cast: Cast, asset: str = "USDC", **other: Any) -> dict[str, Any]:
    """Return an order of one thing: 125 USDC, or 1.25 ETH, and 8 % tax."""
    order = new_order(cast, asset)
    [line] = order["lines"]
    line["unit_amount"] = str(12_500 * _PER_CENT[asset])
    return {**order, "platform_fee": str(625 * _PER_CENT[asset]), **other}


def open_escrow(
    way_in: WayIn, who: requests.Session, order: dict[str, Any], **other: str
) -> Escrow:
    """Have the contract deployed that takes an order's money."""
    asked = {
        "reference": f"escrow-{secrets.token_hex(16)}",
        "order_id": order["id"],
        "asset": order["currency"],
    }
    url = f"{way_in.base_url}/api/escrow/deploy-contract"
    return created(who.post(url, json={**asked, **other}, timeout=TIMEOUT_S))


def look_at(way_in: WayIn, who: requests.Session, escrow: Escrow) -> Escrow:
    """Ask how an escrow is, as it is known now."""
    url = f"{way_in.base_url}/api/escrow/monitor-deployment"
    return created(who.post(url, json={"escrow_id": escrow["id"]}, timeout=TIMEOUT_S))


def release(way_in: WayIn, who: requests.Session, **what: str) -> requests.Response:
    """Ask for money to go to its seller: `order_id` or `escrow_id`, and `amount` for a part."""
    asked = {"reference": f"release-{secrets.token_hex(16)}", **what}
    return who.post(f"{way_in.base_url}/api/escrow/release", json=asked, timeout=TIMEOUT_S)


def pay_in(way_in: WayIn, escrow: Escrow, *, who: str = "buyer") -> str:
    """Pay what an escrow asks for from somebody's test wallet; the deposit's hash.

    Raises:
        NodeError: the wallet cannot.
    """
    node, wallet = at_node(way_in), way_in.people.wallet(who)
    deposit = escrow["deposit"]
    if deposit["approve"] is not None:
        approve = deposit["approve"]
        wallet.send(node, to=approve["to"], data=_bytes(approve["data"]))
    return wallet.send(
        node,
        to=deposit["to"],
        data=_bytes(deposit["data"]),
        value=int(deposit["value"]),
        gas=_GAS,
    )


def call_contract(
    way_in: WayIn,
    escrow: Escrow,
    wallet: Wallet,
    signature: str,
    *arguments: Any,
    gas: int | None = None,
) -> str:
    """Have a wallet call an escrow's contract, as `reclaim()`; the transaction's hash.

    `gas` is the most it may use; without it the node is asked, which tells of a refusal before.

    Raises:
        NodeError: the contract would refuse it; the text says why.
    """
    call = calldata(signature, *arguments)
    return wallet.send(at_node(way_in), to=escrow["contract_address"], data=call, gas=gas)


def in_contract(way_in: WayIn, escrow: Escrow) -> int:
    """Return what an escrow's contract really has, in minor units."""
    return coins_of(way_in, escrow, escrow["contract_address"])


def coins_of(way_in: WayIn, escrow: Escrow, address: str) -> int:
    """Return what an address has of an escrow's asset, in minor units."""
    node = at_node(way_in)
    if escrow["token_address"] is None:
        return node.number("eth_getBalance", address, "latest")
    call = calldata("balanceOf(address)", address)
    asked = {"to": escrow["token_address"], "data": f"0x{call.hex()}"}
    return node.number("eth_call", asked, "latest")


def at_chain(way_in: WayIn, path: str, body: dict[str, Any], *, method: str = "POST") -> Any:
    """Turn a knob of the local chain; sandbox/chain/knobs.py lists them."""
    url = f"{way_in.chain_rpc_url}/_sandbox/{path}"
    with loopback_session() as session:
        return created(session.request(method, url, json=body, timeout=TIMEOUT_S))


def at_node(way_in: WayIn) -> NodeClient:
    """Return the way to the local chain's node.

    Raises:
        LookupError: the system runs on another chain.
    """
    if way_in.chain_rpc_url is None:
        raise LookupError("The chain is not the sandbox's own.")
    return NodeClient(way_in.chain_rpc_url)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))

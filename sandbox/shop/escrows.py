"""Orders paid on chain: the shop pays their contract from a test wallet that it holds.

With a real wallet the buyer's browser would send what `deposit` of the escrow says.
"""

from typing import Any

from sandbox.chain.wallet import NodeClient, NodeError, Wallet, calldata
from sandbox.shop.settings import ShopSettings

Escrow = dict[str, Any]
_CREATED = 1
# The approval waits for the same block, so the node cannot estimate the deposit.
_DEPOSIT_GAS = 300_000


def pay_in(settings: ShopSettings, escrow: Escrow) -> None:
    """Pay what an escrow asks for from the test wallet, unless that was done already.

    Raises:
        NodeError: the wallet cannot: it has too little, or the contract would refuse.
    """
    deposit = escrow["deposit"]
    if deposit is None or settings.chain_rpc_url is None or settings.wallet_key is None:
        return
    node, wallet = NodeClient(settings.chain_rpc_url), Wallet(settings.wallet_key)
    try:
        if _is_paid_for(node, wallet, escrow):
            return
        approve = deposit["approve"]
        if approve is not None:
            wallet.send(node, to=approve["to"], data=_bytes(approve["data"]))
        wallet.send(
            node,
            to=deposit["to"],
            data=_bytes(deposit["data"]),
            value=int(deposit["value"]),
            gas=_DEPOSIT_GAS,
        )
    finally:
        node.close()


def _is_paid_for(node: NodeClient, wallet: Wallet, escrow: Escrow) -> bool:
    """Whether the contract has its deposit, or the wallet has something on its way."""
    asked = {"to": escrow["contract_address"], "data": f"0x{calldata('status()').hex()}"}
    mined, known = (
        node.number("eth_getTransactionCount", wallet.address, at) for at in ("latest", "pending")
    )
    if known > mined:
        return True
    status = node.call("eth_call", asked, "latest")
    if status == "0x":
        raise NodeError(0, "The contract is not there any more: the chain was reorganised.")
    return int(status, 16) != _CREATED


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))

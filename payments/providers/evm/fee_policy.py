"""What a transaction should offer now: enough to be mined soon, and never more than is allowed.

The base fee may rise by an eighth with each block (EIP-1559): twice the next one is enough for six
full blocks. What is offered above the base fee that is due is not taken.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from payments.chain_settings import FeePolicy
from payments.providers.chain_port import Fees
from payments.providers.evm.wire_values import quantity

WEI_PER_GWEI = 10**9
HISTORY_BLOCKS, PERCENTILE = 20, 50


def base_fee_in(history: Any) -> int:
    """Return the base fee of the next block, from `eth_feeHistory`."""
    return quantity(history["baseFeePerGas"][-1])


def usual_tip_in(history: Any) -> int:
    """Return what of late was paid on top in the middle; 0 when nobody paid anything.

    Blocks without transactions say 0, which is no price.
    """
    rewards = [quantity(block[0]) for block in history.get("reward") or [] if block]
    paid = sorted(reward for reward in rewards if reward > 0)
    return paid[len(paid) // 2] if paid else 0


def within(policy: FeePolicy, *, base_fee: int, tip: int) -> Fees:
    """Return what to offer, in wei. Below the base fee it waits until that has fallen."""
    most = in_wei(policy.max_fee_gwei)
    priority_fee = min(max(tip, 1), in_wei(policy.max_priority_fee_gwei), most)
    return Fees(max_fee=min(2 * base_fee + priority_fee, most), priority_fee=priority_fee)


def in_wei(gwei: Decimal) -> int:
    """Return an amount of gwei in wei."""
    return int(gwei * WEI_PER_GWEI)


def cost_in(receipt: Mapping[str, Any]) -> int:
    """Return all that a transaction cost its sender, in wei.

    Rollups of the OP stack, such as Base, take the cost of their data on Ethereum besides.
    """
    gas = quantity(receipt["gasUsed"]) * quantity(receipt["effectiveGasPrice"])
    return gas + (quantity(receipt["l1Fee"]) if receipt.get("l1Fee") else 0)

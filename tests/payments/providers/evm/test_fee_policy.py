"""What a transaction offers: by what others paid of late, within what we allow."""

from decimal import Decimal
from typing import Any

import pytest

from payments.chain_settings import FeePolicy
from payments.providers.chain_port import Fees
from payments.providers.evm.fee_policy import base_fee_in, cost_in, usual_tip_in, within

GWEI = 10**9
POLICY = FeePolicy(max_fee_gwei=Decimal("80.5"), max_priority_fee_gwei=Decimal(3))


@pytest.mark.parametrize(
    ("base_fee", "tip", "fees"),
    [
        (20 * GWEI, 2 * GWEI, Fees(42 * GWEI, 2 * GWEI)),
        (20 * GWEI, 9 * GWEI, Fees(43 * GWEI, 3 * GWEI)),
        (60 * GWEI, 2 * GWEI, Fees(80_500_000_000, 2 * GWEI)),
        (900 * GWEI, 2 * GWEI, Fees(80_500_000_000, 2 * GWEI)),
        (7, 0, Fees(15, 1)),
    ],
)
def test_twice_the_base_fee_and_the_usual_tip_are_offered_but_no_more_than_allowed(
    base_fee: int, tip: int, fees: Fees
) -> None:
    assert within(POLICY, base_fee=base_fee, tip=tip) == fees


def test_the_tip_is_never_above_the_fee() -> None:
    policy = FeePolicy(max_fee_gwei=Decimal(1), max_priority_fee_gwei=Decimal(3))
    assert within(policy, base_fee=5 * GWEI, tip=9 * GWEI) == Fees(GWEI, GWEI)


def test_history_tells_the_next_blocks_base_fee_and_what_was_paid_in_the_middle() -> None:
    history: dict[str, Any] = {
        "baseFeePerGas": ["0x1", "0x2", "0x9"],
        "reward": [["0x0"], ["0x0"], ["0x5"], ["0x7"], ["0x6"], ["0x0"], []],
    }
    assert base_fee_in(history) == 9
    assert usual_tip_in(history) == 6
    assert usual_tip_in({**history, "reward": [["0x0"]]}) == 0
    assert usual_tip_in({**history, "reward": None}) == 0


def test_a_rollups_own_cost_counts() -> None:
    receipt = {"gasUsed": "0x5208", "effectiveGasPrice": "0x3b9aca00"}
    assert cost_in(receipt) == 21_000 * GWEI
    assert cost_in({**receipt, "l1Fee": "0x7"}) == 21_000 * GWEI + 7
    assert cost_in({**receipt, "l1Fee": None}) == 21_000 * GWEI

"""What nodes say, in their own words, and what we take it for."""

import pytest

from payments.providers.evm.node_errors import (
    NodeError,
    is_missing,
    is_revert,
    is_too_wide,
    reason_of,
    verdict_on_sending,
)

TX = "0x" + "ab" * 32
SENDING = {
    "known": [
        "already known",  # geth, Erigon, Reth, Nethermind
        "AlreadyKnown",  # Nethermind before 1.31
        f"known transaction: {TX}",  # geth before 1.9
        "Known transaction",  # Besu
        "existing tx with same hash",  # Erigon
        "INTERNAL_ERROR: existing tx with same hash",
        f"Tx: [{TX}] already Imported",  # Anvil
        "transaction already imported",
        "Transaction with the same hash was already imported.",  # OpenEthereum
        "ALREADY_EXISTS: already known",  # gateways
        "tx already in mempool",
        f"Known transaction: {TX}",  # Hardhat
    ],
    "nonce_too_low": [
        "nonce too low",
        "nonce too low: next nonce 7, tx nonce 5",  # geth from 1.12
        "nonce too low: address 0x71C7656EC7ab88b098defB751B7401B5f6d8976F, tx: 5 state: 7",
        "OldNonce",  # Nethermind before 1.31
        "OldNonce, Current nonce: 5, nonce of rejected tx: 3",
        "Nonce too low",  # Besu
        "Nonce too low. Expected nonce to be 7 but got 5.",  # Hardhat
        "Transaction nonce is too low. Try incrementing the nonce.",  # OpenEthereum
        "Invalid transaction nonce: Expected 3, but got 2",  # py-evm
        "err: nonce too low: address 0x71C7, tx: 1 state: 2 (supplied gas 21000)",
        "nonce has already been used",
    ],
    "underpriced": [
        "transaction underpriced",
        "transaction underpriced: tip needed 1000000000, tip permitted 1",  # geth from 1.13
        "transaction underpriced: gas tip cap 0, minimum needed 1",
        "replacement transaction underpriced",
        "replacement transaction underpriced: new tx gas fee cap 41, required 44",
        "INTERNAL_ERROR: could not replace existing tx",  # Erigon
        "underpriced",
        "fee too low",
        "FeeTooLow, EffectivePriorityFeePerGas too low 0 < 10, BaseFee: 7",  # Nethermind
        "FeeTooLowToCompete",
        "ReplacementNotAllowed",
        "Transaction gas price below the configured minimum gas price",
        "Gas price below configured minimum gas price",  # Besu
        "max fee per gas less than block base fee",  # Anvil, geth
        "max fee per gas less than block base fee: address 0x7, maxFeePerGas: 1, baseFee: 7",
        "transaction feecap too low",  # Erigon
        f"Tx: [{TX}] insufficient gas price to replace existing transaction",  # Anvil
        "Transaction gas price supplied is too low. There is another transaction with same nonce",
        "Transaction maxFeePerGas (7) is too low for the next block, which has a baseFee of 9",
        "replacement fee too low",
    ],
    "insufficient_funds": [
        "insufficient funds for gas * price + value",
        "insufficient funds for gas * price + value: balance 0, tx cost 5, overshot 5",
        "insufficient funds for gas * price + value: address 0x7 have 0 want 5",
        "InsufficientFunds, Account balance: 0, cumulative cost: 5",  # Nethermind
        "insufficient funds",  # Erigon
        "Upfront cost exceeds account balance",  # Besu
        "sender doesn't have enough funds to send tx. The max upfront cost is: 5",  # Hardhat
        "Sender does not have enough balance to cover transaction value and gas",  # py-evm
        "insufficient balance for transfer",
        "insufficient funds for gas * price + value: balance 9, queued cost 8, tx cost 5",
    ],
    "gas_limit": [
        "exceeds block gas limit",
        "intrinsic gas too low: gas 20000, minimum needed 21000",
        "IntrinsicGas",  # Erigon
        "GasLimitExceeded, Gas limit: 30000000, gas limit of rejected tx: 90000000",
        "Transaction gas limit exceeds block gas limit",  # Besu
        "Transaction gas limit is greater than the block gas limit, gas_limit: 9, cap: 3",
        "transaction gas limit too high (cap: 16777216, tx: 30000000)",  # geth, from Osaka on
        "oversized data",
        "gas limit reached",  # Nethermind
    ],
    "wrong_chain": [
        "invalid chain id for signer: have 1 want 8453",
        "invalid chain id for signer",
        "InvalidTxChainId, Expected 1, got 8453",
        "only replay-protected (EIP-155) transactions allowed over RPC",
        "Incompatible EIP-155 transaction, signed for another chain",
        "Wrong chainId",  # Besu
        "transaction chain ID mismatch",
    ],
    "invalid": [
        "invalid sender",
        "rlp: expected input list for types.DynamicFeeTx",
        "transaction type not supported",
        "max priority fee per gas higher than max fee per gas",
        "FailedToResolveSender",
        "sender not an eoa",
        "Failed to decode signed transaction",
        "tx fee (2.50 ether) exceeds the configured cap (1.00 ether)",
        "negative value",
    ],
    None: [
        "nonce too high",
        "NonceGap, Future nonce. Expected nonce: 5",
        "Invalid transaction nonce: Expected 3, but got 5",
        "txpool is full",
        "pending sub-pool is full",
        "future transaction tries to replace pending",
        "address already reserved",
        "authority nonce too low",
        "block already known",
        "Internal error",
        "daily request count exceeded, request rate limited",
        "the method eth_sendRawTransaction does not exist/is not available",
        "Your app has exceeded its compute units per second capacity",
        "node is syncing",
        "this key is for another chain id",
        "in-flight transaction limit reached for delegated accounts",
        "gapped-nonce tx from delegated accounts",
        "missing trie node",
        "request timed out",
        "",
    ],
}
REASON = (
    "0x08c379a0"
    + "20".rjust(64, "0")
    + "16".rjust(64, "0")
    + b"operation already done".hex().ljust(64, "0")
)


@pytest.mark.parametrize(
    ("verdict", "text"),
    [(verdict, text) for verdict, texts in SENDING.items() for text in texts],
)
def test_a_transaction_is_judged_as_the_node_means_it(verdict: str | None, text: str) -> None:
    for code in (-32000, -32003, -32010, -32603):
        assert verdict_on_sending(NodeError(code, text)) == verdict


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (NodeError(3, "execution reverted: operation already done", REASON), "as told"),  # geth
        (NodeError(3, "execution reverted", REASON), "as told"),
        (NodeError(-32000, "execution reverted: operation already done"), "as told"),  # Erigon
        (NodeError(-32015, "VM execution error.", f"Reverted {REASON}"), "as told"),  # OpenEthereum
        (NodeError(-32000, "Execution reverted", {"data": REASON}), "as told"),
        (NodeError(-32603, "Error: VM", {"message": "revert", "data": REASON}), "as told"),
        (
            NodeError(
                -32603,
                "VM Exception while processing transaction: reverted with reason string"
                " 'operation already done'",
            ),
            "as told",
        ),  # Hardhat
        (NodeError(-32000, "revert: operation already done"), "as told"),
        (NodeError(3, "execution reverted", "0x"), None),
        (NodeError(-32000, "execution reverted"), None),
        (NodeError(3, "execution reverted: 0x1234", "0x12345678"), "error 0x12345678"),
        (NodeError(3, "execution reverted", "0x4e487b71" + "11".rjust(64, "0")), "panic 0x11"),
        (NodeError(-32000, "gas required exceeds allowance (30000000)"), "out of gas"),
        (NodeError(-32000, "out of gas"), "out of gas"),
        (NodeError(-32000, "invalid opcode: INVALID"), None),
        (NodeError(3, "execution reverted", "0x08c379a0" + "ff" * 64), None),
        (NodeError(3, "execution reverted", {"a": {"b": {"c": {"d": {"e": REASON}}}}}), None),
    ],
)
def test_why_a_contract_refused_is_found_wherever_the_node_puts_it(
    error: NodeError, reason: str | None
) -> None:
    assert is_revert(error)
    assert reason_of(error) == ("operation already done" if reason == "as told" else reason)


def test_a_strangers_reason_is_kept_short_and_on_one_line() -> None:
    assert reason_of(NodeError(3, f"execution reverted: a\nb{'c' * 900}")) == f"a b{'c' * 197}"


@pytest.mark.parametrize(
    "text",
    ["missing trie node", "header not found", "Internal error", "rate limited", "method not found"],
)
def test_a_node_that_tells_of_itself_does_not_tell_of_a_call(text: str) -> None:
    assert not is_revert(NodeError(-32000, text))


@pytest.mark.parametrize(
    "text",
    [
        "query returned more than 10000 results",  # Infura
        "query returned more than 10000 results. Try with this block range [0x1, 0x2].",
        "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range",
        "eth_getLogs is limited to a 10,000 range",  # QuickNode
        "block range is too wide",
        "exceed maximum block range: 5000",
        "eth_getLogs range is too large, max is 1k blocks",
        "block range limit exceeded",
        "requested from block 1000000 to 2000000, maximum is 5000",
        "Query timeout exceeded. Consider reducing your block range",
        "query exceeds max results 20000, retry with the range 1-2",
        "logs are available over 2000 blocks at once: block range too large",
        "requested too many blocks from 0 to 16777216, maximum is set to 2048",
    ],
)
def test_a_node_that_wants_fewer_blocks_at_once_is_understood(text: str) -> None:
    assert is_too_wide(NodeError(-32005, text))


@pytest.mark.parametrize(
    "text",
    ["daily request count exceeded, request rate limited", "header not found", "Internal error",
     "block range extends beyond current head block", "project ID does not have access"],
)  # fmt: skip
def test_other_troubles_do_not_ask_for_fewer_blocks(text: str) -> None:
    assert not is_too_wide(NodeError(-32005, text))


@pytest.mark.parametrize(
    ("text", "missing"),
    [("finalized block not found", True), ("Unknown block", True), ("header not found", False),
     ("Internal error", False)],
)  # fmt: skip
def test_a_block_that_is_not_there_is_told_from_trouble(text: str, *, missing: bool) -> None:
    assert is_missing(NodeError(-39001, text)) == missing

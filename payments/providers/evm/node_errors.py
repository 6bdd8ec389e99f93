"""What nodes mean by their errors: a code says little, so the texts are read.

From the sources of geth, Erigon, Nethermind, Besu, Reth, Anvil, Hardhat and py-evm; the corpus in
tests/payments/providers/evm/ has their words as they are.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

SendVerdict = Literal[
    "known", "nonce_too_low", "underpriced", "insufficient_funds", "gas_limit", "wrong_chain",
    "invalid",
]  # fmt: skip

_REASON_SELECTOR, _PANIC_SELECTOR = bytes.fromhex("08c379a0"), bytes.fromhex("4e487b71")
_SELECTOR_BYTES = 4
_REASON_LENGTH_MAX = 200
_DEPTH_MAX = 4


class NodeError(Exception):
    """A node's own answer that it did not do it: JSON-RPC's code, text and data."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(f"{code}: {message[:_REASON_LENGTH_MAX]}")
        self.code = code
        self.message = message
        self.data = data


# In this order: "nonce too low" is looked for before "invalid", and a price that is too low for
# a replacement before what merely names a transaction that is there.
_SENDING: tuple[tuple[SendVerdict, str], ...] = (
    ("nonce_too_low", r"(?<!authority )nonce (is )?too low|old ?nonce|nonce has already been used"),
    ("underpriced", r"underpriced|replacement(transaction)?notallowed|could not replace existing"),
    ("underpriced", r"insufficient gas price to replace|gas price (supplied )?is too low"),
    ("underpriced", r"fee ?too ?low|fee per gas less than block base fee|below (the )?base ?fee"),
    ("underpriced", r"max ?fee ?per ?gas.*(too low|less than|below).*base ?fee|feecap too low"),
    ("underpriced", r"gas price (below|less than)|gas tip cap .* minimum needed|tip too low"),
    ("underpriced", r"effective(priority)?fee.* too low|replacement fee too low"),
    ("known", r"(?<!block )already ?known|known transaction|already (been )?imported"),
    ("known", r"existing tx with same hash|already in (the )?(mem)?pool|same hash was already"),
    ("insufficient_funds", r"insufficient ?(funds|balance)|sender doesn.t have enough funds"),
    ("insufficient_funds", r"upfront cost exceeds|does not have enough (funds|balance)"),
    ("wrong_chain", r"(invalid|wrong|incorrect|unexpected) (tx)?chain ?id|invalidtxchainid"),
    ("wrong_chain", r"chain ?id mismatch|replay-protected|signed for another chain"),
    (
        "gas_limit",
        r"exceeds (the )?block gas limit|gas ?limit ?(exceed|reached)|intrinsic ?gas|oversized",
    ),
    ("gas_limit", r"gas limit is (greater|too high)|transaction gas limit|exceeds allowance"),
    ("gas_limit", r"gas limit too high|gas_limit .*exceeds|exceeds maximum per-transaction"),
    ("invalid", r"invalid (sender|signature)|rlp:|failed to (decode|recover)|max priority fee per"),
    ("invalid", r"type not supported|sender not an eoa|tip above fee cap|senderiscontract"),
    ("invalid", r"failedtoresolvesender|negative value|invalid (raw )?transaction(?! nonce)"),
    ("invalid", r"tx ?fee .* exceeds the configured cap|unsupported transaction type"),
)
_SENDING_RULES = tuple((verdict, re.compile(text)) for verdict, text in _SENDING)
_PY_EVM_NONCE = re.compile(r"invalid transaction nonce: expected (\d+), but got (\d+)")

_REVERTS = re.compile(r"revert|invalid opcode|vm execution error|out of gas|gas required exceeds")
_PLAIN = re.compile(
    r"(?:.*?reverted with reason string\s+|.*?execution reverted:?\s*|.*?revert(?:ed)?:?\s*)"
    r"['\"]?(?P<reason>.*?)['\"]?",
    re.IGNORECASE | re.DOTALL,
)
_TOO_WIDE = re.compile(
    r"more than \d+ (results|logs)|too many (results|logs|blocks)|response size|range (is )?too"
    r"|(block )?range .*(limit|exceed|large|wide)|exceed.*range|limited to a? ?[\d,]+"
    r"|query (exceeds|timeout)|max(imum)? (block )?range|maximum is|up to a [\d,k]+ block range"
)


def verdict_on_sending(error: NodeError) -> SendVerdict | None:
    """Return what a node thinks of a transaction; None when it tells of itself rather than of it.

    That a nonce is too high is such a None: the node lacks an earlier transaction, for now.
    """
    text = error.message.lower()
    expected = _PY_EVM_NONCE.search(text)
    if expected:
        return "nonce_too_low" if int(expected[2]) < int(expected[1]) else None
    found = (verdict for verdict, rule in _SENDING_RULES if rule.search(text))
    return next(found, None)


def never(_error: NodeError) -> bool:
    """No error is an answer: another node is to be asked."""
    return False


def is_missing(error: NodeError) -> bool:
    """Whether there is no such block, as some nodes say instead of nothing."""
    text = error.message.lower()
    return "block" in text and ("not found" in text or "unknown" in text)


def is_too_wide(error: NodeError) -> bool:
    """Whether a node wants logs to be asked for in fewer blocks at once."""
    return bool(_TOO_WIDE.search(error.message.lower()))


def is_revert(error: NodeError) -> bool:
    """Whether a call was run, and ended badly."""
    if error.code == 3 or _REVERTS.search(error.message.lower()):  # noqa: PLR2004 - geth's code
        return True
    return _returned(error.data) is not None


def reason_of(error: NodeError) -> str | None:
    """Return why a contract refused, in its own words; None when it gave none."""
    returned = _returned(error.data)
    if returned:
        return _reason_in(returned)
    text = error.message.lower()
    if "out of gas" in text or "gas required exceeds" in text:
        return "out of gas"
    told = _PLAIN.fullmatch(error.message.strip())
    reason = told["reason"].strip() if told else ""
    if reason.startswith("0x"):
        return None
    return _printable(reason) or None


def _reason_in(returned: bytes) -> str | None:
    """Decode `Error(string)` and `Panic(uint256)`; of others return the selector."""
    selector, rest = returned[:_SELECTOR_BYTES], returned[_SELECTOR_BYTES:]
    try:
        if selector == _REASON_SELECTOR:
            return _printable(decode(["string"], rest)[0])
        if selector == _PANIC_SELECTOR:
            return f"panic {decode(['uint256'], rest)[0]:#04x}"
    except (DecodingError, ValueError, OverflowError):
        return None
    return f"error 0x{selector.hex()}" if len(selector) == _SELECTOR_BYTES else None


def _returned(data: Any, depth: int = 0) -> bytes | None:
    """Return the bytes a call reverted with, wherever in the error's data a node puts them."""
    if isinstance(data, Mapping) and depth < _DEPTH_MAX:
        found = (_returned(part, depth + 1) for part in data.values())
        return next((one for one in found if one is not None), None)
    if not isinstance(data, str):
        return None
    shown = data.removeprefix("Reverted").strip()
    if not shown.startswith("0x"):
        return None
    try:
        returned = bytes.fromhex(shown[2:])
    except ValueError:
        return None
    return returned if len(returned) % 32 == _SELECTOR_BYTES else None


def _printable(text: str) -> str:
    """Return a stranger's text on one line, and not at any length."""
    return "".join(one if one.isprintable() else " " for one in text[:_REASON_LENGTH_MAX]).strip()

"""What logs mean for an escrow: effects, each with a key that a reorganisation does not change."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from payments.providers.chain_port import ChainLog

ONCE = ("created", "deposited", "disputed", "reclaimed")
"""What a contract does at most once is known by its kind."""

OPERATIONS = ("released", "refunded")
MONEY = ("deposited", *OPERATIONS, "reclaimed")
"""What moves the order's money, and is booked once it is final."""


@dataclass(frozen=True, kw_only=True)
class Observed:
    """One thing that happened on an escrow's contract, in the block it is in now."""

    key: str
    kind: str
    operation_id: str | None
    amount: int
    actor: str | None
    token_address: str | None
    tx_hash: str
    log_index: int
    block_number: int
    block_hash: str


def observe(
    logs: Iterable[ChainLog], transfers: Iterable[ChainLog], *, escrow_ids: Mapping[str, str]
) -> dict[str, list[Observed]]:
    """Return what happened by escrow, in the order of the chain; `escrow_ids` by contract.

    Contracts that are not ours are left out, whatever they tell. A token's transfer that is part of
    a deposit is no effect of its own.
    """
    seen: dict[str, dict[str, Observed]] = defaultdict(dict)
    told = [log for log in logs if log.contract in escrow_ids and log.kind != "transferred"]
    moved = [log for log in transfers if log.contract in escrow_ids]
    for log in sorted([*told, *_strays(moved, told)], key=_place):
        effect = _effect(log)
        seen[escrow_ids[log.contract]][effect.key] = effect
    return {escrow_id: list(effects.values()) for escrow_id, effects in seen.items()}


def _strays(moved: Sequence[ChainLog], told: Sequence[ChainLog]) -> list[ChainLog]:
    """Return the transfers past the deposit: a deposit's own is the last one before its event."""
    own = set()
    for deposit in told:
        if deposit.kind == "deposited":
            before = [log.log_index for log in moved if _may_be_of(log, deposit)]
            own |= {(deposit.tx_hash, max(before))} if before else set()
    return [log for log in moved if (log.tx_hash, log.log_index) not in own]


def _may_be_of(log: ChainLog, deposit: ChainLog) -> bool:
    return (
        log.tx_hash == deposit.tx_hash
        and log.contract == deposit.contract
        and log.block_hash == deposit.block_hash
        and log.log_index < deposit.log_index
        and log.amount == deposit.amount
    )


def _effect(log: ChainLog) -> Observed:
    kind = "stray" if log.kind == "transferred" else log.kind
    return Observed(
        key=_key(kind, log),
        kind=kind,
        operation_id=log.operation_id,
        amount=log.amount,
        actor=log.actor,
        token_address=log.token,
        tx_hash=log.tx_hash,
        log_index=log.log_index,
        block_number=log.block_number,
        block_hash=log.block_hash,
    )


def _key(kind: str, log: ChainLog) -> str:
    if kind in OPERATIONS and log.operation_id is not None:
        return f"{kind}:{log.operation_id}"
    return kind if kind in ONCE else f"{kind}:{log.tx_hash}:{log.log_index}"


def _place(log: ChainLog) -> tuple[int, int]:
    return log.block_number, log.log_index

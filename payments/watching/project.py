"""Where an escrow and its payment stand: a pure function of what happened on chain, and of time.

Nothing is remembered: after a reorganisation the same function tells where they stand now. What is
final counts as money; what is only seen is shown.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

from payments.lifecycle.stages import Status, status_after_charge

EscrowStatus = Literal[
    "deploying",
    "awaiting_deposit",
    "deposit_seen",
    "funded",
    "disputed",
    "closed",
    "expired",
    "failed",
]


class Happened(Protocol):
    """An effect, as far as it matters here."""

    @property
    def kind(self) -> str:
        """What happened."""

    @property
    def state(self) -> str:
        """Whether it is `seen`, `final` or `orphaned`."""

    @property
    def amount(self) -> int:
        """How much it moved, in minor units."""

    @property
    def token_address(self) -> str | None:
        """Of which token, where that is told."""

    @property
    def block_number(self) -> int:
        """In which block it is."""

    @property
    def log_index(self) -> int:
        """Where in the block."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where an escrow stands; amounts in minor units of its asset, final ones only."""

    status: EscrowStatus
    is_paused: bool
    deposited: int
    released: int
    refunded: int
    stray: int

    @property
    def remaining(self) -> int:
        """What the contract still holds for the order."""
        return self.deposited - self.released - self.refunded

    @property
    def payment_status(self) -> Status:
        """Where the payment stands that the escrow is."""
        if self.deposited:
            return status_after_charge(
                captured=self.deposited,
                refunded=self.refunded,
                disputed=self.status == "disputed",
            )
        return _BEFORE_CHARGE[self.status]


_BEFORE_CHARGE = {
    "deploying": Status.CREATED,
    "awaiting_deposit": Status.REQUIRES_ACTION,
    "deposit_seen": Status.PROCESSING,
    "expired": Status.EXPIRED,
    "failed": Status.CANCELED,
}


def project(
    effects: Iterable[Happened],
    *,
    token: str | None,
    fund_by: dt.datetime,
    final_at: dt.datetime,
    will_not_deploy: bool,
) -> Standing:
    """Return where an escrow stands.

    `token` is the contract of what it holds, None for the chain's own coin. `final_at` is the time
    of the chain's last final block: past `fund_by` no deposit can come any more.
    `will_not_deploy`: the transaction that was to make its contract failed, or never will be sent.
    """
    there = [effect for effect in effects if effect.state != "orphaned"]
    final = [effect for effect in there if effect.state == "final"]
    deposited = _total(final, "deposited")
    released = _total(final, "released")
    refunded = _total(final, "refunded", "reclaimed")
    same_token = [effect for effect in final if effect.token_address == token]
    return Standing(
        status=_status(
            {effect.kind for effect in there},
            deposited=deposited,
            remaining=deposited - released - refunded,
            is_late=final_at > fund_by,
            will_not_deploy=will_not_deploy,
        ),
        is_paused=_is_paused(there),
        deposited=deposited,
        released=released,
        refunded=refunded,
        stray=max(0, _total(same_token, "stray") - _total(same_token, "rescued")) if token else 0,
    )


def _status(
    kinds: set[str], *, deposited: int, remaining: int, is_late: bool, will_not_deploy: bool
) -> EscrowStatus:
    if deposited:
        if not remaining:
            return "closed"
        return "disputed" if "disputed" in kinds else "funded"
    if "deposited" in kinds:
        return "deposit_seen"
    if "created" in kinds:
        return "expired" if is_late else "awaiting_deposit"
    return "failed" if is_late or will_not_deploy else "deploying"


def _is_paused(there: Iterable[Happened]) -> bool:
    switches = [effect for effect in there if effect.kind in ("paused", "unpaused")]
    newest = max(switches, key=lambda e: (e.block_number, e.log_index), default=None)
    return newest is not None and newest.kind == "paused"


def _total(effects: Iterable[Happened], *kinds: str) -> int:
    return sum(effect.amount for effect in effects if effect.kind in kinds)

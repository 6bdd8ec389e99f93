"""What the buyer's wallet sends to fund an escrow, ready to be signed.

Two calls without secrets, of fixed form: so no node is asked for them, and no library.
"""

from dataclasses import dataclass

_DEPOSIT = "0xd0e30db0"  # deposit()
_APPROVE = "0x095ea7b3"  # approve(address,uint256), EIP-20
_WORD = 64  # hexadecimal digits of each argument


@dataclass(frozen=True, kw_only=True)
class WalletCall:
    """A transaction: `data` to the contract `to`, with `value` of the chain's own coin, in wei."""

    to: str
    data: str
    value: int

    def as_json(self) -> dict[str, str]:
        """Return it as the API writes it."""
        return {"to": self.to, "data": self.data, "value": str(self.value)}


@dataclass(frozen=True, kw_only=True)
class Deposit:
    """How an escrow is funded: by `call`, for a token only after `approve`."""

    call: WalletCall
    approve: WalletCall | None

    def as_json(self) -> dict[str, object]:
        """Return it as the API writes it."""
        approve = None
        if self.approve is not None:
            approve = {"to": self.approve.to, "data": self.approve.data}
        return {**self.call.as_json(), "approve": approve}


def deposit_of(*, contract: str, token: str | None, amount: int) -> Deposit:
    """Return what funds a contract with `amount`; `token` None means the chain's own coin."""
    if token is None:
        return Deposit(call=WalletCall(to=contract, data=_DEPOSIT, value=amount), approve=None)
    spender = contract.removeprefix("0x").lower().rjust(_WORD, "0")
    allowed = f"{amount:x}".rjust(_WORD, "0")
    return Deposit(
        call=WalletCall(to=contract, data=_DEPOSIT, value=0),
        approve=WalletCall(to=token, data=f"{_APPROVE}{spender}{allowed}", value=0),
    )

"""How much more to offer for a transaction that waits too long."""

from payments.chain.tables import ChainAttempt
from payments.providers.chain_port import Fees

_EIGHTH = 8
"""A node keeps the old form unless the new one offers a tenth more in both figures: we give 1/8."""


def raised_fees(old: ChainAttempt, current: Fees, highest: Fees) -> Fees | None:
    """Return what to offer instead of `old`: an eighth more, or what is usual now if that is more.

    None when that would be above the fee policy.
    """
    raised = Fees(max_fee=_raised(old.max_fee), priority_fee=_raised(old.priority_fee))
    if raised.max_fee > highest.max_fee or raised.priority_fee > highest.priority_fee:
        return None
    max_fee = min(max(raised.max_fee, current.max_fee), highest.max_fee)
    priority_fee = min(max(raised.priority_fee, current.priority_fee), highest.priority_fee)
    return Fees(max_fee=max_fee, priority_fee=min(priority_fee, max_fee))


def _raised(fee: int) -> int:
    return fee + max(1, -(-fee // _EIGHTH))

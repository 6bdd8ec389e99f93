"""Gives back what was paid for an order that another payment had paid already."""

import datetime as dt

from sqlalchemy import Engine

from payments.access.caller import Caller, Role
from payments.errors import ConflictError
from payments.log_lines import get_logger
from payments.providers.connect import Providers
from payments.refunds.create_refund import create_refund

_OURSELVES = Caller(principal="system:duplicates", role=Role.SERVICE)
_log = get_logger(__name__)


def refund_duplicate(
    engine: Engine, *, payment_id: str, now: dt.datetime, providers: Providers
) -> bool:
    """Refund a payment in whole, once; False when it went back another way before.

    Raises:
        UnavailableError: the provider gave no clear answer; run it again.
    """
    try:
        create_refund(
            engine,
            caller=_OURSELVES,
            reference=payment_id,
            payment_id=payment_id,
            amount=None,
            reason="duplicate",
            now=now,
            providers=providers,
        )
    except ConflictError as error:
        _log.warning("duplicate_not_refunded", payment_id=payment_id, reason=error.code)
        return False
    return True

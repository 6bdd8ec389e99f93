"""Asks a provider about the payments an operator wants to know about, step by step."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from payments.database import in_transaction, transaction
from payments.errors import UnavailableError
from payments.intake.poll_payments import poll_payment
from payments.lifecycle.tables import Payment
from payments.log_lines import get_logger
from payments.pending.request_ask import is_open_at
from payments.pending.tables import ProviderAsk
from payments.providers.connect import Providers

BATCH = 20
GIVE_UP_AFTER = dt.timedelta(days=1)
DOWN_AFTER = 3
"""So many in a row without an answer, and the provider is taken for down."""

_log = get_logger(__name__)


@dataclass(frozen=True)
class _Seen:
    """The step's payments as they stood before, and how far the ask was."""

    payments: dict[str, tuple[str, int, int]]
    position: str | None


def take_step(engine: Engine, ask_id: str, *, providers: Providers, now: dt.datetime) -> bool:
    """Ask about the next payments of an ask; False when nothing is left to do.

    Asking twice does no harm. One whose answer cannot be taken in is logged and passed over, and so
    is one without an answer, if others behind it get theirs.

    Raises:
        UnavailableError: the provider did not answer; the ask goes on from there.
    """
    with transaction(engine) as session:
        seen = _next(session, session.get_one(ProviderAsk, ask_id))
    if seen is None:
        return False
    last = seen.position
    silent: list[UnavailableError] = []
    try:
        for payment_id in seen.payments:
            try:
                _ask(engine, payment_id, providers=providers, now=now)
            except UnavailableError as error:
                silent.append(error)
                if len(silent) == DOWN_AFTER:
                    break
            else:
                last, silent = payment_id, []
        if silent:
            raise silent[-1]
    finally:
        is_last = len(seen.payments) < BATCH and last == _last_of(seen)
        in_transaction(
            engine,
            lambda session: _note(session, ask_id, seen, last=last, is_last=is_last, now=now),
        )
    return not is_last


def postpone(engine: Engine, ask_id: str, error: str, *, now: dt.datetime) -> bool:
    """Note that the provider is silent; False when it has been for a day and the ask fails."""

    def note(session: Session) -> bool:
        ask = session.get_one(ProviderAsk, ask_id, with_for_update=True)
        if ask.status != "running":
            return False
        ask.error = error
        if now - ask.created_at < GIVE_UP_AFTER:
            return True
        ask.status, ask.finished_at = "failed", now
        return False

    goes_on = in_transaction(engine, note)
    _log.warning("provider_ask_held_up", ask_id=ask_id, error=error, goes_on=goes_on)
    return goes_on


def _next(session: Session, ask: ProviderAsk) -> _Seen | None:
    if ask.status != "running":
        return None
    wanted = select(Payment).where(is_open_at(ask.provider), Payment.created_at <= ask.created_at)
    if ask.payment_id is not None:
        wanted = wanted.where(Payment.id == ask.payment_id)
    if ask.position is not None:
        wanted = wanted.where(Payment.id > ask.position)
    rows = session.scalars(wanted.order_by(Payment.id).limit(BATCH))
    return _Seen({row.id: _standing(row) for row in rows}, ask.position)


def _ask(engine: Engine, payment_id: str, *, providers: Providers, now: dt.datetime) -> None:
    try:
        poll_payment(engine, payment_id, now=now, providers=providers)
    except UnavailableError:
        raise
    except Exception:  # noqa: BLE001 - whatever it was, the others are not to wait for it
        _log.exception("not_asked_about", payment_id=payment_id)


def _note(
    session: Session,
    ask_id: str,
    seen: _Seen,
    *,
    last: str | None,
    is_last: bool,
    now: dt.datetime,
) -> None:
    ask = session.get_one(ProviderAsk, ask_id, with_for_update=True)
    if (ask.status, ask.position) != ("running", seen.position):
        return  # another run made this step
    asked = [one for one in seen.payments if last is not None and one <= last]
    rows = session.scalars(select(Payment).where(Payment.id.in_(asked)))
    ask.asked += len(asked)
    ask.changed += sum(_standing(row) != seen.payments[row.id] for row in rows)
    ask.position = last
    if is_last:
        ask.status, ask.error, ask.finished_at = "done", None, now
        _log.info(
            "provider_ask_done",
            ask_id=ask_id,
            provider=ask.provider,
            asked=ask.asked,
            changed=ask.changed,
        )


def _last_of(seen: _Seen) -> str | None:
    return max(seen.payments, default=seen.position)


def _standing(row: Payment) -> tuple[str, int, int]:
    return row.status, row.amount_captured, row.amount_refunded
